"""What the rules look at, a patient: plain values, no clock, no database. Times are UTC ms, durations seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from server.summaries.measures import MEASURES, Measure
from server.summaries.periods import WEEK_DAYS, Compared, DayLine, LeftOut, Period, Side
from server.summaries.trends import Trend, Verdict

RECENT_DAYS: Final = WEEK_DAYS
"""The days up to yesterday that are held against the four weeks before them: a week, so that each day of the week is
among them once."""
LIST_FACTOR: Final = 1.5
"""By how many times its own interval a figure must have moved to be told in a list. Our proposal: seven figures are
compared for each of fifty patients, and at 95 % each a third of the list would be there by chance. 1.5 times is about
what the 99.6 % interval asks (Bonferroni over seven figures; Student t on 9 to 30 degrees of freedom: 1.38 to 1.50)."""
_COURSE: Final = "shifts_per_hour"
"""The figure whose course is shown when none has moved."""


class Wear(StrEnum):
    """What a day says about wearing."""

    ENOUGH = "enough"
    MISSED = "missed"
    """A window was prescribed and was not worn enough for the day's figures."""
    NO_WINDOW = "no_window"
    LEFT_OUT = "left_out"
    """Said not to be representative, not over, or being made anew: says nothing."""


@dataclass(frozen=True)
class WornDay:
    """A local day: seconds worn, of its windows, and of those without data."""

    date: date
    wear: Wear
    worn_s: int
    window_s: int
    lost_s: int


@dataclass(frozen=True)
class Change:
    """A figure (key of MEASURES) that moved by more than the patient's own noise. In the figure's unit; the change is
    in [`low`, `high`] with 95 %. `times`: how far beyond what a list asks, 1 and more."""

    key: str
    recent: float
    before: float
    change: float
    low: float
    high: float
    recent_days: int
    before_days: int
    times: float


@dataclass(frozen=True)
class Told:
    """What five weeks of days say. `course` is the figure `course_key` day by day, None where it has none that counts;
    `worn_s`, `window_s` and `uncalibrated_s` are of the last RECENT_DAYS days."""

    today: date
    days: tuple[WornDay, ...]
    changes: tuple[Change, ...]
    worn_s: int
    window_s: int
    uncalibrated_s: int
    course_key: str
    course: tuple[float | None, ...]


@dataclass(frozen=True)
class Pain:
    """Pain from 0 to 10 that the patient noted."""

    at_ms: int
    level: int


@dataclass(frozen=True)
class Urgent:
    """Questions about urgent signs, answered with a yes to those in `yes`, that nobody has looked at yet. `at_once`:
    what was advised was to seek help now."""

    answer_id: int
    at_ms: int
    yes: tuple[str, ...]
    at_once: bool


@dataclass(frozen=True)
class SeatEvent:
    """Something about how a clip sits: `slipped`, `slip_suspected` (by `angle_deg`), or `calibrated`."""

    clip: str
    kind: str
    at_ms: int
    angle_deg: float


@dataclass(frozen=True)
class PlanFacts:
    """The newest version of the plan while the clip has not confirmed it, else None in `pending`."""

    pending: int | None
    made_ms: int
    sent_ms: int | None


@dataclass(frozen=True)
class Facts:
    """All that is known of one patient at `now_ms`. `heard_ms` is when a computer last told of the clip, None where no
    clip is worn or none was ever heard."""

    now_ms: int
    told: Told
    pain: tuple[Pain, ...] = ()
    urgent: tuple[Urgent, ...] = ()
    seat: tuple[SeatEvent, ...] = ()
    plan: PlanFacts = PlanFacts(None, 0, None)
    clip: str | None = None
    heard_ms: int | None = None


def tell(period: Period) -> Told:
    """What a period of RECENT_DAYS days and the weeks before it say."""
    changes = sorted((one for one in map(_change, period.measures) if one is not None), key=lambda one: -one.times)
    lines = (*period.before.days, *period.recent.days)
    key = changes[0].key if changes else _COURSE
    return Told(
        period.today,
        tuple(_worn(line) for line in lines),
        tuple(changes),
        period.recent.worn_s,
        period.recent.elapsed_s,
        _uncalibrated(period.recent),
        key,
        _course(lines, next(measure for measure in MEASURES if measure.key == key)),
    )


def _change(compared: Compared) -> Change | None:
    trend = compared.trend
    if trend.verdict is not Verdict.CHANGED or not compared.comparable:
        return None
    told = (trend.recent, trend.before, trend.change, trend.low, trend.high)
    recent, before, change, low, high = (value or 0.0 for value in told)
    reach = (change - low) if change > 0 else (high - change)
    times = abs(change) / (LIST_FACTOR * reach) if reach > 0 else 1.0
    if times < 1:
        return None
    return Change(compared.measure.key, recent, before, change, low, high, *_days(trend), times)


def _days(trend: Trend) -> tuple[int, int]:
    return trend.recent_days, trend.before_days


_MISSED: Final = frozenset({LeftOut.NOTHING_RECORDED, LeftOut.TOO_LITTLE_WORN})
_NO_WINDOW: Final = frozenset({LeftOut.NO_PLAN, LeftOut.NO_WINDOW})


def _worn(line: DayLine) -> WornDay:
    if line.left_out is None:
        wear = Wear.ENOUGH
    elif line.left_out in _MISSED:
        wear = Wear.MISSED
    else:
        wear = Wear.NO_WINDOW if line.left_out in _NO_WINDOW else Wear.LEFT_OUT
    summary = line.summary
    worn_s, lost_s = (summary.worn_s, summary.seconds["lost"]) if summary else (0, line.window_s)
    return WornDay(line.date, wear, worn_s, line.window_s, lost_s)


def _uncalibrated(side: Side) -> int:
    told = (line.summary for line in side.days if line.mark is None and line.summary is not None)
    return sum(summary.seconds["uncalibrated"] for summary in told)


def _course(lines: tuple[DayLine, ...], measure: Measure) -> tuple[float | None, ...]:
    return tuple(
        measure.of(line.summary) if line.left_out is None and line.summary is not None else None for line in lines
    )
