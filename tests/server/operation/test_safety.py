"""What a server must not be started with, and the settings that say that it is meant to be so."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr
from sqlalchemy import Engine, update

from server.access.accounts import create_account
from server.demo.world import ADMINISTRATOR_EMAIL, PATIENT_EMAIL, THERAPIST_EMAIL, THERAPIST_PASSWORD
from server.operation import safety
from server.settings import Settings
from server.store import writing
from server.store.tables import user_account
from tests.server.conftest import quick_passwords

MakeSettings = Callable[..., Settings]
SAFE: dict[str, Any] = {}
OPEN: dict[str, Any] = {"host": "0.0.0.0"}
CERTIFICATE: dict[str, Any] = {"tls_certificate_file": "c.pem", "tls_key_file": "k.pem"}
BROKER: dict[str, Any] = {"mqtt_url": "mqtt://broker:1883", "mqtt_password": SecretStr("a long random word")}
DATABASE = "postgresql://plumbline:{}@{}/plumbline"


def problems(settings: Settings, mqtt_url: str | None = None) -> list[str]:
    return [finding.words for finding in safety.of_settings(settings, mqtt_url) if finding.state == "problem"]


@pytest.mark.parametrize(
    "given",
    [
        SAFE,
        {"host": "::1"},
        {"host": "localhost"},
        {**OPEN, "secure": True},
        {**OPEN, **CERTIFICATE},
        {**BROKER, "mqtt_url": "mqtts://broker"},
        {**BROKER, "mqtt_private": True},
        {"mqtt_url": "mqtt://127.0.0.1:1883"},
        {"gateway_mqtt_url": "mqtts://mqtt.example.org"},
        {"gateway_mqtt_url": "mqtt://broker", "gateway_mqtt_private": True},
        {"database_url": SecretStr(DATABASE.format("a long random word", "database"))},
        {"database_url": SecretStr(DATABASE.format("plumbline", "127.0.0.1"))},
        {"metrics_token": SecretStr("0123456789abcdef")},
        {**OPEN, "secure": True, "public_url": "https://clinic.example.org"},
    ],
)
def test_it_starts(make_settings: MakeSettings, given: dict[str, Any]) -> None:
    assert problems(make_settings(**given)) == []


@pytest.mark.parametrize(
    ("proxies", "told"),
    [
        ("172.30.77.1", 0), ("10.0.0.0/24", 0), ("10.0.0.0/23", 1), ("172.16.0.0/12,192.168.0.0/16", 2), ("::/0", 1),
        ("", 1),
    ],
)  # fmt: skip
def test_who_could_pass_for_any_visitor_is_told(make_settings: MakeSettings, proxies: str, told: int) -> None:
    settings = make_settings(**OPEN, secure=True, trusted_proxies=proxies)
    assert [found.state for found in safety.pages(settings)] == ["ok", *["note"] * told]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (OPEN, "names and health data would cross the network in the clear"),
        ({"host": "::"}, "names and health data would cross the network in the clear"),
        ({"host": "10.1.2.3"}, "names and health data would cross the network in the clear"),
        ({**OPEN, "secure": True, "public_url": "http://clinic.example.org"}, "begins with http://"),
        (BROKER, "the server would send measurements and passwords to mqtt://broker:1883 in the clear"),
        ({**BROKER, "gateway_mqtt_private": True}, "the server would send"),
        ({"gateway_mqtt_url": "mqtt://mqtt.example.org"}, "gateways would send measurements"),
        ({"gateway_mqtt_url": "mqtt://mqtt.example.org", "mqtt_private": True}, "gateways would send measurements"),
        ({"mqtt_url": "mqtts://broker"}, "the password for the broker is empty or one that everybody tries first"),
        ({"mqtt_url": "mqtts://server:mosquitto@broker"}, "the password for the broker is empty or one"),
        (
            {**BROKER, "mqtt_private": True, "mqtt_admin_username": "admin", "mqtt_admin_password": SecretStr("admin")},
            "the password for the broker's administrator is empty or one",
        ),
        ({"database_url": SecretStr(DATABASE.format("plumbline", "database"))}, "the password for the database is"),
        ({"database_url": SecretStr(DATABASE.format("", "database"))}, "the password for the database is"),
        ({"metrics_token": SecretStr("short")}, "METRICS_TOKEN is shorter than 16"),
    ],
)
def test_it_does_not_start(make_settings: MakeSettings, given: dict[str, Any], words: str) -> None:
    found = problems(make_settings(**given))
    assert len(found) == 1
    assert words in found[0]


def test_a_broker_named_on_the_command_line_counts(make_settings: MakeSettings) -> None:
    assert problems(make_settings(mqtt_password=SecretStr("x" * 20)), "mqtt://broker")


def test_why_and_what_to_do_is_said_for_every_problem(make_settings: MakeSettings) -> None:
    with pytest.raises(safety.UnsafeError) as error:
        safety.require_safe(safety.of_settings(make_settings(**OPEN, mqtt_url="mqtt://broker")))
    said = str(error.value)
    for word in (
        "TLS_CERTIFICATE_FILE",
        "SECURE=true",
        "mqtts://",
        "MQTT_PRIVATE=true",
        "in PLUMBLINE_SERVER_MQTT_PASSWORD",
    ):
        assert word in said


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("bit", [stat.S_IROTH, stat.S_IWOTH])
@pytest.mark.parametrize("what", ["database", "secret", "key", "settings", "broker", "passwords", "sealing"])
def test_private_files_that_others_may_read_or_change(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, bit: int
) -> None:
    data = tmp_path / "data"
    (data / "broker").mkdir(parents=True)
    file = {
        "database": data / "plumbline.db-wal",
        "broker": data / "broker" / "accounts.json",
        "sealing": data / "sealing.key",
        "settings": tmp_path / "server.toml",
    }.get(what, tmp_path / what)
    file.write_text('mqtt_password = "a long random word"\n' if what == "settings" else "a long random word")
    given: dict[str, Any] = {}
    if what == "secret":
        monkeypatch.setenv("PLUMBLINE_SERVER_MQTT_PASSWORD_FILE", str(file))
    elif what == "key":
        (tmp_path / "certificate").touch(0o644)
        given = {"tls_key_file": file, "tls_certificate_file": tmp_path / "certificate"}
    elif what == "settings":
        given = {"config": file}
    elif what == "passwords":
        given = {"mqtt_passwords_file": file}
    file.chmod(0o660)
    assert problems(make_settings(**given)) == []
    file.chmod(0o660 | bit)
    assert problems(make_settings(**given)) == [f"every user of this machine can read or change {file}"]


def test_a_settings_file_without_secrets_may_be_read(make_settings: MakeSettings, tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text("port = 8001\n")
    file.chmod(0o644)
    assert problems(make_settings(config=file)) == []


@pytest.mark.parametrize(
    ("email", "password", "refused"),
    [
        (THERAPIST_EMAIL, THERAPIST_PASSWORD, True),
        (PATIENT_EMAIL, THERAPIST_PASSWORD, True),
        (THERAPIST_EMAIL, "a quiet afternoon", False),
    ],
)
def test_the_demonstrations_account_in_a_store(engine: Engine, email: str, password: str, refused: bool) -> None:
    create_account(engine, quick_passwords(), email=email, name="Dana", password="another word", now_ms=0)
    with writing(engine) as db:
        stored = Argon2Hasher(memory_cost=8, time_cost=1, parallelism=1).hash(password)
        db.execute(update(user_account).values(password_hash=stored))
    assert [finding.state for finding in safety.accounts(engine)] == ["problem" if refused else "ok"]


def test_the_demonstrations_accounts_are_those_that_are_looked_for() -> None:
    assert safety.DEMO_EMAILS == (THERAPIST_EMAIL, ADMINISTRATOR_EMAIL, PATIENT_EMAIL)
    assert safety.DEMO_PASSWORD == THERAPIST_PASSWORD
