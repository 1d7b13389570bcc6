"""Weeks and four weeks from the database: read from the stored days, never made from epochs again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from functools import partial

from sqlalchemy import Connection, Engine, select

from server.store import UnknownPatientError
from server.store.engine import reading
from server.store.tables import daily
from server.summaries.day import windows_of
from server.summaries.marks import marks_of
from server.summaries.painting import SECOND_MS
from server.summaries.periods import BEFORE_DAYS, LeftOut, Period, build_period
from server.summaries.prescribed import plan_of_day, prescribed
from server.summaries.service import read_summary
from server.summaries.stale import stale_days
from server.summaries.types import ALGO, DaySummary
from server.summaries.zone_history import zones_of


def period(engine: Engine, patient_id: int, first: date, last: date, now_ms: int) -> Period:
    """A patient's local days `first` to `last`, both included, beside those before them. Raises UnknownPatientError."""
    with reading(engine) as connection:
        found = periods(connection, [patient_id], first, last, now_ms)
    if patient_id not in found:
        raise UnknownPatientError(f"no patient {patient_id}")
    return found[patient_id]


def periods(
    connection: Connection, patient_ids: Collection[int], first: date, last: date, now_ms: int
) -> dict[int, Period]:
    """`period` of many patients, with as many questions as for one. Who does not exist is missing."""
    since = first - timedelta(days=BEFORE_DAYS)
    zones = zones_of(connection, patient_ids)
    stored, unmade = _stored(connection, patient_ids, since, last)
    for patient_id, days in stale_days(connection, patient_ids, since, last).items():
        unmade.setdefault(patient_id, set()).update(days)
    marks = marks_of(connection, patient_ids, since, last)
    versions = prescribed(connection, patient_ids)

    def absent(patient_id: int, day: date) -> tuple[LeftOut, int]:
        if day in unmade.get(patient_id, ()):
            return LeftOut.BEING_MADE, 0
        lived = zones[patient_id]
        plan = plan_of_day(versions.get(patient_id, []), frozenset(), lived.bounds(day)[1])
        if plan is None:
            return LeftOut.NO_PLAN, 0
        window_s = sum(end - start for start, end in windows_of(plan, lived, day)) // SECOND_MS
        return (LeftOut.NOTHING_RECORDED if window_s else LeftOut.NO_WINDOW), window_s

    return {
        patient_id: build_period(
            patient_id,
            (first, last),
            zone=lived.at(now_ms),
            today=lived.day_at(now_ms),
            stored=stored.get(patient_id, {}),
            marks=marks.get(patient_id, {}),
            absent=partial(absent, patient_id),
            being_made=len(unmade.get(patient_id, ())),
        )
        for patient_id, lived in zones.items()
    }


def _stored(
    connection: Connection, patient_ids: Collection[int], first: date, last: date
) -> tuple[dict[int, dict[date, DaySummary]], dict[int, set[date]]]:
    """What is stored of each day; and the days that an older version of the code made."""
    rows = connection.execute(
        select(daily.c.patient_id, daily.c.date, daily.c.algo, daily.c.body_json).where(
            daily.c.patient_id.in_(patient_ids), daily.c.date.between(first.isoformat(), last.isoformat())
        )
    )
    stored: dict[int, dict[date, DaySummary]] = {}
    older: dict[int, set[date]] = {}
    for row in rows:
        day = date.fromisoformat(row.date)
        if row.algo == ALGO:
            stored.setdefault(row.patient_id, {})[day] = read_summary(row.body_json)
        else:
            older.setdefault(row.patient_id, set()).add(day)
    return stored, older
