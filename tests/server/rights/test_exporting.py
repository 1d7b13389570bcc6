"""The export: complete, about one patient only, without secrets, and in little memory."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from gateway.messages import CATEGORIES
from server.audit.trail import Entry, append
from server.plans.service import create_plan
from server.rights.consents import give
from server.rights.exporting import SECRET, WITHOUT, WORDS, write_export
from server.rights.holdings import TIME_OF, scopes
from server.rights.texts import OF_THE_PACKAGE
from server.store import UnknownPatientError, open_engine, reading, writing
from server.store.tables import epoch_hour, session, user_account
from server.summaries.service import rebuild_stale
from tests.server.rights.homes import DAY, T0, Home, make_home, one_of_each, record


def export(home: Home) -> zipfile.ZipFile:
    file = io.BytesIO()
    with reading(home.engine) as db:
        write_export(db, home.anna, file, T0 + DAY)
    return zipfile.ZipFile(file)


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(f"csv/{name}.csv").decode())))


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(archive.read(f"json/{name}.json"))
    return found


def fill(home: Home) -> None:
    clip, other = home.clips
    home.send(*one_of_each(clip), record("epoch", clip, 1, codes="1" * 20 + "a" * 40, judge="gateway"))
    home.send(record("epoch", clip, 2, utc_ms=None))
    home.send(*one_of_each(other, 3), gateway=1)
    rebuild_stale(home.engine, T0 + DAY)
    create_plan(home.engine, home.anna, {}, author_id=None, reason="=1+1 first came", now_ms=T0)
    with writing(home.engine) as db:
        give(db, home.anna, version=OF_THE_PACKAGE.version, how="spoken", account_id=None, now_ms=T0)
        account = {"email": "anna@example.org", "name": "Anna Wexford", "role": "patient", "password_hash": "$argon$"}
        made = db.execute(insert(user_account).values(**account, created_ms=0, patient_id=home.anna))
        times = dict.fromkeys(("created_ms", "seen_ms", "expires_ms", "proved_ms"), 1)
        words = {"proof": "password", "address": "192.0.2.9", "agent": "Browser"}
        (user_id,) = made.inserted_primary_key or (0,)
        db.execute(
            insert(session).values(token_sha256="c0ffee" * 8, user_id=user_id, handle="h4ndle", **times, **words)
        )
        looked = Entry("U-7", "therapist", "care", "page", "192.0.2.7", "see day", "P-anna", "allowed")
        other_one = Entry("U-7", "therapist", "care", "page", "192.0.2.7", "see day", "P-bert", "allowed")
        append(db, [looked, other_one], T0)


def test_everything_is_in_it_and_nobody_else(home: Home) -> None:
    fill(home)
    archive = export(home)
    assert archive.testzip() is None
    named = ({found.name for found in scopes(home.anna)} - WITHOUT) | set(TIME_OF)
    schema = json.loads(archive.read("schema.json"))
    assert set(schema["tables"]) == named
    for name in named:
        for row in table(archive, name):
            assert set(row) == set(schema["tables"][name]["columns"]), name
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
    for foreign in (home.clips[1], "P-bert", "$argon$", "c0ffee", "h4ndle"):
        assert foreign not in everything
    assert table(archive, "patient")[0]["name"] == "Anna Wexford"
    assert table(archive, "user_account")[0]["email"] == "anna@example.org"
    assert table(archive, "plan")[0]["body"]["version"] == 1
    assert [row["version"] for row in table(archive, "consent_text")] == [OF_THE_PACKAGE.version]


def test_epochs_are_expanded_to_minutes(home: Home) -> None:
    fill(home)
    archive = export(home)
    minutes = rows(archive, "minutes")
    assert len(minutes) == 3
    for minute in minutes:
        assert sum(int(minute[f"{name}_s"]) for name in CATEGORIES) == 60
    (cut,) = [minute for minute in minutes if minute["judge"] == "gateway"]
    assert (cut["lost_s"], cut["mean_sagittal_deg"], cut["low_deg"]) == ("20", "3.0", "1")
    assert cut["utc"].startswith("2026-09-21T") or cut["utc"].endswith("+00:00")
    assert cut["local"].endswith("+02:00")
    assert [minute["utc"] for minute in minutes].count("") == 1
    assert [len(rows(archive, name)) for name in ("episodes", "reminders", "events", "plans", "consents")] == [1] * 5
    assert len(rows(archive, "daily")) >= 1
    assert [(row["actor"], row["patient"]) for row in rows(archive, "who_looked")] == [("U-7", "P-anna")]


def test_no_text_is_a_formula(home: Home) -> None:
    fill(home)
    assert rows(export(home), "plans")[0]["reason"] == "'=1+1 first came"


def test_nobody_is_exported_who_is_not_there(home: Home) -> None:
    file = io.BytesIO()
    with pytest.raises(UnknownPatientError), reading(home.engine) as db:
        write_export(db, 999, file, T0)
    assert file.getvalue() == b""


def test_every_table_is_described_and_no_secret_is_let_out() -> None:
    found = [found for found in scopes(1) if found.name not in WITHOUT]
    assert {one.name for one in found} <= set(WORDS), "say in exporting what the table holds"
    kept = {column.name for one in found for column in one.columns} - SECRET
    letting_in = {
        name for name in kept if re.search("hash|sha256|secret|sealed|key|credential|password|challenge", name)
    }
    assert letting_in == set(), "is it a secret? then leave it out in exporting"


class Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def test_many_minutes_need_no_more_memory_than_few(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "plumbline.db")
    home = make_home(open_engine(f"sqlite:///{tmp_path / 'plumbline.db'}"), tmp_path)
    clip, _ = home.clips
    home.send(*(record("epoch", clip, minute) for minute in range(60)))
    with reading(home.engine) as db:
        hour, blob = db.execute(select(epoch_hour.c.hour, epoch_hour.c.blob)).one()
    peaks = []
    for first, last in ((1, 4), (4, 30)):
        with writing(home.engine) as db:
            values = [
                {"patient_id": home.anna, "clip": clip, "hour": hour + n, "blob": blob} for n in range(first, last)
            ]
            db.execute(insert(epoch_hour), values)
        tracemalloc.start()
        with reading(home.engine) as db:
            write_export(db, home.anna, io.BufferedWriter(Nowhere()), T0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    home.engine.dispose()
    assert peaks[1] < 1.5 * peaks[0]
