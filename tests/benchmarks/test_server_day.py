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
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from server.store import epoch_blob, reading
from server.store.tables import epoch_hour
from server.summaries.service import day_view, summaries
from tests.benchmarks.wearers import DAY, NOW_MS, START_MS
from tests.benchmarks.years import HOUR_MS, begin, copy, live_through

LONG = os.environ.get("PLUMBLINE_HYPOTHESIS") == "long"
FEW = 10
MANY, DAYS = (1000, 365) if LONG else (30, 28)
"""Patients and days of the full store; of a year in the long run."""
AGAIN, PATIENTS = 20, 5
TIMES_DECODING = {"sqlite": 15.5, "postgresql": 20.0}
"""A patient-day costs at most so many times the decoding of its hours: its figures are made from every second, and it
takes four questions to the store."""
FLAT = 1.5


def least_ms(patients: int, *works: Callable[[int], object]) -> NDArray[np.float64]:
    """Each of the works in turn, so that all have the same machine: the least that its median patient took of `AGAIN`
    times, which is the machine's disturbance the least. Over several patients, so that it is not one page of the
    database that is at hand. (works, 2): of our processor, and by the clock on the wall, for PostgreSQL works while we
    wait."""
    took = np.empty((AGAIN, PATIENTS, len(works), 2))
    for again in range(AGAIN):
        for nth, patient in enumerate(np.linspace(1, patients, PATIENTS).astype(int)):
            for number, work in enumerate(works):
                began = time.process_time(), time.perf_counter()
                work(int(patient))
                took[again, nth, number] = time.process_time() - began[0], time.perf_counter() - began[1]
    least: NDArray[np.float64] = 1000 * np.median(took.min(axis=0), axis=0)
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

    begin(engine, MANY)
    live_through(engine, 1, range(1, DAYS + 1))
    copy(engine, 1, 2, FEW)
    decode = decoding(engine)
    few = least_ms(FEW, view, decode, stored)[0]
    copy(engine, 1, FEW + 1, MANY)
    many, decoded, four_weeks = least_ms(MANY, view, decode, stored)
    name = engine.dialect.name
    times = many[0] / decoded[0]
    figures = {"few_ms": list(few), "many_ms": list(many), "decode_ms": list(decoded), "stored_ms": list(four_weeks)}
    record_property("day", json.dumps({"database": name, "patients": MANY, "days": DAYS, **figures}))
    with capsys.disabled():
        print(
            f"\na patient-day on {name}: {few[1]:.1f} ms with {FEW} patients, {many[1]:.1f} ms with {MANY} of {DAYS} "
            f"days, {many[0]:.1f} ms of them of our processor, {times:.1f} times the {decoded[0]:.2f} ms of decoding "
            f"its hours; four weeks of summaries {four_weeks[1]:.1f} ms"
        )
    assert times <= TIMES_DECODING[name]
    assert many[1] <= FLAT * few[1]
