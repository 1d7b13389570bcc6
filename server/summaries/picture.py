"""Four weeks as a picture: hours, the distribution of inclination, and the patient's own beginning to compare with.
Read from the stored days, never made from epochs again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, Engine, select

from server.store.engine import reading
from server.store.tables import daily
from server.summaries.detail import read_detail
from server.summaries.marks import marks_between
from server.summaries.periods import Period, counts
from server.summaries.service import read_summary
from server.summaries.trends import LEAST_BEFORE, Trend, compare
from server.summaries.types import ALGO, DayDetail, DaySummary
from server.summaries.weeks import period

BASELINE_DAYS: Final = 14
"""The first days that count, together, are the patient's own baseline: two working weeks or so."""
_LOOK_AT: Final = 90
"""So many of the first days are looked through for it."""


@dataclass(frozen=True)
class Day:
    """A stored day and its inside."""

    summary: DaySummary
    detail: DayDetail


@dataclass(frozen=True)
class Picture:
    """`inside` of the days of the period that are stored. `baseline`: the first days that count, all before the period;
    they are one when there are LEAST_BEFORE. `against`: P10, P50 and P90 of the days beside those of the baseline."""

    period: Period
    inside: Mapping[date, DayDetail]
    baseline: tuple[Day, ...]
    against: Mapping[str, Trend]

    @property
    def has_baseline(self) -> bool:
        """Whether there are enough days to be one."""
        return len(self.baseline) >= LEAST_BEFORE

    @property
    def counted(self) -> tuple[DayDetail, ...]:
        """The inside of the days of the period that count."""
        days = (date.fromisoformat(day.date) for day in self.period.recent.counted)
        return tuple(self.inside[day] for day in days if day in self.inside)


def picture(engine: Engine, patient_id: int, first: date, last: date, now_ms: int) -> Picture:
    """A patient's local days `first` to `last`, both included. Raises UnknownPatientError."""
    told = period(engine, patient_id, first, last, now_ms)
    with reading(engine) as connection:
        inside = _inside(connection, patient_id, first, last)
        baseline = _baseline(connection, patient_id, first)
    return Picture(told, inside, baseline, _against(told, baseline))


def _inside(connection: Connection, patient_id: int, first: date, last: date) -> dict[date, DayDetail]:
    rows = connection.execute(
        select(daily.c.date, daily.c.detail_json).where(
            daily.c.patient_id == patient_id,
            daily.c.date.between(first.isoformat(), last.isoformat()),
            daily.c.algo == ALGO,
            daily.c.detail_json.is_not(None),
        )
    )
    return {date.fromisoformat(row.date): read_detail(row.detail_json) for row in rows}


def _baseline(connection: Connection, patient_id: int, before: date) -> tuple[Day, ...]:
    rows = connection.execute(
        select(daily.c.date, daily.c.body_json, daily.c.detail_json)
        .where(
            daily.c.patient_id == patient_id,
            daily.c.date < before.isoformat(),
            daily.c.algo == ALGO,
            daily.c.so_far.is_(False),
            daily.c.detail_json.is_not(None),
        )
        .order_by(daily.c.date)
        .limit(_LOOK_AT)
    )
    found: list[Day] = []
    marked = marks_between(connection, patient_id, date.min, before)
    for row in rows:
        summary = read_summary(row.body_json)
        if counts(summary) and date.fromisoformat(row.date) not in marked:
            found.append(Day(summary, read_detail(row.detail_json)))
        if len(found) == BASELINE_DAYS:
            break
    return tuple(found)


def _against(told: Period, baseline: tuple[Day, ...]) -> dict[str, Trend]:
    def figures(days: tuple[DaySummary, ...], name: str) -> list[tuple[int, float]]:
        values = ((date.fromisoformat(day.date).toordinal(), getattr(day, name)) for day in days)
        return [(number, value) for number, value in values if value is not None]

    before = tuple(day.summary for day in baseline)
    return {
        name: compare(figures(told.recent.counted, name), figures(before, name), resolution=1.0)
        for name in ("p10", "p50", "p90")
    }
