"""Weeks and four weeks, from stored days: pure, no clock, no database.

A day counts when it is over, had a window, was worn enough for its figures (`server.summaries.floors`) and is not
marked as not representative. Every other day is named with the reason why it does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from server.summaries.marks import DayMark
from server.summaries.measures import MEASURES, Measure
from server.summaries.trends import Trend, compare
from server.summaries.types import DaySummary

WEEK_DAYS: Final = 7
BEFORE_DAYS: Final = 28
"""The days before a period that it is compared with: four weeks, so that every day of the week is in them alike."""


class LeftOut(StrEnum):
    """Why a day does not count; the first that holds."""

    NOT_COME = "not_come"
    NOT_OVER = "not_over"
    NOT_REPRESENTATIVE = "not_representative"
    BEING_MADE = "being_made"
    """Its figures are made anew this minute."""
    NO_PLAN = "no_plan"
    NO_WINDOW = "no_window"
    NOTHING_RECORDED = "nothing_recorded"
    TOO_LITTLE_WORN = "too_little_worn"


@dataclass(frozen=True)
class DayLine:
    """A day of a period. `summary` None: nothing is stored of it. `window_s`: seconds of its windows, so far.
    `left_out` None: it counts."""

    date: date
    summary: DaySummary | None
    window_s: int
    mark: DayMark | None
    left_out: LeftOut | None


@dataclass(frozen=True)
class Side:
    """Some days in a row. Of those that are over and not marked: seconds worn, and seconds of windows. Of those that
    count: plan versions in force, their angles, and calibration versions."""

    days: tuple[DayLine, ...]
    worn_s: int
    elapsed_s: int
    plan_versions: tuple[int, ...]
    plan_angles: tuple[int, ...]
    calibration_versions: tuple[int, ...]

    @property
    def first(self) -> date:
        """The first day."""
        return self.days[0].date

    @property
    def last(self) -> date:
        """The last day."""
        return self.days[-1].date

    @property
    def counted(self) -> tuple[DaySummary, ...]:
        """The days that count."""
        return tuple(line.summary for line in self.days if line.left_out is None and line.summary is not None)

    @property
    def coverage(self) -> float | None:
        """Worn share of the windows, 0 to 1; None without any."""
        return self.worn_s / self.elapsed_s if self.elapsed_s else None


@dataclass(frozen=True)
class Compared:
    """A measure over the period beside the days before it. `comparable` False: the plan's angle is another, and what is
    called slouched with it."""

    measure: Measure
    trend: Trend
    comparable: bool


@dataclass(frozen=True)
class Period:
    """A period beside the BEFORE_DAYS days before it."""

    patient_id: int
    zone: str
    """In which the patient lives now."""
    today: date
    recent: Side
    before: Side
    measures: tuple[Compared, ...]
    being_made: int
    """Days whose figures are made anew this minute and may change."""
    simulated: bool


Absent = Callable[[date], tuple[LeftOut, int]]
"""Why nothing is stored of a day that is over, and how many seconds its windows had."""


def week_of(day: date) -> tuple[date, date]:
    """Monday and Sunday of a day's week."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=WEEK_DAYS - 1)


def build_period(
    patient_id: int,
    bounds: tuple[date, date],
    *,
    zone: str,
    today: date,
    stored: Mapping[date, DaySummary],
    marks: Mapping[date, DayMark],
    absent: Absent,
    being_made: int = 0,
) -> Period:
    """The days of `bounds`, both included, beside those before them, out of what is stored of each."""
    first, last = bounds

    def side(start: date, end: date) -> Side:
        days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
        return _side([_line(day, today, stored.get(day), marks.get(day), absent) for day in days])

    recent = side(first, last)
    before = side(first - timedelta(days=BEFORE_DAYS), first - timedelta(days=1))
    same_angle = len({*recent.plan_angles, *before.plan_angles}) < 2
    return Period(
        patient_id,
        zone,
        today,
        recent,
        before,
        tuple(
            Compared(
                measure,
                compare(_figures(recent, measure), _figures(before, measure), resolution=measure.resolution),
                same_angle or not measure.by_angle,
            )
            for measure in MEASURES
        ),
        being_made,
        any(line.summary.simulated for line in (*recent.days, *before.days) if line.summary),
    )


def _line(day: date, today: date, summary: DaySummary | None, mark: DayMark | None, absent: Absent) -> DayLine:
    if summary is not None:
        reason, window_s = _left_out(summary), summary.elapsed_s
    elif day < today:
        reason, window_s = absent(day)
    else:
        reason, window_s = LeftOut.NOT_OVER, 0
    if day > today:
        reason = LeftOut.NOT_COME
    elif mark is not None:
        reason = LeftOut.NOT_REPRESENTATIVE
    elif day == today:
        reason = LeftOut.NOT_OVER
    return DayLine(day, summary, window_s, mark, reason)


def counts(summary: DaySummary) -> bool:
    """Whether a stored day counts, unless somebody marked it."""
    return _left_out(summary) is None


def _left_out(summary: DaySummary) -> LeftOut | None:
    if summary.plan_version is None:
        return LeftOut.NO_PLAN
    if not summary.window_s:
        return LeftOut.NO_WINDOW
    if summary.so_far:
        return LeftOut.NOT_OVER
    if not summary.worn_s:
        return LeftOut.NOTHING_RECORDED
    return None if summary.enough else LeftOut.TOO_LITTLE_WORN


def _side(days: Sequence[DayLine]) -> Side:
    told = [line for line in days if line.mark is None and line.left_out not in (LeftOut.NOT_COME, LeftOut.NOT_OVER)]
    counted = [line.summary for line in days if line.left_out is None and line.summary is not None]
    return Side(
        tuple(days),
        sum(line.summary.worn_s for line in told if line.summary is not None),
        sum(line.window_s for line in told),
        _each(day.plan_version for day in counted),
        _each(day.plan_angle_deg for day in counted),
        _each(version for day in counted for version in day.calibration_versions),
    )


def _each(values: Iterable[int | None]) -> tuple[int, ...]:
    return tuple(sorted({value for value in values if value is not None}))


def _figures(side: Side, measure: Measure) -> list[tuple[int, float]]:
    told = ((date.fromisoformat(day.date).toordinal(), measure.of(day)) for day in side.counted)
    return [(number, value) for number, value in told if value is not None]
