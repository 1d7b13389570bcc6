"""`plumbline server audit` from the outside."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from server.audit.trail import Entry, append
from server.cli import app
from server.store import open_engine, writing


@pytest.fixture
def called(engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("PLUMBLINE_SERVER_DATABASE_URL", database_url)
    return engine


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments])


def _write(engine: Engine, count: int) -> None:
    with writing(engine) as db:
        entry = Entry("-", "", "", "command line", "", "see day", "P-1", "allowed")
        append(db, [replace(entry, detail=str(number)) for number in range(count)], 1)


def test_a_trail_is_verified_alone_and_from_an_anchor(called: Engine) -> None:
    _write(called, 3)
    number, digest = call("head").stdout.split()
    assert number == "3"
    _write(called, 2)
    assert call("verify").stdout == "the trail holds: 5 entries checked, the newest is 5\n"
    assert "3 entries checked" in call("verify", "--from-number", number, "--hash", digest).stdout
    other = call("verify", "--from-number", "4", "--hash", digest)
    assert (other.exit_code, "at entry 4: entry 4 has another hash" in other.stderr) == (1, True)


def test_a_trail_that_was_tampered_with_ends_with_status_1_and_says_where(called: Engine) -> None:
    _write(called, 4)
    with writing(called) as db:
        if called.dialect.name == "postgresql":
            db.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
        else:
            db.execute(text("DROP TRIGGER audit_entry_no_update"))
        db.execute(text("UPDATE audit_entry SET actor = 'U-9' WHERE number = 3"))
    result = call("verify")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "does not hold at entry 3: entry 3 is not as it was written" in result.stderr


def test_half_an_anchor_is_refused(called: Engine) -> None:
    result = call("verify", "--from-number", "3")
    assert (result.exit_code, "belong together" in result.stderr) == (1, True)


def test_examining_changes_no_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PLUMBLINE_SERVER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PLUMBLINE_SERVER_DATA_DIR", str(tmp_path))
    (tmp_path / "plumbline.db").touch()
    for command in ("head", "verify"):
        result = call(command)
        assert (result.exit_code, "has no trail yet" in result.stderr) == (1, True)
    engine = open_engine(f"sqlite:///{tmp_path / 'plumbline.db'}")
    with writing(engine) as db:
        assert db.execute(text("SELECT count(*) FROM sqlite_master")).scalar() == 0
    engine.dispose()
