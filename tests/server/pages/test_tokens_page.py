"""The page on which people make tokens for programs: shown once, then by name, and revoked there."""

from __future__ import annotations

import re

import pytest

from tests.server.api.conftest import program_at
from tests.server.conftest import Clinic

PAGE = "/account/tokens"
FORM = {"name": "Ward board", "scopes": ["read:patients"], "days": "90"}


async def test_a_token_is_made_used_and_revoked_on_the_page(clinic: Clinic) -> None:
    mara = await clinic.signed_in()
    assert PAGE in (await mara.get("/account")).text
    assert "None." in (await mara.get(PAGE)).text
    made = await mara.post(PAGE, data=FORM)
    secret = re.search(r"plt_[\w-]{43}", made.text)
    assert made.status_code == 200
    assert secret
    assert "no-store" in made.headers["cache-control"]
    board = program_at(clinic, secret[0])
    assert (await board.get("/api/v1/patients")).status_code == 200
    listed = (await mara.get(PAGE)).text
    assert "Ward board" in listed
    assert "23 Jun 2026" in listed
    assert secret[0] not in listed
    assert (await mara.post(f"{PAGE}/1/revoke")).status_code == 303
    assert (await board.get("/api/v1/patients")).status_code == 401
    assert "revoked 25 Mar 2026" in (await mara.get(PAGE)).text
    assert (await mara.post(f"{PAGE}/2/revoke")).status_code == 404
    await mara.aclose()


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"scopes": []}, 422, "one thing at least"),
        ({"scopes": ["write:all"]}, 422, "one thing at least"),
        ({"name": " "}, 422, "name of up to 80 letters"),
        ({"name": "x" * 81}, 422, "name of up to 80 letters"),
        ({"days": "1000"}, 422, "days"),
    ],
    ids=str,
)
async def test_what_is_amiss_is_told(clinic: Clinic, change: dict[str, object], status: int, words: str) -> None:
    mara = await clinic.signed_in()
    answer = await mara.post(PAGE, data={**FORM, **change})
    assert answer.status_code == status
    assert words in answer.text
    assert "None." in (await mara.get(PAGE)).text
    await mara.aclose()


async def test_names_are_escaped_and_late_comers_confirm_first(clinic: Clinic) -> None:
    mara = await clinic.signed_in()
    await mara.post(PAGE, data={**FORM, "name": "<script>alert(1)</script>"})
    assert "<script>alert" not in (await mara.get(PAGE)).text
    clinic.now_ms += clinic.rules.fresh_ms + 1
    late = await mara.post(PAGE, data=FORM)
    assert (late.status_code, late.headers["location"]) == (303, "/account/confirm")
    await mara.aclose()
