"""Everything that the pages of a week and of four weeks are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from markupsafe import Markup

from server.pages.charts.dots import Dot, dots
from server.pages.words import degrees, duration, percent, plural
from server.summaries.measures import MEASURES, Measure
from server.summaries.periods import Compared, DayLine, LeftOut, Period, Side
from server.summaries.trends import LEAST_BEFORE, LEAST_RECENT, METHOD, Trend, Verdict
from server.summaries.types import DaySummary

NAMES: Final[Mapping[str, str]] = {
    "shifts_per_hour": "Shifts an hour",
    "longest_still_min": "Longest still bout",
    "breaks_per_hour": "Breaks an hour",
    "slouched_share": "Slouched share of worn time",
    "p50_deg": "Median inclination",
    "spread_deg": "P90 − P10 of inclination",
    "response_rate": "Reminders followed within 10 s",
}
SHORT: Final[Mapping[str, str]] = {
    "shifts_per_hour": "Shifts/h",
    "longest_still_min": "Longest still",
    "breaks_per_hour": "Breaks/h",
    "slouched_share": "Slouched",
    "p50_deg": "P50",
    "spread_deg": "P90 − P10",
    "response_rate": "Followed",
}
"""The same over the columns of a table."""
MEANINGS: Final[Mapping[str, str]] = {
    "shifts_per_hour": "Changes of posture that last, an hour of worn time.",
    "longest_still_min": "The longest time of a day without a shift or a break, all of it seen.",
    "breaks_per_hour": "Times of moving about for 15 s or more, an hour of worn time.",
    "slouched_share": "Depends on the plan’s angle.",
    "p50_deg": "Half of the worn time below, half above; 0° is the reference posture.",
    "spread_deg": "How varied the inclination is.",
    "response_rate": "Of the reminders whose response is known.",
}
LEFT_OUT: Final[Mapping[LeftOut, str]] = {
    LeftOut.NOT_COME: "still to come",
    LeftOut.NOT_OVER: "not over yet",
    LeftOut.NOT_REPRESENTATIVE: "not representative",
    LeftOut.BEING_MADE: "being worked out",
    LeftOut.NO_PLAN: "no plan yet",
    LeftOut.NO_WINDOW: "no window",
    LeftOut.NOTHING_RECORDED: "not worn",
    LeftOut.TOO_LITTLE_WORN: "too little worn",
}
VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.CHANGED: "Changed beyond own noise",
    Verdict.WITHIN_NOISE: "Within own noise",
    Verdict.TOO_FEW_DAYS: "Too few days",
}


@dataclass(frozen=True)
class ChangeRow:
    """A line of the comparison. `size` and `interval` are empty where nothing can be said, and `why` then says why."""

    name: str
    meaning: str
    recent: str
    before: str
    size: str
    interval: str
    verdict: str
    changed: bool
    why: str
    chart: Markup | None


@dataclass(frozen=True)
class DayRow:
    """A line of the day-by-day table. `left_out` is empty for a day that counts."""

    iso: str
    name: str
    link: bool
    left_out: str
    reason: str
    coverage: str
    cells: tuple[str, ...]
    reminders: str


def value_words(measure: Measure, value: float | None) -> str:
    """A figure with its unit; a dash for none."""
    if value is None:
        return "–"
    match measure.unit:
        case "share":
            return percent(value, 1)
        case "min":
            return duration(60 * round(value))
        case "degrees":
            return degrees(value)
        case _:
            return f"{value:.1f}"


def change_words(measure: Measure, value: float) -> str:
    """A difference, always with its sign."""
    scaled, unit, places = {
        "share": (100 * value, " points", 0),
        "min": (value, " min", 0),
        "degrees": (value, "°", 1),
    }.get(measure.unit, (value, "", 1))
    rounded = round(scaled, places)
    if measure.unit == "share" and abs(rounded) == 1:
        unit = " point"
    sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
    return f"{sign}{abs(rounded):.{places}f}{unit}"


def side_words(side: Side) -> str:
    """How many days count, and at which coverage."""
    share = "no window" if side.coverage is None else f"{percent(side.worn_s, side.elapsed_s)} coverage"
    return f"{len(side.counted)} of {plural(len(side.days), 'day')}, {share}"


def left_out_words(side: Side) -> str:
    """Why days do not count, with how many; empty when all do."""
    counted = Counter(line.left_out for line in side.days if line.left_out is not None)
    return ", ".join(f"{counted[reason]} {words}" for reason, words in LEFT_OUT.items() if counted[reason])


def changes(period: Period, keys: Collection[str] = NAMES, *, charts: bool = True) -> list[ChangeRow]:
    """The comparison, line by line, of the measures of these `keys`, with or without the small pictures."""
    return [_change(period, one, charts=charts) for one in period.measures if one.measure.key in keys]


def _change(period: Period, one: Compared, *, charts: bool) -> ChangeRow:
    measure, trend = one.measure, one.trend
    said = trend.change is not None and trend.low is not None and trend.high is not None and one.comparable
    size = interval = ""
    if said and trend.change is not None and trend.low is not None and trend.high is not None:
        size = change_words(measure, trend.change)
        interval = f"{change_words(measure, trend.low)} to {change_words(measure, trend.high)}"
    return ChangeRow(
        NAMES[measure.key],
        MEANINGS[measure.key],
        value_words(measure, trend.recent),
        value_words(measure, trend.before),
        size,
        interval,
        VERDICTS[trend.verdict] if one.comparable else "Not compared",
        said and trend.verdict is Verdict.CHANGED,
        _why(period, one, trend),
        _chart(period, measure) if charts else None,
    )


def _why(period: Period, one: Compared, trend: Trend) -> str:
    if not one.comparable:
        before, recent = (" and ".join(f"{a}°" for a in side.plan_angles) for side in (period.before, period.recent))
        return f"the plan’s angle was {before or 'another'} before and is {recent or 'another'} here"
    if trend.verdict is not Verdict.TOO_FEW_DAYS:
        return ""
    short = []
    if trend.recent_days < LEAST_RECENT:
        short.append(f"{trend.recent_days} of at least {LEAST_RECENT} here")
    if trend.before_days < LEAST_BEFORE:
        short.append(f"{trend.before_days} of at least {LEAST_BEFORE} before")
    return ", ".join(short)


def _chart(period: Period, measure: Measure) -> Markup | None:
    lines = [*period.before.days, *period.recent.days]
    split = len(period.before.days)
    found = []
    for place, line in enumerate(lines):
        value = measure.of(line.summary) if line.left_out is None and line.summary is not None else None
        if value is not None:
            title = f"{short_date(line.date)}: {value_words(measure, value)}"
            found.append(Dot(place, value, place >= split, title))
    label = f"{NAMES[measure.key]}, day by day; the table below has the days of this period"
    return dots(found, len(lines), split, height=34, label=label)


def day_rows(side: Side, today: date) -> list[DayRow]:
    """The days of a period, line by line."""
    return [_day(line, today) for line in side.days]


def _day(line: DayLine, today: date) -> DayRow:
    day = line.summary
    # Figures of a day that is marked are still told; those below the floor of coverage are not.
    shown = day if day is not None and day.enough and line.left_out is not LeftOut.NOT_COME else None
    return DayRow(
        line.date.isoformat(),
        short_date(line.date),
        line.date <= today,
        "" if line.left_out is None else LEFT_OUT[line.left_out],
        line.mark.reason if line.mark else "",
        percent(day.worn_s, day.elapsed_s) if day is not None and day.elapsed_s else "–",
        tuple(value_words(measure, measure.of(shown) if shown else None) for measure in MEASURES),
        _reminders(day),
    )


def _reminders(day: DaySummary | None) -> str:
    return "–" if day is None or not day.window_s else f"{day.reminders_given} of {day.reminders_due}"


def short_date(day: date) -> str:
    """A date in a line of a table."""
    return f"{day:%a} {day.day} {day:%b}"


def span_words(first: date, last: date) -> str:
    """Two dates in one."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{last.day} {last:%B %Y}"
    if first.year == last.year:
        return f"{first.day} {first:%B} – {last.day} {last:%B %Y}"
    return f"{first.day} {first:%B %Y} – {last.day} {last:%B %Y}"


def period_context(
    period: Period, title: str, address: Callable[[date], str], *, step: int, newest: date
) -> dict[str, object]:
    """What both pages show. `address` gives that of the page for a period that ends on a day, `step` days apart, up to
    the one that ends on `newest`."""
    recent, before = period.recent, period.before
    return {
        "period": period,
        "heading": title,
        "span": span_words(recent.first, recent.last),
        "earlier": address(recent.last - timedelta(days=step)),
        "later": address(min(newest, recent.last + timedelta(days=step))) if recent.last < newest else None,
        "recent_words": side_words(recent),
        "recent_left_out": left_out_words(recent),
        "before_words": side_words(before),
        "before_left_out": left_out_words(before),
        "before_span": span_words(before.first, before.last),
        "changes": changes(period),
        "days": day_rows(recent, period.today),
        "measure_names": [(SHORT[measure.key], NAMES[measure.key]) for measure in MEASURES],
        "plans": _plans(period),
        "method": METHOD,
    }


def _plans(period: Period) -> str:
    def words(side: Side) -> str:
        return ", ".join(map(str, side.plan_versions)) or "none"

    if not period.recent.plan_versions and not period.before.plan_versions:
        return "None in force"
    if period.recent.plan_versions == period.before.plan_versions or not period.before.plan_versions:
        return f"Plan {words(period.recent)} in force"
    return f"Plan {words(period.recent)} in force, {words(period.before)} before"
