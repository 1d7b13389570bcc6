"""A sealing key that is lost is not made anew while it is needed; on both databases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from server.access import authenticators
from server.access.recovery_codes import codes_left, make_codes
from server.access.sealed import COMMAND, LostKeyError, opening_box, require_key
from server.access.sealing import SecretBox
from server.cli import app
from server.store import reading, writing
from server.store.tables import audit_entry, authenticator, passkey

from .apps import SET_UP_MS, give_app


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sealing.key"


def test_the_first_start_makes_a_key_and_later_ones_keep_it(engine: Engine, file: Path) -> None:
    require_key(engine, file)
    assert not file.exists()
    opening_box(engine, file)
    made = file.read_bytes()
    give_app(engine, opening_box(engine, file))
    opening_box(engine, file)
    assert file.read_bytes() == made


def test_a_key_that_is_lost_or_another_is_not_passed_over(engine: Engine, file: Path) -> None:
    give_app(engine, opening_box(engine, file))
    right = file.read_bytes()
    file.unlink()
    with pytest.raises(LostKeyError, match=f"is not there to open the secret of .*{COMMAND}"):
        opening_box(engine, file)
    assert not file.exists()
    file.write_bytes(Fernet.generate_key())
    file.chmod(0o600)
    give_app(engine, SecretBox(right), "bea@example.org")
    give_app(engine, SecretBox(file.read_bytes()), "cleo@example.org")
    with pytest.raises(LostKeyError, match="does not open the secrets of 2 authenticator apps"):
        opening_box(engine, file)
    file.write_bytes(right)
    with pytest.raises(LostKeyError, match="does not open the secret of an"):
        opening_box(engine, file)


def test_what_was_begun_and_never_confirmed_keeps_nobody_out(engine: Engine, file: Path) -> None:
    number = give_app(engine, opening_box(engine, file))
    authenticators.begin_app(engine, SecretBox(Fernet.generate_key()), number, "ada@example.org", SET_UP_MS)
    opening_box(engine, file)


@pytest.fixture
def _settings(file: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PLUMBLINE_SERVER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PLUMBLINE_SERVER_DATA_DIR", str(file.parent))
    monkeypatch.setenv("PLUMBLINE_SERVER_DATABASE_URL", database_url)


def call(*arguments: str, fed: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments, input=fed)
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.usefixtures("_settings")
def test_a_server_does_not_start_until_lost_apps_are_given_up(engine: Engine, file: Path) -> None:
    ada = give_app(engine, SecretBox(Fernet.generate_key()))
    bea = give_app(engine, SecretBox(Fernet.generate_key()), "bea@example.org")
    cleo = give_app(engine, SecretBox.at(file), "cleo@example.org")
    with writing(engine) as db:
        for number in (ada, bea, cleo):
            make_codes(db, number, SET_UP_MS)
        row = {"user_id": bea, "credential": "x", "public_key": b"", "sign_count": 0, "transports": "[]"}
        db.execute(passkey.insert().values(**row, name="Phone", created_ms=0))
    code, said = call("run")
    assert (code, "does not open the secrets of 2 authenticator apps" in said, COMMAND in said) == (1, True, True)
    assert call("remove-lost-apps", fed="n\n")[0] == 1
    assert call("run")[0] == 1
    code, said = call("remove-lost-apps", fed="y\n")
    assert (code, said.endswith("2 people have to set up the app anew, on the page of the account")) == (0, True)
    with reading(engine) as db:
        assert db.scalars(select(authenticator.c.user_id)).all() == [cleo]
        assert [codes_left(db, number) for number in (ada, bea, cleo)] == [0, 10, 10]
        told = db.scalars(select(audit_entry.c.detail).order_by(audit_entry.c.number)).all()
    assert told == [f"app of U-{number} removed, key lost" for number in (ada, bea)]
    require_key(engine, file)
    assert "nothing is removed" in call("remove-lost-apps", "--yes")[1]
