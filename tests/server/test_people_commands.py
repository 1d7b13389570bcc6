"""The first administrator and further organisations, from the command line alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from server.access.rules import AccessRules
from server.app import create_app
from server.cli import app
from server.store import open_engine, reading
from server.store.tables import audit_entry, care_relation, patient, user_account
from tests.server.conftest import ORIGIN

PASSWORD = "a quiet afternoon"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PLUMBLINE_SERVER_DATA_DIR", str(tmp_path))
    engine = open_engine(f"sqlite:///{tmp_path / 'plumbline.db'}")
    yield engine
    engine.dispose()


def call(*arguments: str, fed: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments, input=fed)
    return result.exit_code, result.output.strip()


def person(kind: str, email: str, *more: str) -> tuple[int, str]:
    return call(f"create-{kind}", "--email", email, "--name", "Somebody", "--password", PASSWORD, *more)


async def test_the_first_administrator_is_asked_for_and_signs_in(store: Engine) -> None:
    code, said = call("create-administrator", fed=f"Vera@example.org\nVera\n{PASSWORD}\n{PASSWORD}\n")
    assert code == 0, said
    assert said.endswith("Vera can sign in as vera@example.org")
    assert PASSWORD not in said
    transport = httpx.ASGITransport(create_app(store, lambda: 1_800_000_000_000, rules=AccessRules()))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        answer = await client.post("/api/v1/session", json={"email": "vera@example.org", "password": PASSWORD})
        assert (answer.status_code, answer.json()["role"]) == (201, "administrator")
        assert "Vera" in (await client.get("/people")).text


def test_a_new_store_has_nobody_in_it(store: Engine) -> None:
    call("migrate")
    with reading(store) as db:
        assert db.execute(select(user_account)).all() == []


def test_organisations_are_apart_from_the_start(store: Engine) -> None:
    assert call("create-organisation", "--name", "Second") == (0, "organisation 2")
    assert person("administrator", "petra@example.org", "--organisation", "2")[0] == 0
    assert person("therapist", "nils@example.org", "--organisation", "2")[0] == 0
    assert person("therapist", "mara@example.org")[0] == 0
    named = ("create-patient", "--name", "Anna", "--zone", "UTC", "--therapist")
    assert call(*named, "nils@example.org") == (0, "patient 1")
    assert call("create-patient", "--name", "Bert", "--zone", "UTC", "--organisation", "2") == (0, "patient 2")
    assert call("create-patient", "--name", "Cleo", "--zone", "UTC") == (0, "patient 3")
    with reading(store) as db:
        assert db.scalars(select(patient.c.organisation_id).order_by(patient.c.id)).all() == [2, 2, 1]
        assert len(db.execute(select(care_relation)).all()) == 1
        told = db.execute(select(audit_entry.c.actor, audit_entry.c.via, audit_entry.c.act)).all()
        everything = repr(db.execute(select(audit_entry)).all())
    assert [tuple(row) for row in told] == [
        ("-", "command line", act) for act in (*["manage people"] * 3, "manage care", "add patient", "add patient")
    ]
    assert not [word for word in ("Anna", "Somebody", "@") if word in everything]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create-organisation", "--name", "First organisation"), "called First organisation already"),
        (("create-organisation", "--name", " "), "an organisation needs a name"),
        (("create-patient", "--name", "X", "--zone", "UTC", "--organisation", "9"), "no organisation 9"),
        (("create-patient", "--name", "X", "--zone", "UTC", "--therapist", "vera@x.org"), "is no therapist"),
    ],
)
def test_what_can_be_put_right_is_said(store: Engine, arguments: tuple[str, ...], words: str) -> None:
    assert person("administrator", "vera@x.org")[0] == 0
    code, said = call(*arguments)
    assert code == 1
    assert words in said
    assert person("therapist", "mara@x.org", "--organisation", "9")[0] == 1
