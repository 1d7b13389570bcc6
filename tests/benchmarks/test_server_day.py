"""What a patient-day costs the server, beside decoding the same bytes; and whether it stays so when the store fills.

`python -m pytest tests/benchmarks/test_server_day.py -s` tells the milliseconds.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine, insert, select

from gateway import messages
from server.ingest.service import settle_all
from server.plans.service import confirm, create_plan
from server.store import epoch_blob, reading, writing
from server.store.tables import daily, episode, epoch_hour, reminder
from server.summaries.service import day_view, rebuild_stale, summaries
from tests.benchmarks.wearers import DAY, GATEWAY, NOW_MS, START_MS, enrol, payloads

LONG = os.environ.get("PLUMBLINE_HYPOTHESIS") == "long"
FEW = 10
MANY, DAYS = (1000, 365) if LONG else (30, 28)
"""Patients and days of the full store; of a year in the long run."""
AGAIN, PATIENTS = 8, 5
EVENTS = 20
"""Episodes, and reminders, a day."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TIMES_DECODING = {"sqlite": 15.5, "postgresql": 20.0}
"""A patient-day costs at most so many times the decoding of its hours: its figures are made from every second, and it
takes seven questions to the store."""
FLAT = 1.5


def settle_day(engine: Engine, patients: int) -> None:
    for payload in payloads(patients, 200):
        message = messages.parse("records", payload)
        assert isinstance(message, messages.Records)
        settle_all(engine, [(GATEWAY, message)], NOW_MS)


def fill(engine: Engine, first: int, last: int) -> None:
    """Give these patients `DAYS` days each, as copies of the first one's: packed hours and event rows as they are."""
    with reading(engine) as db:
        whole = select(epoch_hour).where(epoch_hour.c.patient_id == 1, epoch_hour.c.hour >= START_MS // HOUR_MS)
        hours = db.execute(whole).mappings().all()
        events = {
            table: [
                {k: v for k, v in row.items() if k != "id"}
                for row in db.execute(
                    select(table).where(table.c.patient_id == 1, table.c.utc_ms >= START_MS).limit(EVENTS)
                ).mappings()
            ]
            for table in (episode, reminder)
        }
        told = (
            db.execute(select(daily).where(daily.c.patient_id == 1, daily.c.date == DAY.isoformat())).mappings().one()
        )
    moved = {back: [shifted(hour["blob"], -back * DAY_MS) for hour in hours] for back in range(1, DAYS + 1)}
    for number in range(first, last + 1):
        clip = f"{number:016x}"
        rows = [
            {"patient_id": number, "clip": clip, "hour": hour["hour"] - 24 * back, "blob": blob}
            for back, blobs in moved.items()
            for hour, blob in zip(hours, blobs, strict=True)
        ]
        with writing(engine) as db:
            db.execute(insert(epoch_hour), rows)
            days = [(DAY - timedelta(days=back)).isoformat() for back in range(1, DAYS + 1)]
            db.execute(insert(daily), [{**told, "patient_id": number, "date": day} for day in days])
            for table, day in events.items():
                db.execute(
                    insert(table),
                    [
                        {
                            **row,
                            "patient_id": number,
                            "clip": clip,
                            "boot": f"{back:015x}f",
                            "utc_ms": row["utc_ms"] - back * DAY_MS,
                        }
                        for back in range(1, DAYS + 1)
                        for row in day
                    ],
                )


def shifted(blob: bytes, by_ms: int) -> bytes:
    table = epoch_blob.decode(blob).copy()
    table["utc_ms"] += by_ms
    return epoch_blob.encode(epoch_blob.rows_of(table))


def least_ms(patients: int, *works: Callable[[int], object]) -> list[float]:
    """Of processor time, each of the works in turn, so that all have the same machine: the least that its median
    patient took of `AGAIN` times, which is the machine's disturbance the least. Over several patients, so that it is
    not one page of the database that is at hand."""
    took = np.empty((AGAIN, PATIENTS, len(works)))
    for again in range(AGAIN):
        for nth, patient in enumerate(np.linspace(1, patients, PATIENTS).astype(int)):
            for number, work in enumerate(works):
                began = time.process_time()
                work(int(patient))
                took[again, nth, number] = time.process_time() - began
    least: list[float] = (1000 * np.median(took.min(axis=0), axis=0)).tolist()
    return least


def decoding(engine: Engine) -> Callable[[int], object]:
    with reading(engine) as db:
        blobs = db.scalars(
            select(epoch_hour.c.blob).where(epoch_hour.c.patient_id == 1, epoch_hour.c.hour >= START_MS // HOUR_MS)
        ).all()
    return lambda _: [epoch_blob.decode(blob) for blob in blobs]


def test_a_patient_day(engine: Engine, record_property: Callable[[str, object], None], capsys: Any) -> None:
    day = DAY - timedelta(weeks=DAYS // 14)

    def view(patient: int) -> object:
        found = day_view(engine, patient, day, NOW_MS)
        assert found.summary.worn_s > 3600
        return found

    def stored(patient: int) -> object:
        found = summaries(engine, [patient], DAY - timedelta(days=28), DAY - timedelta(days=1))
        assert len(found) == 28
        return found

    patients = enrol(engine, MANY)
    for patient in patients:
        made = create_plan(engine, patient, {}, author_id=None, reason="First", now_ms=0)
        with writing(engine) as db:
            confirm(db, patient, made.version, 1)
    settle_day(engine, 1)
    while rebuild_stale(engine, NOW_MS):
        pass
    fill(engine, 1, FEW)
    decode = decoding(engine)
    few, _, _ = least_ms(FEW, view, decode, stored)
    fill(engine, FEW + 1, MANY)
    many, decode_ms, stored_ms = least_ms(MANY, view, decode, stored)
    name = engine.dialect.name
    figures = {"database": name, "decode_ms": decode_ms, "few_ms": few, "many_ms": many, "patients": MANY, "days": DAYS}
    record_property("day", json.dumps(figures))
    with capsys.disabled():
        print(
            f"\na patient-day on {name}: {few:.1f} ms with {FEW} patients, {many:.1f} ms with {MANY} of {DAYS} days, "
            f"{many / decode_ms:.1f} times the {decode_ms:.2f} ms of decoding its hours; four weeks of summaries "
            f"{stored_ms:.1f} ms"
        )
    assert many <= TIMES_DECODING[name] * decode_ms
    assert many <= FLAT * few
