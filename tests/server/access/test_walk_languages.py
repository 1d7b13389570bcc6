"""Every page can be shown in every language."""

from __future__ import annotations

import pytest

from server.language import LANGUAGES, SOURCE
from tests.server.access.conftest import Town
from tests.server.access.decisions import ADMITTED, BEFORE_A_SESSION, Who
from tests.server.access.test_walk import all_routes, ask


@pytest.mark.parametrize("tag", [tag for tag in LANGUAGES if tag != SOURCE])
@pytest.mark.parametrize("who", [Who.CARER, Who.SELF, Who.ADMINISTRATOR])
async def test_every_page_can_be_shown(town: Town, who: Who, tag: str) -> None:
    client = town.visitor(who)
    client.headers["accept-language"] = tag
    shown = 0
    for route in all_routes(town):
        skipped = route in BEFORE_A_SESSION or "/api/" in route or "export" in route
        if route.startswith("GET ") and who in ADMITTED.get(route, frozenset()) and not skipped:
            answer = await ask(client, town, route)
            assert answer.status_code in (200, 303, 503), (route, answer.status_code)
            shown += f'<html lang="{tag}">' in answer.text
    assert shown > 5
    await client.aclose()
