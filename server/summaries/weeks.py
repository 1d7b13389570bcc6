"""Weeks and four weeks from the database: read from the stored days, never made from epochs again."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, Engine, select

from server.store.engine import reading
from server.store.tables import daily
from server.summaries.day import windows_of
from server.summaries.marks import marks_between
from server.summaries.painting import SECOND_MS
from server.summaries.periods import BEFORE_DAYS, LeftOut, Period, build_period
from server.summaries.prescribed import plan_of_day, prescribed
from server.summaries.service import read_summary
from server.summaries.stale import stale_days
from server.summaries.types import ALGO, DaySummary
from server.summaries.zone_history import zones_of_one


def period(engine: Engine, patient_id: int, first: date, last: date, now_ms: int) -> Period:
    """A patient's local days `first` to `last`, both included, beside those before them. Raises UnknownPatientError."""
    with reading(engine) as connection:
        zones = zones_of_one(connection, patient_id)
        since = first - timedelta(days=BEFORE_DAYS)
        stored, older = _stored(connection, patient_id, since, last)
        unmade = older | stale_days(connection, patient_id, since, last)
        marks = marks_between(connection, patient_id, since, last)
        versions = prescribed(connection, [patient_id]).get(patient_id, [])

    def absent(day: date) -> tuple[LeftOut, int]:
        if day in unmade:
            return LeftOut.BEING_MADE, 0
        plan = plan_of_day(versions, frozenset(), zones.bounds(day)[1])
        if plan is None:
            return LeftOut.NO_PLAN, 0
        window_s = sum(end - start for start, end in windows_of(plan, zones, day)) // SECOND_MS
        return (LeftOut.NOTHING_RECORDED if window_s else LeftOut.NO_WINDOW), window_s

    return build_period(
        patient_id,
        (first, last),
        zone=zones.at(now_ms),
        today=zones.day_at(now_ms),
        stored=stored,
        marks=marks,
        absent=absent,
        being_made=len(unmade),
    )


def _stored(
    connection: Connection, patient_id: int, first: date, last: date
) -> tuple[dict[date, DaySummary], set[date]]:
    """What is stored of each day; and the days that an older version of the code made."""
    rows = connection.execute(
        select(daily.c.date, daily.c.algo, daily.c.body_json).where(
            daily.c.patient_id == patient_id, daily.c.date.between(first.isoformat(), last.isoformat())
        )
    ).all()
    return (
        {date.fromisoformat(row.date): read_summary(row.body_json) for row in rows if row.algo == ALGO},
        {date.fromisoformat(row.date) for row in rows if row.algo != ALGO},
    )
