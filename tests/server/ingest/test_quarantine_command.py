"""`plumbline server quarantine` from the outside."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from server.cli import app
from server.ingest.service import refuse, settle
from server.store import reading
from server.store.tables import audit_entry
from tests.server.ingest.conftest import T0, make_batch, make_record


@pytest.fixture
def clinic(clinic: Any, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PLUMBLINE_SERVER_DATABASE_URL", database_url)
    return clinic


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["quarantine", *arguments])


def test_it_lists_shows_acknowledges_and_forgets(clinic: Any) -> None:
    home = clinic.gateways[0]
    settle(clinic.engine, "9" * 16, make_batch(make_record("episode", 3)), T0)
    refuse(clinic.engine, home, "records", b"secret numbers", problem="no JSON", now_ms=T0)
    listed = call("list").stdout
    assert listed.splitlines() == [
        "alarm 1: unknown_gateway x1 (not enrolled), 2026-09-21 14:00:00Z to 2026-09-21 14:00:00Z",
        "count: (not enrolled) not_assigned 1",
        f"count: {home} malformed 1",
        f"entry 2: 2026-09-21 14:00:00Z {home} records malformed (no JSON), 14 characters",
        next(line for line in listed.splitlines() if line.startswith("entry 1: ")),
    ]
    assert "(not enrolled) episode not_assigned, " in listed
    assert "secret" not in listed
    assert call("show", "2").stdout == "secret numbers\n"
    assert call("acknowledge", "2", "--note", "an old program").stdout == "entry 2 is acknowledged\n"
    assert call("acknowledge", "1", "--alarm").stdout == "open alarm 1 is acknowledged\n"
    assert "entry 2" not in call("list").stdout
    everything = call("list", "--all").stdout
    assert "by -: an old program" in everything
    assert f"count: {home} malformed 1, 0 since somebody looked" in everything
    assert call("forget", "1", "2", "7").stdout == "2 of 3 entries are deleted\n"
    assert "entry" not in call("list", "--all").stdout
    for missing in (("show", "2"), ("acknowledge", "2"), ("acknowledge", "1", "--alarm")):
        answer = call(*missing)
        assert (answer.exit_code, "there is no" in answer.stderr) == (1, True), missing
    c = audit_entry.c
    with reading(clinic.engine) as db:
        told = db.execute(select(c.actor, c.via, c.act, c.detail).order_by(c.number)).all()
    assert [tuple(row) for row in told] == [
        ("-", "command line", "see refused content", "entry 2"),
        ("-", "command line", "manage operation", "entry 2"),
        ("-", "command line", "manage operation", "alarm 1"),
        ("-", "command line", "manage operation", "forgot 2 entries"),
    ]
