"""Codes of apps, recovery codes, and steps, on both databases."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from server.access import authenticators, recovery_codes, steps
from server.access.sealing import SecretBox, UnsealError
from server.store import reading, writing
from server.store.tables import authenticator, recovery_code, sign_in_step, user_account
from tests.server.transactions import committed

T0 = 1_774_000_000_000
SECOND = 1000
confirm_app, code_matches = committed(authenticators.confirm_app), committed(authenticators.code_matches)
begin, find = committed(steps.begin), committed(steps.find)
take, count_try = committed(steps.take), committed(steps.count_try)


@pytest.fixture
def box() -> SecretBox:
    return SecretBox(Fernet.generate_key())


@pytest.fixture
def ada(engine: Engine) -> int:
    return add_person(engine, "ada@example.org")


def add_person(engine: Engine, email: str) -> int:
    row = {"email": email, "name": "Ada", "role": "therapist", "password_hash": "", "created_ms": 0}
    with writing(engine) as db:
        key = db.execute(insert(user_account).values(row)).inserted_primary_key
        assert key is not None
        return int(key[0])


def with_app(engine: Engine, box: SecretBox, user_id: int) -> pyotp.TOTP:
    """An app that has been confirmed at T0."""
    offer = authenticators.begin_app(engine, box, user_id, "ada@example.org", T0)
    totp = pyotp.TOTP(offer.secret)
    assert confirm_app(engine, box, user_id, totp.at(T0 // 1000), T0)
    return totp


def test_the_secret_is_stored_sealed_and_never_shown_by_itself(engine: Engine, ada: int, box: SecretBox) -> None:
    offer = authenticators.begin_app(engine, box, ada, "ada@example.org", T0)
    assert offer.secret in offer.uri
    assert "issuer=Plumbline" in offer.uri
    assert offer.secret not in repr(offer)
    with reading(engine) as db:
        assert offer.secret not in repr(db.execute(select(authenticator)).all())
    assert authenticators.begun_app(engine, box, ada, "ada@example.org") == offer
    with pytest.raises(UnsealError):
        authenticators.begun_app(engine, SecretBox(Fernet.generate_key()), ada, "ada@example.org")


def test_an_app_counts_once_a_code_has_come_back(engine: Engine, ada: int, box: SecretBox) -> None:
    offer = authenticators.begin_app(engine, box, ada, "ada@example.org", T0)
    now = pyotp.TOTP(offer.secret).at(T0 // 1000)
    assert not code_matches(engine, box, ada, now, T0)
    wrong = f"{(int(now) + 1) % 10**6:06d}"
    assert not confirm_app(engine, box, ada, wrong, T0)
    with reading(engine) as db:
        assert authenticators.app_since(db, ada) is None
    assert confirm_app(engine, box, ada, now, T0)
    with reading(engine) as db:
        assert authenticators.app_since(db, ada) == T0


def test_a_new_app_replaces_the_old_one_only_when_confirmed(engine: Engine, ada: int, box: SecretBox) -> None:
    first = with_app(engine, box, ada)
    offer = authenticators.begin_app(engine, box, ada, "ada@example.org", T0)
    later = T0 + 90 * SECOND
    assert code_matches(engine, box, ada, first.at(later // 1000), later)
    second = pyotp.TOTP(offer.secret)
    assert confirm_app(engine, box, ada, second.at(later // 1000), later)
    latest = later + 90 * SECOND
    assert not code_matches(engine, box, ada, first.at(latest // 1000), latest)
    assert code_matches(engine, box, ada, second.at(latest // 1000), latest)


def test_a_code_is_taken_once_and_no_older_one_after_it(engine: Engine, ada: int, box: SecretBox) -> None:
    totp = with_app(engine, box, ada)
    assert not code_matches(engine, box, ada, totp.at(T0 // 1000), T0), "it has confirmed the app"
    now = T0 + 300 * SECOND
    before, code = totp.at(now // 1000 - 30), totp.at(now // 1000)
    assert code_matches(engine, box, ada, f" {code[:3]} {code[3:]} ", now)
    assert not code_matches(engine, box, ada, code, now + SECOND)
    assert not code_matches(engine, box, ada, before, now + SECOND)


@pytest.mark.parametrize(("away", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(engine: Engine, ada: int, box: SecretBox, away: int, taken: bool) -> None:
    totp = with_app(engine, box, ada)
    now = T0 + 3600 * SECOND
    assert code_matches(engine, box, ada, totp.at(now // 1000 + 30 * away), now) is taken


def test_a_code_is_its_owners_alone(engine: Engine, ada: int, box: SecretBox) -> None:
    totp = with_app(engine, box, ada)
    bea = add_person(engine, "bea@example.org")
    with_app(engine, box, bea)
    now = T0 + 300 * SECOND
    assert not code_matches(engine, box, bea, totp.at(now // 1000), now)
    for nonsense in ("", "12345", "1234567", "abcdef", "٣٤٥٦٧٨"):
        assert not code_matches(engine, box, ada, nonsense, now)


@given(now=st.integers(T0, T0 + 10**9), seed=st.integers(0, 2**32))
def test_the_step_found_is_the_one_whose_code_it_is(now: int, seed: int) -> None:
    secret = pyotp.random_base32() if seed % 2 else "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    step = now // 30_000
    assert authenticators._step_of(secret, pyotp.TOTP(secret).at(step * 30), now) == step


def test_recovery_codes_are_shown_once_and_used_once(engine: Engine, ada: int) -> None:
    with writing(engine) as db:
        codes = recovery_codes.make_codes(db, ada, T0)
    assert len(set(codes)) == 10
    assert all(len(code) == 19 for code in codes)
    with reading(engine) as db:
        kept = repr(db.execute(select(recovery_code)).all())
        assert recovery_codes.codes_left(db, ada) == 10
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    with writing(engine) as db:
        assert recovery_codes.use_code(db, ada, codes[3].lower().replace("-", " "), T0)
        assert not recovery_codes.use_code(db, ada, codes[3], T0)
        assert not recovery_codes.use_code(db, add_other(db), codes[4], T0)
        assert not recovery_codes.use_code(db, ada, "not a code", T0)
        assert recovery_codes.codes_left(db, ada) == 9
        again = recovery_codes.make_codes(db, ada, T0)
        assert not recovery_codes.use_code(db, ada, codes[4], T0)
        assert recovery_codes.use_code(db, ada, again[0], T0)


def add_other(db: Any) -> int:
    row = {"email": "bea@example.org", "name": "Bea", "role": "therapist", "password_hash": "", "created_ms": 0}
    return int(db.execute(insert(user_account).values(row)).inserted_primary_key[0])


def test_a_step_belongs_to_its_browser_and_ends_by_itself(engine: Engine, ada: int) -> None:
    begin(engine, "cookie", steps.Purpose.FACTOR, T0, user_id=ada, body={"next": "/patients"})
    with reading(engine) as db:
        assert "cookie" not in repr(db.execute(select(sign_in_step)).all())
    found = find(engine, "cookie", steps.Purpose.FACTOR, T0 + 1)
    assert found is not None
    assert (found.user_id, found.body) == (ada, {"next": "/patients"})
    assert find(engine, "another", steps.Purpose.FACTOR, T0) is None
    assert find(engine, "cookie", steps.Purpose.CLINIC, T0) is None
    assert find(engine, "cookie", steps.Purpose.FACTOR, T0 + steps.LASTS_MS) is None
    begin(engine, "new", steps.Purpose.CLINIC, T0 + steps.LASTS_MS)
    with reading(engine) as db:
        assert len(db.execute(select(sign_in_step)).all()) == 1


def test_what_is_taken_is_gone_and_what_is_begun_again_replaced(engine: Engine) -> None:
    for challenge in ("one", "two"):
        begin(engine, "cookie", steps.Purpose.PASSKEY, T0, body={"challenge": challenge})
    taken = take(engine, "cookie", steps.Purpose.PASSKEY, T0)
    assert taken is not None
    assert taken.body["challenge"] == "two"
    assert take(engine, "cookie", steps.Purpose.PASSKEY, T0) is None


def test_a_step_ends_after_its_tries(engine: Engine, ada: int) -> None:
    begin(engine, "cookie", steps.Purpose.FACTOR, T0, user_id=ada)
    tried = [count_try(engine, "cookie", steps.Purpose.FACTOR, T0) for _ in range(steps.MOST_TRIES + 1)]
    assert [step is not None for step in tried] == [True] * steps.MOST_TRIES + [False]
    assert find(engine, "cookie", steps.Purpose.FACTOR, T0) is None
