"""Consent, who looked, and everything that is held, for programs."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select

from server.access.accounts import begin_care
from server.access.scopes import Scope
from server.app import create_app
from server.rights.texts import OF_THE_PACKAGE
from server.rights.tombstones import Said, Tombstones
from server.store import reading
from server.store.tables import audit_entry
from tests.server.api.conftest import MakeProgram
from tests.server.conftest import Clinic, quick_passwords

ADA = "/api/v1/patients/1"
VERSION = OF_THE_PACKAGE.version


@pytest.fixture
def stones(clinic: Clinic, tmp_path: Path) -> Tombstones:
    """Where the clinic notes who said no."""
    kept = Tombstones(tmp_path / "tombstones.jsonl")
    clinic.app = create_app(
        clinic.engine, lambda: clinic.now_ms, rules=clinic.rules, passwords=quick_passwords(), tombstones=kept
    )
    return kept


def told(clinic: Clinic, act: str) -> list[tuple[str, str, str]]:
    c = audit_entry.c
    with reading(clinic.engine) as db:
        rows = db.execute(select(c.actor, c.outcome, c.detail).where(c.act == act).order_by(c.number))
        return [tuple(row) for row in rows]


async def test_consent_is_read_given_and_withdrawn(clinic: Clinic, program: MakeProgram, stones: Tombstones) -> None:
    client = program(Scope.WRITE_CONSENT)
    before = (await client.get(f"{ADA}/consent")).json()
    assert (before["now"], before["said"], before["asked"]["version"]) == (None, [], VERSION)
    assert before["asked"]["body"] == OF_THE_PACKAGE.body
    made = await client.post(f"{ADA}/consent", json={"version": VERSION, "signed_on": "2026-03-20"})
    assert made.status_code == 201
    given = {"kind": "given", "how": "paper", "version": VERSION, "signed_on": "2026-03-20"}
    now = {"at_ms": clinic.now_ms, "actor": f"U-{clinic.people['mara']}", **given}
    assert made.json() | {"asked": None} == {"now": now, "outdated": False, "asked": None, "said": [now]}
    for _ in range(2):
        clinic.now_ms += 1
        gone = await client.post(f"{ADA}/consent/withdrawal")
        assert (gone.status_code, gone.json()["now"]["kind"], len(gone.json()["said"])) == (201, "withdrawn", 2)
    assert [(one.kind, one.at_ms) for one in stones.read() if isinstance(one, Said)] == [
        ("given", clinic.now_ms - 2),
        ("withdrawn", clinic.now_ms - 1),
    ]
    spoken = await client.post(f"{ADA}/consent", json={"version": VERSION})
    assert spoken.json()["now"]["how"] == "spoken"
    assert told(clinic, "record consent") == [
        ("token:1", "done", "given"), ("token:1", "done", "withdrawn"), ("token:1", "done", "withdrawn"),
        ("token:1", "done", "given"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"version": "older"}, 409),
        ({"version": VERSION, "signed_on": "2026-03-27"}, 409),
        ({"version": VERSION, "signed_on": "2026-02-30"}, 409),
        ({"version": VERSION, "signed_on": "yesterday"}, 422),
        ({"version": VERSION, "how": "account"}, 422),
        ({}, 422),
    ],
)
async def test_consent_that_cannot_be_recorded(
    program: MakeProgram, stones: Tombstones, body: dict[str, str], status: int
) -> None:
    client = program(Scope.WRITE_CONSENT)
    assert (await client.post(f"{ADA}/consent", json=body)).status_code == status
    assert (await client.get(f"{ADA}/consent")).json()["said"] == []
    assert stones.read() == []


async def test_how_consent_stands_is_not_sent_again(program: MakeProgram, stones: Tombstones) -> None:
    client = program(Scope.WRITE_CONSENT)
    tag = (await client.get(f"{ADA}/consent")).headers["etag"]
    assert (await client.get(f"{ADA}/consent", headers={"if-none-match": tag})).status_code == 304
    await client.post(f"{ADA}/consent", json={"version": VERSION})
    assert (await client.get(f"{ADA}/consent", headers={"if-none-match": tag})).status_code == 200


async def test_looks_come_in_parts_that_never_change(clinic: Clinic, program: MakeProgram) -> None:
    begin_care(clinic.engine, clinic.people["otto"], 1, clinic.now_ms)
    otto, mara = program(who="otto"), program(Scope.READ_AUDIT)
    for path in ("/days/2026-03-24", "/plan", "/days/2026-03-23"):
        assert (await otto.get(ADA + path)).status_code == 200
    assert (await mara.get(f"{ADA}/plan")).status_code == 403
    first = await mara.get(f"{ADA}/looks", params={"limit": 2})
    assert [(one["act"], one["outcome"]) for one in first.json()] == [("see day", "allowed"), ("see plan", "allowed")]
    assert first.json()[0] == {
        "number": first.json()[0]["number"], "at_ms": clinic.now_ms, "actor": "token:1", "name": None,
        "role": "therapist", "basis": "care", "via": "token:1", "address": "127.0.0.1", "act": "see day",
        "outcome": "allowed", "detail": "",
    }  # fmt: skip
    second = await mara.get(first.links["next"]["url"])
    assert [(one["actor"], one["act"], one["outcome"]) for one in second.json()] == [
        ("token:1", "see day", "allowed"),
        ("token:2", "see plan", "refused"),
    ]
    again = await mara.get(f"{ADA}/looks", params={"limit": 2}, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.links["next"]["url"] == first.links["next"]["url"]
    last = await mara.get(f"{ADA}/looks", params={"after": second.json()[-1]["number"]})
    assert [one["act"] for one in last.json()] == ["see who looked"] * 4, "these requests, too"
    assert "next" not in last.links


async def test_names_are_those_of_ones_own_organisation(clinic: Clinic, program: MakeProgram) -> None:
    session = await clinic.signed_in()
    await session.get(f"{ADA}/plan")
    found = (await program(Scope.READ_AUDIT).get(f"{ADA}/looks")).json()
    assert [(one["actor"], one["name"]) for one in found] == [
        (f"U-{clinic.people['mara']}", "Mara Lindqvist"),
        ("token:1", None),
    ]
    await session.aclose()


async def test_the_export_is_the_pages(clinic: Clinic, program: MakeProgram) -> None:
    session, client = await clinic.signed_in(), program(Scope.READ_EXPORT)
    answer = await client.get(f"{ADA}/export")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="plumbline-P-0001.zip"'
    page = await session.get("/patients/1/export")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as ours, zipfile.ZipFile(io.BytesIO(page.content)) as theirs:
        assert ours.namelist() == theirs.namelist()
        assert ours.read("csv/minutes.csv") == theirs.read("csv/minutes.csv")
        assert json.loads(ours.read("json/patient.json"))[0]["name"] == "Ada Keller"
    assert told(clinic, "export everything") == [
        ("token:1", "allowed", ""),
        (f"U-{clinic.people['mara']}", "allowed", ""),
    ]
    assert (await client.get("/api/v1/patients/6/export")).status_code == 404
    await session.aclose()
