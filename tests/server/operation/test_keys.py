"""`plumbline server check` looks into the files that no backup of the database holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Engine, insert, select

from server.access.sealing import SecretBox
from server.broker.gateway_key import GatewayKey
from server.broker.verifier import verifier_of
from server.ingest.enrolment import enrol_gateway, enrol_patient
from server.operation import keys
from server.operation.findings import Finding
from server.rights.tombstones import Erased, Said, Tombstone, Tombstones
from server.settings import Settings
from server.store import reading, writing
from server.store.tables import consent, erasure, patient
from tests.server.access.apps import give_app

MakeSettings = Callable[..., Settings]
NOW = 1_790_000_000_000


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    made = make_settings(mqtt_admin_username="admin", mqtt_admin_password=SecretStr("a long random word"))
    made.data_dir.mkdir()
    return made


def write(file: Path, content: bytes, mode: int = 0o600) -> None:
    file.write_bytes(content)
    file.chmod(mode)


def told(found: Iterable[Finding], name: str) -> list[tuple[str, str]]:
    """State and all words of what is said of the file."""
    return [(one.state, f"{one.words}; {one.advice}") for one in found if name in one.words]


def test_what_is_not_there_yet_is_made_by_the_start_and_not_by_looking(settings: Settings) -> None:
    found = list(keys.of_files(settings))
    assert [one.state for one in found] == ["note"] * 3
    assert all("first start" in one.advice or "first erasure" in one.advice for one in found)
    assert list(settings.data_dir.iterdir()) == []


def test_what_is_well_is_told_with_what_to_copy(settings: Settings) -> None:
    write(settings.sealing_key, Fernet.generate_key() + b"\n")
    write(settings.gateway_key_file, os.urandom(32))
    Tombstones(settings.tombstones).add(
        [Erased(pseudonym="P-1", at_ms=NOW), Said(pseudonym="P-2", at_ms=1, kind="given")]
    )
    found = list(keys.of_files(settings))
    assert [one.state for one in found] == ["ok"] * 3
    assert all("copy apart" in one.words for one in found)
    assert "1 erasures and 1 statements" in found[2].words


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("sealing.key", b"", "remove-lost-apps"),
        ("sealing.key", b"A" * 43, "remove-lost-apps"),
        ("sealing.key", b"\xff" * 44, "remove-lost-apps"),
        ("gateways.key", b"short", "connect each computer again"),
        ("gateways.key", b"", "connect each computer again"),
        ("tombstones.jsonl", b"{}\n", "newest copy"),
        ("tombstones.jsonl", b'{"kind":"erased","pseudonym":"P-1","at_ms":1}\n\xff\n', "newest copy"),
    ],
)
def test_what_is_spoilt(settings: Settings, name: str, content: bytes, advice: str) -> None:
    write(settings.data_dir / name, content)
    ((state, words),) = told(keys.of_files(settings), name)
    assert state == "problem"
    assert advice in words


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_what_others_may_use(settings: Settings, mode: int) -> None:
    write(settings.sealing_key, Fernet.generate_key(), mode)
    ((state, words),) = told(keys.of_files(settings), "sealing.key")
    assert (state, f"chmod 600 {settings.sealing_key}" in words) == ("problem", True)


def test_what_belongs_to_somebody_else(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    write(settings.sealing_key, Fernet.generate_key())
    Tombstones(settings.tombstones).add([Erased(pseudonym="P-1", at_ms=NOW)])
    monkeypatch.setattr(keys, "owner_of", lambda file: "plumbline" if file == settings.data_dir else "root")
    for file in (settings.sealing_key, settings.tombstones):
        ((state, words),) = told(keys.of_files(settings), str(file))
        assert (state, f"chown plumbline {file}" in words) == ("problem", True)


def test_what_cannot_be_read(settings: Settings) -> None:
    settings.sealing_key.mkdir()
    settings.tombstones.mkdir()
    assert [state for state, _ in told(keys.of_files(settings), "sealing.key")] == ["problem"]
    assert [state for state, _ in told(keys.of_files(settings), "tombstones.jsonl")] == ["problem"]


def test_a_key_of_other_passwords(settings: Settings, engine: Engine) -> None:
    write(settings.gateway_key_file, os.urandom(32))
    right = GatewayKey(settings.gateway_key_file).password_of("1" * 16)
    for number, password in (("1", right), ("2", "of another key")):
        enrol_gateway(engine, number * 16, name="desk", now_ms=NOW, mqtt_hash=verifier_of(password))
    ((state, words),) = told(keys.of_store(settings, engine), "gateways.key")
    assert (state, "1 of 2 connected computers" in words) == ("problem", True)
    settings.gateway_key_file.unlink()
    ((_, words),) = told(keys.of_store(settings, engine), "gateways.key")
    assert "2 of 2 connected computers" in words
    assert not settings.gateway_key_file.exists()
    assert list(keys.of_store(settings.model_copy(update={"mqtt_admin_username": None}), engine)) == []


def test_a_key_that_does_not_open_what_is_sealed(settings: Settings, engine: Engine) -> None:
    give_app(engine, SecretBox.at(settings.sealing_key))
    assert told(keys.of_store(settings, engine), "sealing.key") == []
    write(settings.sealing_key, Fernet.generate_key())
    ((state, words),) = told(keys.of_store(settings, engine), "sealing.key")
    assert (state, "does not open the secret of an authenticator app" in words) == ("problem", True)
    assert "put the key file back" in words
    settings.sealing_key.unlink()
    ((_, words),) = told(keys.of_store(settings, engine), "sealing.key")
    assert "is not there to open" in words
    assert not settings.sealing_key.exists()


def test_tombstones_that_are_older_than_the_store(settings: Settings, engine: Engine) -> None:
    anna = enrol_patient(engine, name="Anna", zone="UTC", now_ms=0)
    with writing(engine) as db:
        for number in (1, 2):
            db.execute(insert(erasure).values(pseudonym=f"gone-{number}", at_ms=NOW, actor="-", gone_json="{}"))
        db.execute(insert(consent).values(patient_id=anna, at_ms=NOW, kind="withdrawn", how="paper"))
    ((state, words),) = told(keys.of_store(settings, engine), "tombstones.jsonl")
    assert (state, "knows of 3 erasures and withdrawals" in words) == ("problem", True)
    Tombstones(settings.tombstones).add([Erased(pseudonym="gone-1", at_ms=NOW)])
    assert "knows of 2" in told(keys.of_store(settings, engine), "tombstones.jsonl")[0][1]
    with reading(engine) as db:
        pseudonym = db.execute(select(patient.c.pseudonym)).scalar_one()
    rest: list[Tombstone] = [
        Erased(pseudonym="gone-2", at_ms=NOW),
        Said(pseudonym=pseudonym, at_ms=NOW, kind="withdrawn"),
    ]
    Tombstones(settings.tombstones).add(rest)
    assert told(keys.of_store(settings, engine), "tombstones.jsonl") == []
