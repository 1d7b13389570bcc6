"""Sign-in by the clinic's own accounts: what is believed, and whose account it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import Engine, event, insert, select, update

from server.access import clinic_accounts
from server.access.clinic import ClinicIdentity, ClinicSignIn, ClinicSignInError
from server.access.clinic_settings import ClinicSettings
from server.store import reading, writing
from server.store.tables import clinic_identity, organisation, user_account
from tests.server.transactions import committed

from .provider import CLIENT_ID, CLIENT_SECRET, ISSUER, Provider

account_of = committed(clinic_accounts.account_of)
T0 = 1_774_000_000_000
BACK = "https://posture.clinic.test/login/clinic/answer"
MARA = ClinicIdentity(ISSUER, "subject-1", "mara@example.org")


class Line:
    """A provider, and the sign-in that talks with it."""

    def __init__(self) -> None:
        self.now_ms = T0
        self.provider = Provider(lambda: self.now_ms)
        settings = ClinicSettings(ISSUER, CLIENT_ID, CLIENT_SECRET, 1)
        self.clinic = ClinicSignIn(settings, transport=self.provider.transport())

    async def sign_in(self, **instead: str) -> ClinicIdentity:
        errand = await self.clinic.start(BACK, self.now_ms)
        assert self.provider.visit(errand.url).startswith("/login/clinic/answer?code=")
        assert self.provider.wanted["state"] == errand.state
        checks = {"nonce": errand.nonce, "verifier": errand.verifier, "redirect_uri": BACK, "code": "a code", **instead}
        return await self.clinic.finish(checks.pop("code"), now_ms=self.now_ms, **checks)


@pytest.fixture
def line() -> Line:
    return Line()


async def test_somebody_who_signs_in_there_is_believed(line: Line) -> None:
    assert await line.sign_in() == MARA
    assert line.provider.wanted["scope"] == "openid email"
    assert line.provider.wanted["code_challenge_method"] == "S256"
    assert await line.sign_in() == MARA
    assert line.provider.asked == ["description", "token", "keys", "token"], "what is known is not asked again"
    line.now_ms += 2 * 3_600_000
    assert await line.sign_in() == MARA
    assert line.provider.asked.count("description") == 2


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://accounts.evil.test/realm"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client", "and another"]},
        {"aud": "another client", "azp": CLIENT_ID},
        {"aud": None},
        {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
        {"nonce": "of another visit"},
        {"nonce": None},
        {"exp": T0 // 1000 - 61},
        {"exp": None},
        {"iat": T0 // 1000 + 600},
        {"nbf": T0 // 1000 + 600},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"at_hash": "of another token"},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_this_visit_is_refused(line: Line, claims: dict[str, Any]) -> None:
    line.provider.claims = claims
    with pytest.raises(ClinicSignInError):
        await line.sign_in()


@pytest.mark.parametrize("sign", ["none", "HS256"])
async def test_a_token_that_the_provider_did_not_sign_is_refused(line: Line, sign: str) -> None:
    line.provider.sign = sign
    with pytest.raises(ClinicSignInError, match="cannot be believed"):
        await line.sign_in()


async def test_a_token_signed_with_somebody_elses_key_is_refused(line: Line) -> None:
    await line.sign_in()
    line.provider.key = RSAKey.generate_key(2048, {"kid": "first"})
    with pytest.raises(ClinicSignInError, match="cannot be believed"):
        await line.sign_in()


async def test_a_provider_may_change_its_keys(line: Line) -> None:
    await line.sign_in()
    line.provider.key = RSAKey.generate_key(2048, {"kid": "second"})
    assert await line.sign_in() == MARA


@pytest.mark.parametrize("instead", [{"verifier": "x" * 43}, {"redirect_uri": BACK + "/"}, {"code": "guessed"}])
async def test_the_code_is_worth_nothing_without_what_only_this_visit_knows(
    line: Line, instead: dict[str, str]
) -> None:
    with pytest.raises(ClinicSignInError, match="answered 400 at /realm/token"):
        await line.sign_in(**instead)


@pytest.mark.parametrize(
    ("claims", "userinfo", "email"),
    [
        ({"email_verified": False}, None, ""),
        ({"email_verified": None}, None, ""),
        ({"email_verified": "true"}, None, ""),
        ({"email": None, "email_verified": None}, None, ""),
        (
            {"email": None},
            {"sub": "subject-1", "email": "mara@example.org", "email_verified": True},
            "mara@example.org",
        ),
        ({"email": None}, {"sub": "subject-2", "email": "mara@example.org", "email_verified": True}, ""),
        ({"email": None}, {"sub": "subject-1", "email": "mara@example.org"}, ""),
    ],
)
async def test_only_a_verified_address_counts(
    line: Line, claims: dict[str, Any], userinfo: dict[str, Any] | None, email: str
) -> None:
    line.provider.claims, line.provider.userinfo = claims, userinfo
    if userinfo is None and "email" in claims and claims["email"] is None:
        line.provider.metadata = {"userinfo_endpoint": None}
    assert (await line.sign_in()).email == email


async def test_a_provider_that_takes_the_secret_in_the_form_gets_it_there(line: Line) -> None:
    line.provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert await line.sign_in() == MARA


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://accounts.evil.test/realm"},
        {"token_endpoint": "http://accounts.clinic.test/realm/token"},
        {"jwks_uri": None},
    ],
    ids=str,
)
async def test_a_description_that_is_not_the_providers_is_refused(line: Line, metadata: dict[str, Any]) -> None:
    line.provider.metadata = metadata
    with pytest.raises(ClinicSignInError):
        await line.sign_in()


def test_settings_keep_the_secret_to_themselves_and_want_tls() -> None:
    assert CLIENT_SECRET not in repr(ClinicSettings(ISSUER, CLIENT_ID, CLIENT_SECRET, 1))
    ClinicSettings("http://localhost:8080/realm", CLIENT_ID, CLIENT_SECRET, 1)
    with pytest.raises(ValueError, match="https"):
        ClinicSettings("http://accounts.clinic.test", CLIENT_ID, CLIENT_SECRET, 1)


@pytest.fixture
def mara(engine: Engine) -> int:
    row = {"email": "mara@example.org", "name": "Mara", "role": "therapist", "password_hash": "", "created_ms": 0}
    with writing(engine) as db:
        db.execute(insert(organisation).values(id=2, name="Another clinic", created_ms=0))
        key = db.execute(insert(user_account).values(row)).inserted_primary_key
        assert key is not None
        return int(key[0])


def test_the_first_time_a_verified_address_finds_the_account_and_then_the_subject_does(
    engine: Engine, mara: int
) -> None:
    unverified = ClinicIdentity(ISSUER, "subject-1", "")
    assert account_of(engine, unverified, 1, T0) is None
    assert account_of(engine, ClinicIdentity(ISSUER, "subject-1", "Mara@Example.org"), 1, T0) == mara
    assert account_of(engine, unverified, 1, T0 + 1) == mara
    with writing(engine) as db:
        db.execute(update(user_account).values(email="mara@another.org"))
    assert account_of(engine, MARA, 1, T0 + 2) == mara
    with reading(engine) as db:
        row = db.execute(select(clinic_identity)).one()
    assert (row.created_ms, row.used_ms) == (T0, T0 + 2)


def test_an_address_that_changed_hands_does_not_give_the_account_away(engine: Engine, mara: int) -> None:
    assert account_of(engine, MARA, 1, T0) == mara
    successor = ClinicIdentity(ISSUER, "subject-2", "mara@example.org")
    assert account_of(engine, successor, 1, T0) is None


def test_nobody_comes_in_without_an_account_in_the_organisation(engine: Engine, mara: int) -> None:
    assert account_of(engine, ClinicIdentity(ISSUER, "subject-9", "nobody@example.org"), 1, T0) is None
    assert account_of(engine, MARA, 2, T0) is None
    assert account_of(engine, MARA, 1, T0) == mara
    assert account_of(engine, MARA, 2, T0) is None
    with writing(engine) as db:
        db.execute(update(user_account).values(disabled_ms=T0))
    assert account_of(engine, MARA, 1, T0) is None


@pytest.mark.parametrize("subjects", [("subject-1", "subject-1"), ("subject-1", "subject-2")], ids=["one", "two"])
def test_two_who_come_by_one_account_at_the_same_moment(engine: Engine, mara: int, subjects: tuple[str, str]) -> None:
    """On PostgreSQL both have seen that nobody came yet before either writes; SQLite lets one write at a time."""
    start, seen = Barrier(2), Barrier(2)

    def wait(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO clinic_identity") and engine.dialect.name == "postgresql":
            seen.wait(10)

    def come(subject: str) -> int | None:
        start.wait(10)
        return account_of(engine, ClinicIdentity(ISSUER, subject, "mara@example.org"), 1, T0)

    event.listen(engine, "before_cursor_execute", wait)
    try:
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(come, subjects))
    finally:
        event.remove(engine, "before_cursor_execute", wait)
    assert found.count(mara) == (2 if len(set(subjects)) == 1 else 1)
    with reading(engine) as db:
        (kept,) = db.execute(select(clinic_identity)).all()
    assert (kept.subject, kept.user_id) == (subjects[found.index(mara)], mara)
