"""Passkeys: what is taken for one, and what is not; on both databases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update

from server.access import passkeys
from server.access.passkeys import PasskeyLimitError, PasskeyRefusedError, ask_to_make, ask_to_show
from server.access.rules import AccessRules, Site
from server.store import open_engine, reading, writing
from server.store.tables import passkey, user_account
from tests.server.transactions import committed

from .keys import MADE, PRESENT, Key

SITE = Site("https://posture.clinic.test", "posture.clinic.test")
T0 = 1_774_000_000_000
keep_passkey, owner_shown = committed(passkeys.keep_passkey), committed(passkeys.owner_shown)


class Holder:
    """Somebody with a key."""

    def __init__(self, engine: Engine, email: str) -> None:
        row = {"email": email, "name": "Ada", "role": "therapist", "password_hash": "", "created_ms": 0}
        with writing(engine) as db:
            self.id: int = db.execute(insert(user_account).values(row).returning(user_account.c.id)).scalar_one()
        self.engine = engine
        self.key = Key(SITE.origin, SITE.rp_id, credential=email.encode())

    def make(self, *, flags: int | None = None, challenge: str = "", **instead: Any) -> None:
        asked = ask_to_make(self.engine, SITE, self.id, email="ada@example.org", name="Ada")
        self.key.flags = self.key.flags if flags is None else flags
        answer = self.key.make(json.loads(asked.options), **instead)
        keep_passkey(self.engine, SITE, self.id, answer, challenge or asked.challenge, name=" Phone ", now_ms=T0)

    def show(self, *, anybody: bool = True, challenge: str = "", **instead: Any) -> int:
        asked = ask_to_show(self.engine, SITE, None if anybody else self.id)
        answer = self.key.show(json.loads(asked.options), **instead)
        return owner_shown(self.engine, SITE, answer, challenge or asked.challenge, T0 + 5)


@pytest.fixture
def ada(sqlite_template: Path, tmp_path: Path) -> Iterator[Holder]:
    file = tmp_path / "plumbline.db"
    shutil.copy(sqlite_template, file)
    engine = open_engine(f"sqlite:///{file}")
    yield Holder(engine, "ada@example.org")
    engine.dispose()


def test_a_passkey_is_asked_for_with_all_that_makes_it_two_factors(ada: Holder) -> None:
    options = json.loads(ask_to_make(ada.engine, SITE, ada.id, email="ada@example.org", name="Ada").options)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["rp"] == {"name": "Plumbline", "id": "posture.clinic.test"}
    assert "ada" not in options["user"]["id"]
    shown = json.loads(ask_to_show(ada.engine, SITE).options)
    assert shown["userVerification"] == "required"
    assert shown["allowCredentials"] == []
    assert len({ask_to_show(ada.engine, SITE).challenge for _ in range(5)}) == 5


def test_who_has_made_a_passkey_comes_in_with_it(engine: Engine) -> None:
    ada = Holder(engine, "ada@example.org")
    ada.make()
    assert ada.show() == ada.id
    assert ada.show(anybody=False) == ada.id
    with reading(ada.engine) as db:
        (kept,) = passkeys.passkeys_of(db, ada.id)
    assert (kept.name, kept.created_ms, kept.used_ms) == ("Phone", T0, T0 + 5)
    again = json.loads(ask_to_make(ada.engine, SITE, ada.id, email="ada@example.org", name="Ada").options)
    assert [(one["id"], one["transports"]) for one in again["excludeCredentials"]] == [
        ("YWRhQGV4YW1wbGUub3Jn", ["internal"])
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://posture.clinic.evil"},
        {"origin": "http://posture.clinic.test"},
        {"type": "webauthn.get"},
        {"challenge": "AAAA"},
        {"flags": PRESENT},
        {"flags": 0},
    ],
    ids=str,
)
def test_what_was_made_elsewhere_or_without_its_owner_is_not_kept(ada: Holder, wrong: dict[str, Any]) -> None:
    if "challenge" in wrong:
        wrong = {"challenge": passkeys.ask_to_show(ada.engine, SITE).challenge}
    with pytest.raises(PasskeyRefusedError):
        ada.make(**wrong)
    with reading(ada.engine) as db:
        assert passkeys.count_passkeys(db, ada.id) == 0


@pytest.mark.parametrize(
    "wrong", [{"origin": "https://posture.clinic.evil"}, {"type": "webauthn.create"}, {"challenge": "another"}], ids=str
)
def test_an_answer_to_another_question_is_refused(ada: Holder, wrong: dict[str, Any]) -> None:
    ada.make()
    if "challenge" in wrong:
        wrong = {"challenge": passkeys.ask_to_show(ada.engine, SITE).challenge}
    with pytest.raises(PasskeyRefusedError):
        ada.show(**wrong)
    assert ada.show() == ada.id


def test_its_owner_must_have_been_there(ada: Holder) -> None:
    ada.make()
    for flags in (0, PRESENT, MADE):
        ada.key.flags = flags
        with pytest.raises(PasskeyRefusedError):
            ada.show()


def test_a_copy_is_found_out_by_its_counter(ada: Holder) -> None:
    ada.make()
    assert ada.show() == ada.id
    ada.key.count = 0
    with pytest.raises(PasskeyRefusedError, match="sign count"):
        ada.show()


def test_a_passkey_is_its_owners_alone(engine: Engine) -> None:
    ada = Holder(engine, "ada@example.org")
    ada.make()
    bea = Holder(engine, "bea@example.org")
    bea.make()
    assert bea.show() == bea.id
    bea.key.user_handle = ada.key.user_handle
    with pytest.raises(PasskeyRefusedError, match="somebody else's"):
        bea.show()
    bea.key.user_handle, bea.key.credential = ada.key.user_handle, ada.key.credential
    with pytest.raises(PasskeyRefusedError, match="signature"):
        bea.show()
    with pytest.raises(PasskeyRefusedError, match="known already"):
        bea.make()
    with writing(engine) as db:
        assert not passkeys.remove_passkey(db, bea.id, passkeys.passkeys_of(db, ada.id)[0].id)
        assert not passkeys.rename_passkey(db, bea.id, passkeys.passkeys_of(db, ada.id)[0].id, "Mine")


def test_what_is_removed_or_of_a_disabled_account_opens_nothing(ada: Holder) -> None:
    ada.make()
    with writing(ada.engine) as db:
        db.execute(update(user_account).values(disabled_ms=T0))
    with pytest.raises(PasskeyRefusedError):
        ada.show()
    with writing(ada.engine) as db:
        db.execute(update(user_account).values(disabled_ms=None))
    assert ada.show() == ada.id
    with writing(ada.engine) as db:
        assert passkeys.remove_passkey(db, ada.id, passkeys.passkeys_of(db, ada.id)[0].id)
    with pytest.raises(PasskeyRefusedError, match="no such"):
        ada.show()


@pytest.mark.parametrize(
    "nonsense", [{}, {"id": 7}, {"id": "x", "response": "y"}, {"id": "YWRhQGV4YW1wbGUub3Jn"}], ids=str
)
def test_nonsense_is_refused_and_nothing_else(ada: Holder, nonsense: dict[str, Any]) -> None:
    ada.make()
    with pytest.raises(PasskeyRefusedError):
        owner_shown(ada.engine, SITE, nonsense, "AAAA", T0)
    with pytest.raises(PasskeyRefusedError):
        keep_passkey(ada.engine, SITE, ada.id, nonsense, "AAAA", name="", now_ms=T0)


def test_the_number_of_passkeys_is_bounded(ada: Holder) -> None:
    ada.make()
    with writing(ada.engine) as db:
        rest = {"public_key": b"", "sign_count": 0, "transports": "[]", "name": "Key", "created_ms": T0}
        for number in range(passkeys.MOST - 1):
            db.execute(insert(passkey).values(user_id=ada.id, credential=f"key{number:05d}", **rest))
    ada.key.credential = b"one too many"
    with pytest.raises(PasskeyLimitError):
        ada.make()


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("", None),
        ("https://posture.clinic.test/", SITE),
        ("http://localhost:8000", Site("http://localhost:8000", "localhost")),
        ("http://127.0.0.1:8000", None),
        ("http://[::1]:8000", None),
    ],
)
def test_passkeys_need_a_name_to_belong_to(url: str, site: Site | None) -> None:
    assert AccessRules(public_url=url).site == site
