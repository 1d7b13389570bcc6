"""The scopes that the document names for each operation are those that it needs: no fewer, and none too many."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

import httpx
from hypothesis import given
from hypothesis import strategies as st

from server.access.acts import ALLOWED, Act, Basis, Duty, Role
from server.access.attempts import AttemptRules
from server.access.scopes import Scope, acts_of, duties_of, scopes_for, ways_to
from server.access.tokens import revoke_token
from server.app import create_app
from server.store.engine import writing
from tests.server.access.conftest import Town
from tests.server.access.decisions import ADMITTED, Who
from tests.server.access.test_walk import ask
from tests.server.api.conftest import program_at, token_for
from tests.server.conftest import quick_passwords

_OUTSIDE: Final = "urn:plumbline:problem:outside-scopes"
_OWNERS: Final = (Who.CARER, Who.ADMINISTRATOR)
_ROLES: Final = {Who.CARER: Role.THERAPIST, Who.ADMINISTRATOR: Role.ADMINISTRATOR}


def operations(town: Town) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """Every operation that is for those who have signed in, and the ways in."""
    for path, item in town.clinic.app.openapi()["paths"].items():
        for method, it in item.items():
            if "security" in it:
                yield f"{method.upper()} {path}", it["security"]


def too_few(ways: list[frozenset[Scope]], offered: frozenset[Scope]) -> Iterator[frozenset[Scope]]:
    """All that is offered, but for one scope of each way in."""
    for without in set(map(frozenset, product(*ways))):
        if offered - without:
            yield offered - without


async def asked(town: Town, owner: Who, route: str, scopes: frozenset[Scope]) -> httpx.Response:
    account, clinic = town.accounts[owner], town.clinic
    made = token_for(clinic.engine, account, clinic.now_ms, scopes)
    async with program_at(clinic, made.secret) as client:
        answer: httpx.Response = await ask(client, town, route)
    with writing(clinic.engine) as db:
        revoke_token(db, account, made.token.id, clinic.now_ms)
    return answer


async def test_an_operation_needs_the_scopes_that_it_names(town: Town) -> None:
    clinic = town.clinic
    any_number = AttemptRules(pair=10**9, account=10**9, address=10**9)
    rules = type(clinic.rules)(programs=any_number)
    clinic.app = create_app(clinic.engine, lambda: clinic.now_ms, rules=rules, passwords=quick_passwords())
    named: set[Scope] = set()
    for route, ways in operations(town):
        opening = [frozenset(map(Scope, way["token"])) for way in ways if "token" in way]
        for owner in ADMITTED[route].intersection(_OWNERS):
            offered = frozenset(scopes_for(_ROLES[owner]))
            for way in opening:
                named |= way
                answer = await asked(town, owner, route, way)
                assert answer.status_code not in (401, 403), (route, way, answer.text)
            for scopes in too_few(opening, offered):
                answer = await asked(town, owner, route, scopes)
                assert answer.status_code in (401, 403), (route, scopes, answer.status_code)
                assert opening == [] or answer.json()["type"] == _OUTSIDE, (route, scopes, answer.text)
    assert named == set(Scope), "a scope that opens nothing"


@given(st.sets(st.sampled_from([*Act, *Duty]), min_size=1, max_size=4))
def test_each_way_opens_all_and_none_has_a_scope_too_many(needed: set[Any]) -> None:
    ways = ways_to(needed)
    for way in ways:
        assert needed <= acts_of(way) | duties_of(way)
        assert not any(needed <= acts_of(way - {one}) | duties_of(way - {one}) for one in way)
    assert bool(ways) == (needed <= acts_of(Scope) | duties_of(Scope))


def test_who_may_record_consent_may_see_how_it_stands() -> None:
    for basis in Basis:
        assert (Act.CONSENT in ALLOWED[basis]) <= (Act.SEE_RIGHTS in ALLOWED[basis])
