"""`plumbline server`: every command from the outside, and a process that serves and stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import insert, select
from typer.testing import CliRunner, Result

from server.access.factors import Factors, factors_of
from server.access.recovery_codes import make_codes
from server.broker.run import free_port
from server.broker.verifier import matches
from server.cli import app
from server.settings import Settings, variable
from server.store import open_engine, reading, writing
from server.store.tables import assignment, authenticator, care_relation, gateway, patient, user_account

CLIP = "a" * 16


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PLUMBLINE_SERVER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PLUMBLINE_SERVER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def done(*arguments: str) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_who_has_lost_every_factor_is_helped_from_the_command_line(data_dir: Path) -> None:
    done("create-administrator", "--email", "vera@example.org", "--name", "Vera", "--password", "a quiet afternoon")
    engine = open_engine(f"sqlite:///{data_dir / 'plumbline.db'}")
    with writing(engine) as connection:
        vera = connection.execute(select(user_account.c.id)).scalar_one()
        make_codes(connection, vera, 0)
        begun = {"sealed": "", "last_step": 0, "created_ms": 0, "confirmed_ms": 1}
        connection.execute(insert(authenticator).values(user_id=vera, **begun))
    assert factors_of(engine, vera).any
    done("remove-second-factors", "--email", "Vera@example.org")
    assert factors_of(engine, vera) == Factors(app=False, passkeys=0, recovery_codes=0)
    engine.dispose()
    assert "no account" in call("remove-second-factors", "--email", "nobody@example.org").output


def test_a_clinic_from_nothing(data_dir: Path) -> None:
    assert done("migrate").startswith("the database is at revision ")
    done("create-therapist", "--email", "Mara@example.org", "--name", "Mara", "--password", "a quiet afternoon")
    made = done("create-patient", "--name", "Anna", "--zone", "Europe/Berlin", "--therapist", "mara@example.org")
    number = made.removeprefix("patient ")
    told = dict(line.split(" ", 1) for line in done("create-gateway", "--name", "home").splitlines())
    done("assign", CLIP, number, "--gateway", told["gateway"], "--since", "2026-01-02")
    engine = open_engine(f"sqlite:///{data_dir / 'plumbline.db'}")
    with reading(engine) as connection:
        assert connection.scalar(select(user_account.c.email)) == "mara@example.org"
        assert connection.scalar(select(patient.c.zone)) == "Europe/Berlin"
        assert connection.scalar(select(care_relation.c.patient_id)) == int(number)
        assert connection.scalar(select(gateway.c.id)) == told["gateway"]
        verifier = connection.scalar(select(gateway.c.mqtt_hash)) or ""
        row = connection.execute(select(assignment)).one()
    engine.dispose()
    assert (row.clip, row.gateway, row.start_ms, row.end_ms) == (CLIP, told["gateway"], 1_767_312_000_000, None)
    assert matches(told["password"], verifier)
    assert told["password"] not in (data_dir / "plumbline.db").read_bytes().decode("latin-1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create-patient", "--name", "X", "--zone", "Mars"], "unknown time zone 'Mars'"),
        (["create-patient", "--name", "X", "--zone", "UTC", "--therapist", "no@x"], "no account for no@x"),
        (["create-patient", "--name", " ", "--zone", "UTC"], "a patient needs a name"),
        (["create-therapist", "--email", "a@x", "--name", "A", "--password", "short"], "a password has"),
        (["create-therapist", "--email", "ann", "--name", "A", "--password", "a quiet afternoon"], "no e-mail address"),
        (["create-therapist", "--email", "a@x", "--name", "", "--password", "a quiet afternoon"], "needs a name"),
        (["create-gateway", "--name", ""], "a gateway needs a name"),
        (["create-gateway", "--name", "x", "--gateway", "home"], "16 hexadecimal digits"),
        (["assign", CLIP, "7"], "no patient 7"),
        (["run", "--mqtt", "http://x"], "must look like mqtt://"),
    ],
)
def test_what_can_be_put_right_is_said_in_one_line(data_dir: Path, arguments: list[str], words: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "99999", "PLUMBLINE_SERVER_PORT"),
        ("DATA_DIR", "/dev/null/here", "/dev/null/here"),
        ("DATABASE_URL", "mysql://x/y", "only sqlite and postgresql"),
        ("DATABASE_URL", "postgresql://127.0.0.1:1/x?connect_timeout=1", "the database cannot be used"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"PLUMBLINE_SERVER_{name}", value)
    result = call("migrate")
    assert result.exit_code == 1
    assert words in result.stderr


def test_a_port_that_another_program_has_is_named(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = call("run", "--port", str(port))
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"port {port} of 127.0.0.1: another program has it" in result.stderr
        monkeypatch.setenv("PLUMBLINE_SERVER_MQTT_PORT", str(port))
        result = call("run", "--port", str(free_port()))
        assert result.exit_code == 1
        assert f"port {port} is taken" in result.stderr


def test_an_account_is_made_once(data_dir: Path) -> None:
    person = ("create-therapist", "--name", "Mara", "--password", "a quiet afternoon", "--email")
    done(*person, "mara@example.org")
    assert "there is an account for mara@example.org already" in call(*person, "Mara@Example.org").stderr


def test_only_its_user_reads_the_database(data_dir: Path) -> None:
    done("create-patient", "--name", "Anna", "--zone", "UTC")
    assert [file.name for file in data_dir.iterdir() if file.stat().st_mode & 0o077] == []
    assert data_dir.stat().st_mode & 0o077 == 0


def test_it_serves_and_stops(data_dir: Path) -> None:
    ports = {"PLUMBLINE_SERVER_PORT": str(free_port()), "PLUMBLINE_SERVER_MQTT_PORT": str(free_port())}
    code = "from server.cli import app; app()"
    with subprocess.Popen([sys.executable, "-c", code, "run"], env=os.environ | ports) as process:
        try:
            limit = time.monotonic() + 30
            while True:
                try:
                    answer = httpx.get(f"http://127.0.0.1:{ports['PLUMBLINE_SERVER_PORT']}/login")
                except httpx.TransportError:
                    assert process.poll() is None
                    assert time.monotonic() < limit
                    time.sleep(0.1)
                else:
                    break
            assert answer.status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            with socket.socket() as probe:  # its broker has gone with it
                assert probe.connect_ex(("127.0.0.1", int(ports["PLUMBLINE_SERVER_MQTT_PORT"]))) != 0
        finally:
            process.kill()
    assert (data_dir / "plumbline.db").exists()


def test_every_setting_is_told_with_what_it_does() -> None:
    told = CliRunner().invoke(app, ["settings"]).stdout
    for name, field in Settings.model_fields.items():
        assert field.description, f"say in a docstring what {name} does"
        assert f"{variable(name)}" in told
        assert " ".join(field.description.split()) in told
    assert f"{variable('port')} = 8000" in told
    assert f"{variable('mqtt_password')} (or ..._FILE)\n" in told


@pytest.mark.parametrize(
    "command",
    [
        "audit verify", "audit head", "erase status", "quarantine list", "quarantine show 1",
        "quarantine acknowledge 1 --note seen", "quarantine forget 1",
    ],
)  # fmt: skip
def test_what_only_looks_makes_no_store(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable("data_dir"), str(tmp_path / "elsewhere"))
    result = CliRunner().invoke(app, command.split())
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert f"there is no store at {tmp_path / 'elsewhere' / 'plumbline.db'}" in result.stderr
    assert not (tmp_path / "elsewhere").exists()
