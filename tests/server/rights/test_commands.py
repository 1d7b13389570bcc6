"""`plumbline server erase status` and `consent`, from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from server.cli import app
from server.rights import outstanding
from server.store import writing
from server.store.tables import erasure, gateway
from tests.server.rights.homes import DAY, T0, Home, record


@pytest.fixture
def called(home: Home, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PLUMBLINE_SERVER_DATABASE_URL", database_url)
    monkeypatch.setenv("PLUMBLINE_SERVER_DATA_DIR", str(tmp_path))
    return home


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_the_status_says_what_is_gone_and_what_is_outstanding(called: Home) -> None:
    assert call("erase", "status").stdout == "nobody was erased\n"
    called.send(record("epoch", called.clips[0]))
    called.erase()
    lines = call("erase", "status").stdout.splitlines()
    assert lines[0] == "P-anna  waiting for computers, erased 2026-09-22 14:00 UTC by U-1"
    assert "epoch_hour 1" in lines[1]
    assert lines[2].endswith(": nothing")
    assert lines[3].endswith(f"computer {called.gateways[0]}, clip {called.clips[0]}")
    with writing(called.engine) as db:
        db.execute(update(gateway).where(gateway.c.id == called.gateways[0]).values(revoked_ms=T0))
        outstanding.complete(db, T0 + 2 * DAY)
    (told,) = json.loads(call("erase", "status", "P-anna", "--json").stdout)
    assert (told["state"], told["outstanding"], told["left"]) == ("complete", [], {})
    assert call("erase", "status").stdout.splitlines()[-1] == "  complete since 2026-09-23 14:00 UTC"
    assert "nobody called P-x was erased" in call("erase", "status", "P-x").stderr


def test_rows_that_are_left_end_with_status_1(called: Home) -> None:
    called.erase()
    with writing(called.engine) as db:
        db.execute(update(erasure).values(left_json='{"daily": 2}'))
    result = call("erase", "status")
    assert (result.exit_code, "rows left" in result.stdout, "daily 2" in result.stdout) == (1, True, True)


def test_a_text_is_published_once(called: Home, tmp_path: Path) -> None:
    assert call("consent", "show").stdout.startswith("plumbline-1: ")
    file = tmp_path / "text.md"
    file.write_text("I agree.")
    arguments = ("consent", "publish", str(file), "--version", "2026-11", "--purpose", "Treatment")
    assert call(*arguments).stdout == "text 2026-11 is asked for from now on\n"
    assert call("consent", "show").stdout.startswith("2026-11: Treatment\n\nI agree.")
    again = call(*arguments)
    assert (again.exit_code, "another version" in again.stderr) == (1, True)
    file.write_bytes(b"\xff")
    assert "not UTF-8" in call(*arguments).stderr
    assert call("consent", "publish", str(tmp_path / "none"), "--version", "3", "--purpose", "x").exit_code == 1
