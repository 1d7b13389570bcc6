"""Programs come in with tokens: as their owner, with fewer rights, and not for longer."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from server.access.accounts import end_care, set_disabled
from server.access.acts import ALLOWED, Act, Duty, Role
from server.access.attempts import AttemptRules
from server.access.scopes import ACTS, WORDS, Scope, UnknownScopeError, acts_of, duties_of, read_scopes, scopes_for
from server.access.tokens import LONGEST_MS, MOST, TokenError, add_token, find_bearer, revoke_token, tokens_of
from server.store import reading, writing
from server.store.tables import api_token, audit_entry, user_account
from tests.server.api.conftest import DAY_MS, MakeProgram, program_at, token_for
from tests.server.conftest import Clinic

API = "/api/v1"
ROUTES = {
    Scope.READ_PATIENTS: ("/patients", "/patients/1"),
    Scope.READ_MEASURES: ("/patients/1/days/2026-03-24", "/patients/1/days/2026-03-24/episodes", "/patients/1/days"),
    Scope.READ_PLANS: ("/patients/1/plan",),
}
CHANGE = {"plan": {"dwell_s": 99}, "reason": "because"}


async def status(client: httpx.AsyncClient, path: str) -> int:
    return (await client.get(API + path)).status_code


@pytest.mark.parametrize("scope", ROUTES)
async def test_a_scope_opens_its_routes_and_no_other(program: MakeProgram, scope: Scope) -> None:
    client, rest = program(scope), program(*(set(Scope) - {scope, Scope.WRITE_PLANS}))
    for owner, paths in ROUTES.items():
        for path in paths:
            assert await status(client, path) == (200 if owner is scope else 403), path
            assert await status(rest, path) == (403 if owner is scope else 200), path


async def test_writing_needs_its_scope_and_no_form_token(clinic: Clinic, program: MakeProgram) -> None:
    reader, writer = program(*(set(Scope) - {Scope.WRITE_PLANS})), program(Scope.WRITE_PLANS)
    assert (await reader.post(f"{API}/patients/1/plan", json=CHANGE)).status_code == 403
    made = await writer.post(f"{API}/patients/1/plan", json=CHANGE)
    assert (made.status_code, made.json()["author"]) == (201, "Mara Lindqvist")
    refused = await writer.get(f"{API}/patients")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:plumbline:problem:outside-scopes")
    foreign = await writer.post(f"{API}/patients/6/plan", json=CHANGE)
    assert foreign.status_code == 404


async def test_a_token_reaches_whom_its_owner_reaches_and_only_while_that_lasts(
    clinic: Clinic, program: MakeProgram
) -> None:
    client = program()
    assert [one["id"] for one in (await client.get(f"{API}/patients")).json()] == [1, 2, 3, 4, 5]
    assert await status(client, "/patients/6") == 404
    end_care(clinic.engine, clinic.people["mara"], 1, clinic.now_ms)
    assert await status(client, "/patients/1") == 404
    with writing(clinic.engine) as db:
        set_disabled(db, clinic.people["mara"], clinic.now_ms)
    assert await status(client, "/patients") == 401


async def test_a_token_is_good_until_it_expires_and_until_it_is_revoked(clinic: Clinic, program: MakeProgram) -> None:
    short, other = program(days=1), program(days=2)
    clinic.now_ms += DAY_MS - 1
    assert await status(short, "/patients") == 200
    clinic.now_ms += 1
    refused = await short.get(f"{API}/patients")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.json()["type"] == "urn:plumbline:problem:token-refused"
    assert await status(other, "/patients") == 200
    with writing(clinic.engine) as db:
        assert revoke_token(db, clinic.people["mara"], 2, clinic.now_ms)
    assert await status(other, "/patients") == 401


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer ", "Bearer plt_", "Bearer plt_" + "x" * 43, "Basic bWFyYTp4", "bearer\tx", "{}"]
)
async def test_what_is_no_token_lets_nobody_in_though_a_session_would(clinic: Clinic, shown: str) -> None:
    client = await clinic.signed_in()
    for path in ("/patients", "/session", "/tokens"):
        answer = await client.get(API + path, headers={"authorization": shown})
        assert answer.status_code == 401, path
    assert (await client.get("/patients", headers={"authorization": shown})).status_code == 200, "pages know no tokens"
    await client.aclose()


async def test_a_token_opens_no_page_no_session_and_no_other_token(program: MakeProgram) -> None:
    client = program()
    assert (await client.get("/patients")).status_code == 303
    assert (await client.get("/patients/1")).status_code == 303
    for method, path in (("GET", "/session"), ("DELETE", "/session"), ("GET", "/tokens"), ("DELETE", "/tokens/1")):
        assert (await client.request(method, API + path)).status_code == 401, path
    wish = {"name": "more", "scopes": ["read:plans"], "days": 1}
    assert (await client.post(f"{API}/tokens", json=wish)).status_code == 401


async def test_tokens_are_made_told_once_listed_and_revoked_by_a_session(clinic: Clinic) -> None:
    mara, otto = await clinic.signed_in(), await clinic.signed_in("otto")
    wish = {"name": "Ward board", "scopes": ["read:plans", "read:patients"], "days": 30}
    answer = await mara.post(f"{API}/tokens", json=wish)
    assert answer.status_code == 201
    made = answer.json()
    secret = made.pop("token")
    assert secret.startswith("plt_")
    assert len(secret) == 4 + 43, "256 bits"
    assert made["expires_ms"] == clinic.now_ms + 30 * DAY_MS
    assert (await mara.get(f"{API}/tokens")).json() == [made]
    assert (await otto.get(f"{API}/tokens")).json() == []
    board = program_at(clinic, secret)
    assert await status(board, "/patients") == 200
    assert (await mara.get(f"{API}/tokens")).json()[0]["seen_ms"] == clinic.now_ms
    with reading(clinic.engine) as db:
        kept = db.execute(select(api_token)).one()
    assert kept.token_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in repr(kept)
    assert (await otto.delete(f"{API}/tokens/{made['id']}")).status_code == 404
    assert await status(board, "/patients") == 200
    for _ in range(2):
        assert (await mara.delete(f"{API}/tokens/{made['id']}")).status_code == 204
    assert await status(board, "/patients") == 401
    await mara.aclose()
    await otto.aclose()


async def test_making_one_needs_somebody_who_has_just_signed_in(clinic: Clinic) -> None:
    mara = await clinic.signed_in()
    clinic.now_ms += clinic.rules.fresh_ms + 1
    wish = {"name": "Late", "scopes": ["read:plans"], "days": 1}
    refused = await mara.post(f"{API}/tokens", json=wish)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:plumbline:problem:confirm-first")
    assert (await mara.get(f"{API}/tokens")).json() == []
    await mara.aclose()


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""}, {"name": " "}, {"name": "x" * 81}, {"name": "a\nb"}, {"scopes": []}, {"scopes": ["write:all"]},
        {"days": 0}, {"days": 366}, {"days": 1.5}, {"days": "9"}, {"owner": 1},
    ],
    ids=str,
)  # fmt: skip
async def test_wishes_that_cannot_be_granted_are_told(clinic: Clinic, change: dict[str, Any]) -> None:
    mara = await clinic.signed_in()
    wish = {"name": "Export", "scopes": ["read:plans"], "days": 30, **change}
    answer = await mara.post(f"{API}/tokens", json=wish)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].split(".")[0] in change
    assert (await mara.get(f"{API}/tokens")).json() == []
    await mara.aclose()


async def test_the_trail_names_the_token(clinic: Clinic, program: MakeProgram) -> None:
    client = program(Scope.READ_PLANS)
    assert await status(client, "/patients/1/plan") == 200
    assert await status(client, "/patients/1") == 403
    mara = await clinic.signed_in()
    await mara.post(f"{API}/tokens", json={"name": "Secret name", "scopes": ["read:plans"], "days": 30})
    with reading(clinic.engine) as db:
        rows = db.execute(
            select(audit_entry).where(audit_entry.c.act != "sign in").order_by(audit_entry.c.number)
        ).all()
    told = [(row.actor, row.via, row.act, row.outcome, row.detail) for row in rows]
    assert told == [
        ("token:1", "token:1", "see plan", "allowed", ""),
        ("token:1", "token:1", "see record", "refused", ""),
        (f"U-{clinic.people['mara']}", "api", "manage tokens", "done", "token:2 made"),
    ]
    assert "Secret name" not in repr(rows)
    await mara.aclose()


async def test_requests_of_a_token_are_limited(make_clinic: Any) -> None:
    clinic = make_clinic(programs=AttemptRules(span_ms=60_000, pair=3, account=3, address=5))
    one, other = (
        program_at(clinic, token_for(clinic.engine, clinic.people["mara"], clinic.now_ms).secret) for _ in "12"
    )
    guesser = program_at(clinic, "plt_guess")
    assert [await status(one, "/patients") for _ in range(4)] == [200, 200, 200, 429]
    assert await status(other, "/patients") == 200
    assert [await status(guesser, "/patients") for _ in range(2)] == [401, 429], "five of this address"
    held = await one.get(f"{API}/patients")
    assert 0 < int(held.headers["retry-after"]) <= 60
    clinic.now_ms += 60_000
    assert await status(one, "/patients") == 200


def test_on_both_databases(engine: Engine) -> None:
    from server.access.accounts import create_account
    from tests.server.conftest import quick_passwords

    owner = create_account(
        engine, quick_passwords(), email="a@example.org", name="A", password="a quiet afternoon", now_ms=0
    )
    made = [token_for(engine, owner, 0, [Scope.READ_PLANS]) for _ in range(MOST)]
    assert len({one.secret for one in made}) == MOST
    with pytest.raises(TokenError, match="revoke"):
        token_for(engine, owner, 0)
    with writing(engine) as db:
        assert revoke_token(db, owner, made[0].token.id, 1)
        assert not revoke_token(db, owner, 10**6, 1)
    assert find_bearer(engine, made[0].secret, 2) is None
    found = find_bearer(engine, made[1].secret, 60_000)
    assert found is not None
    assert found.person.id == owner
    assert set(found.scopes) == {Scope.READ_PLANS}
    with reading(engine) as db:
        listed = tokens_of(db, owner)
    assert [one.id for one in listed] == sorted((one.token.id for one in made), reverse=True)
    assert [one.seen_ms for one in listed if one.id == made[1].token.id] == [60_000]
    token_for(engine, owner, 0)
    with writing(engine) as db:
        db.execute(update(user_account).where(user_account.c.id == owner).values(role="patient"))
    assert find_bearer(engine, made[1].secret, 2) is None, "patients have no tokens"
    with writing(engine) as db, pytest.raises(TokenError, match="year"):
        add_token(db, owner, name="x", scopes=[Scope.READ_PLANS], valid_ms=LONGEST_MS + 1, now_ms=0)


@given(st.sets(st.sampled_from(Scope), min_size=1))
def test_scopes_never_open_what_concerns_access_itself(scopes: set[Scope]) -> None:
    never = {Act.MANAGE_CARE, Act.ERASE, Act.CHANGE_RECORD, Act.CONNECT_COMPUTER, Act.DISCONNECT_COMPUTER}
    assert not acts_of(scopes) & never
    assert duties_of(scopes) <= {Duty.SEE_OPERATION}
    assert read_scopes(scope.value for scope in scopes) == scopes


def test_people_are_offered_scopes_that_open_something_to_them() -> None:
    assert set(scopes_for(Role.THERAPIST)) == set(Scope) - {Scope.READ_OPERATION}
    rights = {Scope.READ_CONSENT, Scope.WRITE_CONSENT, Scope.READ_AUDIT}
    assert set(scopes_for(Role.ADMINISTRATOR)) == {Scope.READ_PATIENTS, Scope.READ_OPERATION} | rights


def test_scopes_are_told_and_open_something() -> None:
    somewhere = set(itertools.chain(*ALLOWED.values()))
    assert all(WORDS[scope] and (acts_of([scope]) or duties_of([scope])) for scope in Scope)
    assert all(acts <= somewhere for acts in ACTS.values())
    for wrong in ([], ["read:all"]):
        with pytest.raises(UnknownScopeError, match="read:patients"):
            read_scopes(wrong)
