"""Consent, who looked, export and erasure over the pages, and that names stay where they are needed."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from server.app import create_app
from server.audit.verifying import records, verify
from server.rights.texts import OF_THE_PACKAGE
from server.rights.tombstones import Erased, Said, Tombstones
from server.store.engine import reading
from server.store.tables import audit_entry, consent, erasure, gateway, metadata, patient, user_account
from tests.plugins.databases import commits
from tests.server.access.conftest import Town
from tests.server.access.decisions import ADMITTED, BEFORE_A_SESSION, Who
from tests.server.access.test_walk import all_routes, ask
from tests.server.conftest import quick_passwords

ADA = "/patients/1"
VERSION = OF_THE_PACKAGE.version


@pytest.fixture
def stones(tmp_path: Path) -> Tombstones:
    return Tombstones(tmp_path / "tombstones.jsonl")


@pytest.fixture
def office(town: Town, stones: Tombstones) -> Town:
    """The town, with a place for tombstones."""
    clinic = town.clinic
    clinic.app = create_app(
        clinic.engine, lambda: clinic.now_ms, rules=clinic.rules, passwords=quick_passwords(), tombstones=stones
    )
    return town


def told(town: Town) -> list[tuple[str, str, str, str, str]]:
    c = audit_entry.c
    with reading(town.clinic.engine) as db:
        rows = db.execute(select(c.actor, c.act, c.patient, c.outcome, c.detail).order_by(c.number))
        return [(row.actor, row.act, row.patient, row.outcome, row.detail) for row in rows]


async def test_a_patient_reads_agrees_and_withdraws(office: Town, stones: Tombstones) -> None:
    client = office.visitor(Who.SELF)
    text = (await client.get("/my")).text
    assert "Your consent is not recorded yet" in text
    page = (await client.get("/my/rights")).text
    assert "None recorded" in page
    assert "I agree that the clip measures" in page
    assert (await client.post(f"{ADA}/consent", data={"version": "older"})).status_code == 422
    answer = await client.post(f"{ADA}/consent", data={"version": VERSION, "how": "paper", "signed_on": "2026-01-01"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/patients/1/rights")
    assert "is not recorded" not in (await client.get("/my")).text
    office.clinic.now_ms += 1000
    assert (await client.post(f"{ADA}/consent/withdraw")).status_code == 303
    assert "You withdrew your consent" in (await client.get("/my")).text
    with reading(office.clinic.engine) as db:
        rows = db.execute(select(consent).order_by(consent.c.at_ms)).all()
    ada = office.accounts["ada"]
    assert [(row.kind, row.how, row.version, row.account_id) for row in rows] == [
        ("given", "account", VERSION, ada),
        ("withdrawn", "account", None, ada),
    ]
    assert [stone.kind for stone in stones.read()] == ["given", "withdrawn"]
    assert all(isinstance(stone, Said) for stone in stones.read())
    assert [entry[3:] for entry in told(office) if entry[1] == "record consent"] == [
        ("failed", "given"), ("done", "given"), ("done", "withdrawn"),
    ]  # fmt: skip
    await client.aclose()


async def test_a_therapist_records_what_is_on_paper(office: Town) -> None:
    client = office.visitor(Who.CARER)
    assert "No consent is recorded yet" in (await client.get(ADA, follow_redirects=True)).text
    form = {"version": VERSION, "how": "paper"}
    answer = await client.post(f"{ADA}/consent", data=form)
    assert answer.status_code == 422
    assert "date on the paper" in answer.text
    assert (await client.post(f"{ADA}/consent", data={**form, "signed_on": "2026-03-20"})).status_code == 303
    page = (await client.get(f"{ADA}/rights")).text
    assert "signed on 2026-03-20" in page
    assert "recorded by Mara Lindqvist" in page
    office.clinic.now_ms += 1000
    assert (await client.post(f"{ADA}/consent/withdraw")).status_code == 303
    assert "Consent is withdrawn" in (await client.get(ADA, follow_redirects=True)).text
    await client.aclose()


async def test_who_looked_is_said_with_names_to_those_who_may_know(office: Town) -> None:
    mara, otto, ada = office.visitor(Who.CARER), office.visitor(Who.COLLEAGUE), office.visitor(Who.SELF)
    await mara.get(f"{ADA}/days/2026-03-25")
    await otto.get(f"{ADA}/days/2026-03-25")
    text = (await ada.get("/my/rights")).text
    assert "Mara Lindqvist" in text
    assert "looked at days" in text
    assert "Otto Brandt" in text
    assert "not done: looked at days" in text
    for client in (mara, otto, ada):
        await client.aclose()


async def test_an_export_is_whole_and_told(office: Town) -> None:
    client = office.visitor(Who.SELF)
    answer = await client.get(f"{ADA}/export")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="plumbline-P-0001.zip"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert len(archive.read("csv/minutes.csv").splitlines()) > 1000
    assert json.loads(archive.read("json/patient.json"))[0]["name"] == "Ada Keller"
    assert told(office)[-1][1:4] == ("export everything", "P-0001", "allowed")
    assert b"export everything" in archive.read("csv/who_looked.csv")
    await client.aclose()


async def test_an_erasure_is_confirmed_counted_and_told(office: Town, stones: Tombstones) -> None:
    client, ada = office.visitor(Who.ADMINISTRATOR), office.visitor(Who.SELF)
    answer = await client.post(f"{ADA}/erase", data={"typed": "Ada Keller"})
    assert (answer.status_code, stones.read()) == (422, [])
    answer = await client.post(f"{ADA}/erase", data={"typed": " P-0001 "})
    assert answer.status_code == 303
    report = (await client.get(answer.headers["location"])).text
    assert "nothing left" in report
    assert "waiting for computers" in report
    assert office.there["gateway"] in report
    (stone,) = stones.read()
    assert isinstance(stone, Erased)
    assert (stone.pseudonym, stone.actor) == ("P-0001", f"U-{office.accounts['vera']}")
    assert [entry[3] for entry in told(office) if entry[1:3] == ("erase everything", "P-0001")] == ["failed", "done"]
    with reading(office.clinic.engine) as db:
        assert db.scalar(select(patient.c.id).where(patient.c.id == 1)) is None
        assert db.scalar(select(user_account.c.id).where(user_account.c.email == "ada@example.org")) is None
        row = db.execute(select(erasure).where(erasure.c.pseudonym == "P-0001")).one()
        assert row.left_json == "{}"
        assert verify(db).fault is None
    assert (await ada.get("/my")).status_code == 303
    assert (await client.get(f"{ADA}/rights")).status_code == 404
    for one in (client, ada):
        await one.aclose()


async def test_a_computer_that_never_comes_back_is_given_up(office: Town) -> None:
    client, nils = office.visitor(Who.ADMINISTRATOR), office.visitor(Who.CARER)
    page = (await client.post(f"{ADA}/erase", data={"typed": "P-0001"})).headers["location"]
    computer = office.there["gateway"]
    away = f"{page}/computers/{computer}/disconnect"
    assert away in (await client.get(page)).text
    assert (await nils.post(away)).status_code == 403
    assert (await client.post(f"{page}/computers/{'f' * 16}/disconnect")).status_code == 404
    assert (await client.post(away)).headers["location"] == page
    left = (await client.get(page)).text
    assert away not in left
    assert told(office)[-2][1:4] == ("give up a computer", "P-0001", "done")
    with reading(office.clinic.engine) as db:
        assert db.scalar(select(gateway.c.revoked_ms).where(gateway.c.id == computer)) == office.clinic.now_ms
    for one in (client, nils):
        await one.aclose()


async def test_without_a_place_for_tombstones_nobody_is_erased(town: Town) -> None:
    client = town.visitor(Who.ADMINISTRATOR)
    answer = await client.post(f"{ADA}/erase", data={"typed": "P-0001"})
    assert answer.status_code == 503
    with reading(town.clinic.engine) as db:
        assert db.scalar(select(patient.c.id).where(patient.c.id == 1)) == 1
    assert told(town)[-1][1:4] == ("erase everything", "P-0001", "failed")
    await client.aclose()


async def test_a_failed_erasure_is_told_as_failed(office: Town, stones: Tombstones) -> None:
    stones.path.mkdir(parents=True)
    client = office.visitor(Who.ADMINISTRATOR)
    assert (await client.post(f"{ADA}/erase", data={"typed": "P-0001"})).status_code == 500
    with reading(office.clinic.engine) as db:
        assert db.scalar(select(patient.c.id).where(patient.c.id == 1)) == 1
        assert db.scalars(select(erasure.c.pseudonym)).all() == ["P-gone"]
    assert told(office)[-1][1:4] == ("erase everything", "P-0001", "failed")
    await client.aclose()


NAMES_NEEDED = {
    "GET /people",  # accounts, those of patients among them
    "GET /people/patients",
    "GET /people/patients/{patient_id}",
    "GET /patients/{patient_id}",
    "GET /patients/{patient_id}/computers",
    "GET /patients/{patient_id}/rights",
    "GET /patients/{patient_id}/zone",
    "GET /api/v1/patients/{patient_id}",
}
"""Where an administrator deals with one person's record, or finds it."""


async def test_an_administrator_sees_patients_names_only_where_they_are_needed(town: Town) -> None:
    with reading(town.clinic.engine) as db:
        names = [word for name in db.scalars(select(patient.c.name)) for word in name.split()]
    for who in (Who.ADMINISTRATOR, Who.OTHER_ADMINISTRATOR):
        client = town.visitor(who)
        for route in all_routes(town):
            if (
                route.startswith("GET ")
                and route not in NAMES_NEEDED | BEFORE_A_SESSION
                and who in ADMITTED.get(route, ())
            ):
                text = (await ask(client, town, route)).text
                assert [name for name in names if name in text] == [], (who, route)
        await client.aclose()


async def test_no_name_is_in_trail_logs_or_tombstones(
    office: Town, stones: Tombstones, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for who in (Who.CARER, Who.SELF, Who.ADMINISTRATOR, Who.EMERGENCY):
        client = office.visitor(who)
        for route in all_routes(office):
            admitted = who in ADMITTED.get(route, frozenset()) and route not in BEFORE_A_SESSION
            if admitted and not route.endswith(("/logout", "/erase", "DELETE /api/v1/session")):
                await ask(client, office, route)
        await client.aclose()
    client = office.visitor(Who.ADMINISTRATOR)
    await client.post(f"{ADA}/erase", data={"typed": "P-0001"})
    await client.aclose()
    with reading(office.clinic.engine) as db:
        people = [*db.scalars(select(patient.c.name)), *db.scalars(select(user_account.c.name)), "Ada Keller"]
        trail = repr(list(records(db)))
    assert len(trail) > 10_000
    words = {word for name in people for word in name.split() if len(word) > 3} - {
        "Therapist",
        "Patient",
        "Administrator",
    }
    kept = {"trail": trail, "logs": caplog.text, "tombstones": stones.path.read_text()}
    for where, text in kept.items():
        assert [word for word in words if word in text] == [], where
        assert "@example.org" not in text, where


def test_pseudonyms_are_what_the_trail_has_room_for() -> None:
    assert metadata.tables["patient"].c.pseudonym.type.length == audit_entry.c.patient.type.length  # type: ignore[attr-defined]


async def test_asking_for_what_is_not_there_says_nothing(office: Town) -> None:
    client: httpx.AsyncClient = office.visitor(Who.OTHER_ADMINISTRATOR)
    assert (await client.get("/erasures/1")).text == (await client.get("/erasures/987654")).text
    assert "P-gone" not in (await client.get("/erasures")).text
    await client.aclose()


async def test_what_is_read_is_told_without_waiting_for_the_disk_and_what_is_changed_is_not(office: Town) -> None:
    """A refusal waits, too: it is what somebody may want to hide."""
    before = len(told(office))
    async with office.visitor(Who.CARER) as mara:
        seen = commits(office.clinic.engine)
        assert (await mara.get(f"{ADA}/plan")).status_code == 200
        assert len(told(office)) > before
        assert seen == [False] * len(seen) != []
        seen.clear()
        assert (await mara.get(f"/patients/{office.gus}/plan")).status_code == 404
        assert seen == [True]
