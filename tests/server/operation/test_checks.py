"""`plumbline server check` says of each thing how it is and what to do, and changes nothing."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, insert, text
from typer.testing import CliRunner

from server.broker import Account, Broker, start
from server.cli import app
from server.operation import checks
from server.operation.findings import Finding
from server.settings import Settings
from server.store import migrate, open_engine, writing
from server.store.migrate import newest_revision
from server.store.tables import gateway

MakeSettings = Callable[..., Settings]
NOW = time.time_ns() // 1_000_000
DAY = 86_400_000


def of(topic: str, settings: Settings, now_ms: int | None = None) -> list[Finding]:
    """Without a time, now: the database's clock is looked at too, and the tests may have begun minutes ago."""
    at_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return [finding for finding in checks.findings(settings, at_ms) if finding.topic == topic]


def states(topic: str, settings: Settings, now_ms: int | None = None) -> list[str]:
    return [finding.state for finding in of(topic, settings, now_ms)]


def test_nothing_is_made(make_settings: MakeSettings, tmp_path: Path) -> None:
    assert states("database", make_settings()) == ["note"]
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_up_to_date(make_settings: MakeSettings, engine: Engine, database_url: str) -> None:
    settings = make_settings(database_url=SecretStr(database_url))
    assert [(f.state, newest_revision() in f.words) for f in of("database", settings)] == [("ok", True)]
    assert states("accounts", settings) == states("clock", settings) == ["ok"]


@pytest.mark.parametrize(
    ("revision", "state", "words"),
    [("0002", "note", "at revision 0002 of an earlier version"), ("9999", "problem", "does not know")],
)
def test_a_database_of_another_version(
    make_settings: MakeSettings, engine: Engine, database_url: str, revision: str, state: str, words: str
) -> None:
    with writing(engine) as db:
        db.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    found = of("database", make_settings(database_url=SecretStr(database_url)))
    assert [(f.state, words in f.words) for f in found] == [(state, True)]


def test_a_database_that_does_not_answer(make_settings: MakeSettings) -> None:
    url = "postgresql://me:a-long-secret@127.0.0.1:1/x?connect_timeout=1"
    found = of("database", make_settings(database_url=SecretStr(url)))
    assert [f.state for f in found] == ["problem"]
    assert "a-long-secret" not in str(found)
    assert states("database", make_settings(database_url=SecretStr("mysql://x/y"))) == ["problem"]


@pytest.mark.parametrize(("days", "state"), [(-1, "ok"), (1, "problem")])
def test_a_clock_behind_what_has_been_received(
    make_settings: MakeSettings, engine: Engine, database_url: str, days: int, state: str
) -> None:
    with writing(engine) as db:
        db.execute(insert(gateway).values(id="1" * 16, name="home", created_ms=0, seen_ms=NOW + days * DAY))
    assert states("clock", make_settings(database_url=SecretStr(database_url))) == [state]


def test_a_clock_that_is_not_the_databases(make_settings: MakeSettings, postgres_url: str) -> None:
    settings = make_settings(database_url=SecretStr(postgres_url.format(name="template_plumbline")))
    assert states("clock", settings, NOW + DAY) == ["problem"]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = start(tmp_path / "broker", [Account("server", "ours", "server")])
    yield running
    running.stop()


def test_a_broker_elsewhere(make_settings: MakeSettings, broker: Broker) -> None:
    right, wrong = SecretStr("ours"), SecretStr("theirs")
    assert states("broker", make_settings(mqtt_url=broker.url, mqtt_password=right)) == ["ok", "ok"]
    assert "refuses" in of("broker", make_settings(mqtt_url=broker.url, mqtt_password=wrong))[-1].words
    broker.stop()
    assert states("broker", make_settings(mqtt_url=broker.url, mqtt_password=right)) == ["ok", "problem"]
    assert states("broker", make_settings(mqtt_url="http://x")) == ["problem"]


def test_the_port_of_a_broker_of_ones_own(make_settings: MakeSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert states("broker", make_settings(mqtt_port=other.getsockname()[1])) == ["note"]
        port = other.getsockname()[1]
    assert states("broker", make_settings(mqtt_port=port)) == ["ok"]


def test_a_certificate(make_settings: MakeSettings, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    for name in ("a", "b"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "60",
             "-subj", "/CN=clinic", "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem"],
            check=True, capture_output=True,
        )  # fmt: skip

    def state(key: str, later_days: int) -> list[str]:
        settings = make_settings(tls_certificate_file=tmp_path / "a.pem", tls_key_file=tmp_path / f"{key}.key")
        return states("TLS", settings, NOW + later_days * DAY)

    assert [state("a", 0), state("a", 50), state("a", 61), state("b", 0)] == [
        ["ok"],
        ["note"],
        ["problem"],
        ["problem"],
    ]


def test_the_address_and_the_disk(make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert states("address", make_settings(public_url="https://localhost")) == ["ok"]
    assert states("address", make_settings(public_url="https://no.invalid")) == ["note"]
    assert states("address", make_settings(host="0.0.0.0")) == ["note"]
    for free, state in ((2**40, "ok"), (2**31, "note"), (2**20, "problem")):
        usage = shutil.disk_usage("/")._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        assert states("disk", make_settings()) == [state]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_SERVER_DATA_DIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("PLUMBLINE_SERVER_MQTT_PORT", str(other.getsockname()[1]))
    engine = open_engine(f"sqlite:///{tmp_path / 'plumbline.db'}")
    migrate(engine)
    engine.dispose()
    good = CliRunner().invoke(app, ["check"])
    assert good.exit_code == 0, good.output
    monkeypatch.setenv("PLUMBLINE_SERVER_HOST", "0.0.0.0")
    bad = CliRunner().invoke(app, ["check", "--json"])
    assert bad.exit_code == 1
    assert [f["topic"] for f in json.loads(bad.stdout) if f["state"] == "problem"] == ["pages"]
    monkeypatch.setenv("PLUMBLINE_SERVER_TOMBSTONES_FILE", "x" * 300)
    unreachable = CliRunner().invoke(app, ["check", "--json"])
    assert unreachable.exit_code == 1
    assert json.loads(unreachable.stdout)[-1]["words"].endswith("cannot be looked at: File name too long")
    monkeypatch.setenv("PLUMBLINE_SERVER_HOTS", "x")
    worse = CliRunner().invoke(app, ["check", "--json"])
    assert (worse.exit_code, json.loads(worse.stdout)[0]["topic"]) == (1, "settings")
