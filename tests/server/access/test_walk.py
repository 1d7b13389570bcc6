"""Every route, as every visitor and as nobody, from another site, and without a form token.

What is expected stands in `decisions.py`; whoever is not named there is refused, and a route that is not named fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import Engine, Table, select

from server.access.accounts import begin_care, end_care
from server.access.acts import ALLOWED, Basis
from server.store.engine import reading
from server.store.tables import audit_entry, metadata
from tests.server.access.conftest import HIDDEN, Town
from tests.server.access.decisions import ADMITTED, BEFORE_A_SESSION, BODIES, NO_BASIS, Who, to_whom_nothing_is_there

_MOVES_BY_ITSELF = {"audit_entry", "audit_head", "session"}


def routes(holder: Any) -> Iterator[str]:
    for route in holder.routes:
        if isinstance(route, APIRoute):
            yield from (f"{method} {route.path}" for method in route.methods or ())
        elif hasattr(route, "original_router"):
            yield from routes(route.original_router)


def all_routes(town: Town) -> list[str]:
    return sorted(routes(town.clinic.app))


async def ask(
    client: httpx.AsyncClient, town: Town, route: str, *, there: bool = True, headers: Mapping[str, str] | None = None
) -> Any:
    method, path = route.split(" ")
    address, body = town.address(path, there=there), BODIES.get(route, {})
    if method in ("GET", "DELETE"):
        return await client.request(method, address, headers=headers)
    if path.startswith("/api/"):
        return await client.request(method, address, json=body, headers=headers)
    return await client.request(method, address, data=body, headers=headers)


def is_refused_to_nobody(route: str, answer: httpx.Response) -> bool:
    method, path = route.split(" ")
    if path.startswith("/api/"):
        return answer.status_code == 401 and answer.headers["content-type"] == "application/problem+json"
    if method == "GET":
        return answer.status_code == 303 and answer.headers["location"].startswith("/login")
    return answer.status_code in (401, 403)


def contents(engine: Engine) -> dict[str, list[Any]]:
    """Every row of every table that a request may not change by merely being refused."""
    kept: list[Table] = [table for name, table in metadata.tables.items() if name not in _MOVES_BY_ITSELF]
    with reading(engine) as db:
        return {table.name: sorted(map(repr, db.execute(select(table)))) for table in kept}


async def check_refusals(town: Town, who: Who, route: str) -> None:
    """Nothing is shown to who is not admitted; where nothing connects them, not even that something is there."""
    client = town.visitor(who)
    answer = await ask(client, town, route)
    if who is Who.NOBODY:
        assert is_refused_to_nobody(route, answer), (route, answer.status_code)
    elif "{" in route and who in to_whom_nothing_is_there(route):
        absent = await ask(client, town, route, there=False)
        assert answer.status_code == absent.status_code, (who, route)
        assert answer.status_code in (403, 404), (who, route, answer.status_code)
        assert answer.text == absent.text, (who, route)
        assert answer.status_code == 404 or "{patient_id}" not in route, (who, route)
    else:
        assert answer.status_code == 403, (who, route, answer.status_code)
    assert "Keller" not in answer.text, (who, route)
    await client.aclose()


def test_every_route_is_decided_about(town: Town) -> None:
    undecided = sorted(set(all_routes(town)) - ADMITTED.keys())
    assert not undecided, "say in tests/server/access/decisions.py who is admitted to these routes"
    assert sorted(ADMITTED.keys() - set(all_routes(town)) - {"GET /metrics"}) == []


@pytest.mark.parametrize("who", Who)
async def test_who_is_not_admitted_gets_nothing_and_changes_nothing(town: Town, who: Who) -> None:
    before = contents(town.clinic.engine)
    for route in all_routes(town):
        if who not in ADMITTED.get(route, frozenset()):
            await check_refusals(town, who, route)
    assert contents(town.clinic.engine) == before


@pytest.mark.parametrize("who", Who)
async def test_who_is_admitted_sees(town: Town, who: Who) -> None:
    client = town.visitor(who)
    for route in all_routes(town):
        if route.startswith("GET ") and who in ADMITTED.get(route, frozenset()) and route not in BEFORE_A_SESSION:
            answer = await ask(client, town, route)
            assert answer.status_code in (200, 303, 503), (who, route, answer.status_code, answer.text)
            if who is not Who.NOBODY:
                assert not answer.headers.get("location", "").startswith("/login"), (who, route)
            if who in NO_BASIS - {Who.COLLEAGUE, Who.OTHER_PATIENT}:
                assert "Keller" not in answer.text, (who, route)
    await client.aclose()


@pytest.mark.parametrize("who", [Who.NOBODY, Who.CARER])
async def test_the_ways_in_show_nothing_of_anybody(town: Town, who: Who) -> None:
    for route in sorted(BEFORE_A_SESSION):
        client = town.visitor(who)
        answer = await ask(client, town, route)
        assert answer.status_code < 500 or answer.status_code == 503, (route, answer.status_code)
        assert not [name for name in ("Keller", "Okafor", HIDDEN) if name in answer.text], route
        await client.aclose()


async def test_who_is_admitted_may_write(town: Town) -> None:
    for route in all_routes(town):
        if route.startswith("GET ") or route in BEFORE_A_SESSION or " /account" in route:  # see test_my_account.py
            continue
        if "{token_id}" in route:  # see tests/server/api/test_tokens.py
            continue
        for who in sorted(ADMITTED.get(route, frozenset()) - {Who.NOBODY}):
            town.begin_anew()  # what one has ended the next would not find
            client = town.visitor(who)
            shared = "{key}" in route and who is Who.COLLEAGUE  # templates are the whole practice's
            foreign = "{" in route and who in NO_BASIS and not shared
            answer = await ask(client, town, route)
            expected = (404,) if foreign else (200, 201, 204, 303, 409, 422)
            assert answer.status_code in expected, (who, route, answer.status_code, answer.text)
            await client.aclose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_the_walk_ends_the_same_on_the_other_database(town_on_both: Town) -> None:
    """Every basis asks its own query, and every page its own: each once, the first as everybody."""
    town = town_on_both
    for who in Who:
        for route in ("GET /api/v1/patients/{patient_id}", "GET /patients/{patient_id}/plan", "GET /people/patients"):
            if who in ADMITTED[route]:
                await check_sight(town, who, route)
            else:
                await check_refusals(town, who, route)
    for who in (Who.CARER, Who.SELF, Who.ADMINISTRATOR):
        for route in all_routes(town):
            if route.startswith("GET ") and who in ADMITTED.get(route, frozenset()) and route not in BEFORE_A_SESSION:
                await check_sight(town, who, route)


async def check_sight(town: Town, who: Who, route: str) -> None:
    client = town.visitor(who)
    answer = await ask(client, town, route)
    assert answer.status_code in (200, 303, 503), (who, route, answer.status_code, answer.text)
    await client.aclose()


async def test_no_listing_mixes_organisations(town_on_both: Town) -> None:
    town, ours = town_on_both, ("Keller", "Okafor", "Nakamura", "mara@", "otto@", "new@example.org")
    for who in Who:
        client = town.visitor(who)
        for route in all_routes(town):
            if not route.startswith("GET ") or "{" in route or who not in ADMITTED.get(route, frozenset()):
                continue
            text = (await ask(client, town, route)).text
            if who in (Who.STRANGER, Who.OTHER_ADMINISTRATOR):
                assert not [name for name in ours if name in text], (who, route)
            else:
                assert HIDDEN not in text, (who, route)
                assert "nils@" not in text, (who, route)
        await client.aclose()


async def test_a_relation_across_organisations_opens_nothing(town: Town) -> None:
    begin_care(town.clinic.engine, town.accounts["nils"], 1, town.clinic.now_ms - 1000)
    client = town.visitor(Who.STRANGER)
    assert (await client.get("/api/v1/patients/1")).status_code == 404
    assert [one["name"] for one in (await client.get("/api/v1/patients")).json()] == [HIDDEN]
    await client.aclose()


def test_a_stronger_basis_allows_all_that_a_weaker_one_does() -> None:
    assert ALLOWED[Basis.CARE] >= ALLOWED[Basis.EMERGENCY]


async def test_reading_and_writing_are_told_to_the_trail(town: Town) -> None:
    client = town.visitor(Who.CARER)
    await client.get("/api/v1/patients/1/days/2026-03-25")
    await client.post("/api/v1/patients/1/plan", json={"plan": {"dwell_s": 99}, "reason": "because"})
    await client.post("/api/v1/patients/1/plan", json={"plan": {"dwell_s": -1}, "reason": "because"})
    await client.get("/api/v1/patients/6/plan")
    await client.get("/api/v1/patients/987654/plan")
    await client.aclose()
    stranger = town.visitor(Who.ADMINISTRATOR)
    await stranger.get("/api/v1/patients/1/days/2026-03-25")
    await stranger.aclose()
    c = audit_entry.c
    with reading(town.clinic.engine) as db:
        told = db.execute(select(c.actor, c.basis, c.act, c.patient, c.outcome, c.via, c.address).order_by(c.number))
        rows = [tuple(row) for row in told]
    mara, vera = f"U-{town.accounts['mara']}", f"U-{town.accounts['vera']}"
    assert rows == [
        (mara, "care", "see day", "P-0001", "allowed", "api", "127.0.0.1"),
        (mara, "care", "see plan", "P-0001", "allowed", "api", "127.0.0.1"),
        (mara, "care", "change plan", "P-0001", "done", "api", "127.0.0.1"),
        (mara, "care", "see plan", "P-0001", "allowed", "api", "127.0.0.1"),
        (mara, "care", "change plan", "P-0001", "failed", "api", "127.0.0.1"),
        (mara, "", "see plan", "P-0006", "refused", "api", "127.0.0.1"),
        (mara, "", "see plan", "", "refused", "api", "127.0.0.1"),
        (vera, "administration", "see day", "P-0001", "refused", "api", "127.0.0.1"),
    ]


async def test_writing_needs_the_form_token_of_the_session(town: Town) -> None:
    client, other = town.visitor(Who.CARER), town.visitor(Who.COLLEAGUE)
    own = client.headers.pop("x-form-token")
    before = contents(town.clinic.engine)
    for route in all_routes(town):
        if route.startswith("GET ") or route in BEFORE_A_SESSION:
            continue
        for token in ("", "f" * 64, other.headers["x-form-token"]):
            answer = await ask(client, town, route, headers={"x-form-token": token})
            assert answer.status_code == 403, route
    assert contents(town.clinic.engine) == before
    client.headers["x-form-token"] = own
    assert (await client.get("/api/v1/session")).status_code == 200
    await client.aclose()
    await other.aclose()


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"origin": "http://clinic.test.evil.test"},
    ],
)
async def test_no_other_site_writes(town: Town, headers: dict[str, str]) -> None:
    client = town.visitor(Who.CARER)
    for route in all_routes(town):
        if not route.startswith("GET "):
            answer = await ask(client, town, route, headers=headers)
            assert answer.status_code == 403, route
            assert "another site" in answer.text
    assert (await client.get("/api/v1/session")).status_code == 200
    await client.aclose()


async def test_own_pages_and_programs_may_write(town: Town) -> None:
    client = town.visitor(Who.CARER)
    body = {"plan": {"dwell_s": 99}, "reason": "because"}
    for headers in ({"sec-fetch-site": "same-origin"}, {"origin": "http://clinic.test"}):
        answer = await client.post("/api/v1/patients/1/plan", json=body, headers=headers)
        assert answer.status_code == 201
    del client.headers["origin"]
    assert (await client.post("/api/v1/patients/1/plan", json=body)).status_code == 201
    await client.aclose()


async def test_the_end_of_care_is_the_end_of_access(town: Town) -> None:
    client = town.visitor(Who.CARER)
    assert (await client.get("/api/v1/patients/1")).status_code == 200
    end_care(town.clinic.engine, town.accounts["mara"], 1, town.clinic.now_ms)
    for path in ("/api/v1/patients/1", "/patients/1", "/patients/1/plan", "/api/v1/patients/1/days/2026-03-24"):
        assert (await client.get(path)).status_code == 404
    assert "Keller" not in (await client.get("/patients")).text
    await client.aclose()


async def test_care_begins_when_it_begins(town: Town) -> None:
    client = town.visitor(Who.COLLEAGUE)
    begin_care(town.clinic.engine, town.accounts["otto"], 1, town.clinic.now_ms + 1000)
    assert (await client.get("/api/v1/patients/1")).status_code == 404
    town.clinic.now_ms += 1000
    assert (await client.get("/api/v1/patients/1")).status_code == 200
    await client.aclose()


async def test_emergency_access_ends_by_itself(town: Town) -> None:
    client = town.visitor(Who.EMERGENCY)
    assert (await client.get("/api/v1/patients/1")).status_code == 200
    town.clinic.now_ms += 4 * 3_600_000 - 1001
    client = town.visitor(Who.EMERGENCY)
    assert (await client.get("/api/v1/patients/1")).status_code == 200
    town.clinic.now_ms += 1
    assert (await client.get("/api/v1/patients/1")).status_code == 404
    assert (await client.get("/api/v1/patients")).json() == []
    await client.aclose()
