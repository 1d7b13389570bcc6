"""The overview of a patient and the history of plans, as people see them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from server.store import reading
from server.store.tables import audit_entry
from server.summaries.service import rebuild_stale
from tests.server.pages.test_weeks_page import text_of


@pytest.fixture
async def mara(clinic: Any) -> AsyncIterator[Any]:
    while rebuild_stale(clinic.engine, clinic.now_ms):
        pass
    client = await clinic.signed_in()
    yield client
    await client.aclose()


async def text(client: Any, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


async def test_it_shows_pictures_each_with_its_words(mara: Any) -> None:
    page = (await mara.get("/patients/1/overview")).text
    assert page.count('<script type="application/vnd.vegalite+json">') == 1 + 1 + 7
    assert page.count('class="vega ') == 9
    told = text_of(page)
    assert "2 of 28 days, " in told
    assert "There is no baseline yet: it is made of the first 14 days that count, 8 at least; 0 lie" in told
    assert "Too few days: 2 of at least 3 here, 0 of at least 8 before" in told
    assert "Tue 24 Mar" in told
    assert "not worn" in told


async def test_a_patient_without_days_gets_words_instead(mara: Any) -> None:
    told = await text(mara, "/patients/4/overview")
    assert "Nothing was recorded in these four weeks." in told
    assert "No day of these four weeks was worn enough to tell of angles." in told
    assert "No day counts yet." in told


async def test_a_note_is_written_corrected_kept_told_of_and_exported(mara: Any, clinic: Any) -> None:
    answer = await mara.post("/patients/1/notes", data={"text": "Sits by the <window>"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/patients/1/overview#notes")
    refused = await mara.post("/patients/1/notes", data={"text": " a "})
    assert refused.status_code == 422
    assert "Write the note in 3 characters or more." in refused.text
    assert (await mara.post("/patients/1/notes/1", data={"text": "Sits by the door"})).status_code == 303
    page = (await mara.get("/patients/1/overview")).text
    told = text_of(page)
    assert "<window>" not in page
    assert told.index("Sits by the door") < told.index("What it said before") < told.index("Sits by the <window>")
    assert "Mara Lindqvist, just now · corrected" in told
    archive = zipfile.ZipFile(io.BytesIO((await mara.get("/patients/1/export")).content))
    assert [row["text"] for row in json.loads(archive.read("json/patient_note.json"))] == [
        "Sits by the <window>",
        "Sits by the door",
    ]
    with reading(clinic.engine) as db:
        acts = db.execute(
            select(audit_entry.c.act, audit_entry.c.outcome, audit_entry.c.detail).where(
                audit_entry.c.act.in_(("write note", "see notes"))
            )
        ).all()
    assert ("write note", "done", "new") in acts
    assert ("write note", "failed", "new") in acts
    assert ("write note", "done", "correction of 1") in acts
    assert ("see notes", "allowed", "") in acts
    assert "window" not in repr(acts)


async def test_each_plan_is_told_with_what_was_different_after_it(mara: Any) -> None:
    told = await text(mara, "/patients/1/plans")
    assert told.index("Plan 2") < told.index("Plan 1", told.index("Plan 2"))
    assert "No clip has confirmed it, so it was never in force." in told
    assert "whole days in force: 19–24 March 2026" in told
    assert "Under it: 2 of 6 days" in told
    assert "did not therefore come of it" in told
    assert "Only the latest plans" not in told
