"""`plumbline server backup` and `restore`, with a server that runs and with somebody who was erased in between."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from server.cli import app
from server.ingest.enrolment import enrol_patient
from server.rights.tombstones import Erased, Tombstones
from server.settings import Settings
from server.store import open_engine, reading
from server.store.tables import audit_entry, patient


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def names(folder: Path) -> list[str]:
    engine = open_engine(f"sqlite:///{folder / 'plumbline.db'}")
    with reading(engine) as db:
        found = list(db.scalars(select(patient.c.pseudonym).order_by(patient.c.pseudonym)))
    engine.dispose()
    return found


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLUMBLINE_SERVER_DATA_DIR", str(tmp_path / "data"))
    assert call("migrate").exit_code == 0
    engine = open_engine(Settings().database)
    for pseudonym in ("P-ada", "P-ben"):
        enrol_patient(engine, name="x", zone="UTC", now_ms=0, pseudonym=pseudonym)
    engine.dispose()
    return tmp_path / "data"


def test_who_was_erased_after_the_backup_does_not_come_back(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    made = call("backup", str(file))
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    Tombstones(Settings().tombstones).add([Erased(pseudonym="P-ada", at_ms=1)])
    for path in data.glob("plumbline.db*"):
        path.unlink()
    done = call("restore", str(file))
    assert done.exit_code == 0, done.output
    assert "1 patients erased again" in done.stdout
    assert "There are no tombstones" not in done.stdout
    assert names(data) == ["P-ben"]
    again = call("restore", str(file))
    assert (again.exit_code, "holds a store already" in again.stderr) == (1, True)
    engine = open_engine(f"sqlite:///{data / 'plumbline.db'}")
    with reading(engine) as db:
        assert db.scalar(select(func.count()).where(audit_entry.c.patient == "P-ada"))
    engine.dispose()


def test_a_restore_without_tombstones_says_what_that_means(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    assert call("backup", str(file)).exit_code == 0
    for path in data.glob("plumbline.db*"):
        path.unlink()
    assert f"There are no tombstones at {Settings().tombstones}" in call("restore", str(file)).stdout


def test_a_damaged_key_of_gateways_is_told_in_one_line(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_SERVER_MQTT_ADMIN_USERNAME", "admin")
    Settings().gateway_key_file.write_bytes(b"short")
    result = call("create-gateway", "--name", "ward")
    assert (result.exit_code, "holds no key of 32 bytes" in result.stderr) == (1, True)


@pytest.mark.parametrize("command", ["restore", "run"])
def test_nobody_is_served_while_the_tombstones_cannot_be_read(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    served: list[str] = []
    monkeypatch.setattr("server.commands.running.listen", lambda *_: served.append("served"))
    file = tmp_path / "backup.tar"
    assert call("backup", str(file)).exit_code == 0
    Tombstones(Settings().tombstones).add([Erased(pseudonym="P-ada", at_ms=1)])
    Settings().tombstones.write_text("not what it was\n")
    if command == "restore":
        for path in data.glob("plumbline.db*"):
            path.unlink()
    result = call(command, *([str(file)] if command == "restore" else []))
    assert result.exit_code == 1
    assert "tombstones" in result.stderr
    assert not served
    assert (data / "plumbline.db").exists() is (command == "run")


def test_a_server_that_starts_erases_again_first(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where somebody put an old database file back by hand."""
    Tombstones(Settings().tombstones).add([Erased(pseudonym="P-ada", at_ms=1)])
    found: list[list[str]] = []

    def listen(*_: object) -> None:
        found.append(names(data))
        raise OSError(0, "that was all", "x")

    monkeypatch.setattr("server.commands.running.listen", listen)
    call("run")
    assert found == [["P-ben"]]
