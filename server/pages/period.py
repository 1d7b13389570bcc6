"""Everything that the pages of a week and of four weeks are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from markupsafe import Markup

from server.language import N_, ngettext
from server.language import gettext as _
from server.pages.charts.dots import Dot, dots
from server.pages.words import DAY_AND_MONTH, FULL_DAY, WEEKDAY, counted, dated, decimal, degrees, duration, percent
from server.summaries.measures import MEASURES, Measure
from server.summaries.periods import Compared, DayLine, LeftOut, Period, Side
from server.summaries.trends import LEAST_BEFORE, LEAST_RECENT, METHOD, Trend, Verdict
from server.summaries.types import DaySummary

NAMES: Final[Mapping[str, str]] = {
    "shifts_per_hour": N_("Shifts an hour"),
    "longest_still_min": N_("Longest still bout"),
    "breaks_per_hour": N_("Breaks an hour"),
    "slouched_share": N_("Slouched share of worn time"),
    "p50_deg": N_("Median inclination"),
    "spread_deg": N_("P90 − P10 of inclination"),
    "response_rate": N_("Reminders followed within 10 s"),
}
SHORT: Final[Mapping[str, str]] = {
    "shifts_per_hour": N_("Shifts/h"),
    "longest_still_min": N_("Longest still"),
    "breaks_per_hour": N_("Breaks/h"),
    "slouched_share": N_("Slouched"),
    "p50_deg": N_("P50"),
    "spread_deg": N_("P90 − P10"),
    "response_rate": N_("Followed"),
}
"""The same over the columns of a table."""
MEANINGS: Final[Mapping[str, str]] = {
    "shifts_per_hour": N_("Changes of posture that last, an hour of worn time."),
    "longest_still_min": N_("The longest time of a day without a shift or a break, all of it seen."),
    "breaks_per_hour": N_("Times of moving about for 15 s or more, an hour of worn time."),
    "slouched_share": N_("Depends on the plan’s angle."),
    "p50_deg": N_("Half of the worn time below, half above; 0° is the reference posture."),
    "spread_deg": N_("How varied the inclination is."),
    "response_rate": N_("Of the reminders whose response is known."),
}
LEFT_OUT: Final[Mapping[LeftOut, str]] = {
    LeftOut.NOT_COME: N_("still to come"),
    LeftOut.NOT_OVER: N_("not over yet"),
    LeftOut.NOT_REPRESENTATIVE: N_("not representative"),
    LeftOut.BEING_MADE: N_("being worked out"),
    LeftOut.NO_PLAN: N_("no plan yet"),
    LeftOut.NO_WINDOW: N_("no window"),
    LeftOut.NOTHING_RECORDED: N_("not worn"),
    LeftOut.TOO_LITTLE_WORN: N_("too little worn"),
}
VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.CHANGED: N_("Changed beyond own noise"),
    Verdict.WITHIN_NOISE: N_("Within own noise"),
    Verdict.TOO_FEW_DAYS: N_("Too few days"),
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
            return decimal(value)


def change_words(measure: Measure, value: float) -> str:
    """A difference, always with its sign."""
    scaled, places = {"share": (100 * value, 0), "min": (value, 0)}.get(measure.unit, (value, 1))
    rounded = round(scaled, places)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
    number = f"{sign}{decimal(abs(rounded), places)}"
    match measure.unit:
        case "share":
            return ngettext("{number} point", "{number} points", int(abs(rounded))).format(number=number)
        case "min":
            return f"{number} min"
        case "degrees":
            return f"{number}°"
        case _:
            return number


def side_words(side: Side) -> str:
    """How many days count, and at which coverage."""
    days = counted(len(side.days), "{some} of {n} day", "{some} of {n} days", some=len(side.counted))
    if side.coverage is None:
        return _("{days}, no window").format(days=days)
    return _("{days}, {share} coverage").format(days=days, share=percent(side.worn_s, side.elapsed_s))


def left_out_words(side: Side) -> str:
    """Why days do not count, with how many; empty when all do."""
    counts = Counter(line.left_out for line in side.days if line.left_out is not None)
    return ", ".join(f"{counts[reason]} {_(words)}" for reason, words in LEFT_OUT.items() if counts[reason])


def changes(period: Period, keys: Collection[str] = NAMES, *, charts: bool = True) -> list[ChangeRow]:
    """The comparison, line by line, of the measures of these `keys`, with or without the small pictures."""
    return [_change(period, one, charts=charts) for one in period.measures if one.measure.key in keys]


def _change(period: Period, one: Compared, *, charts: bool) -> ChangeRow:
    measure, trend = one.measure, one.trend
    said = trend.change is not None and trend.low is not None and trend.high is not None and one.comparable
    size = interval = ""
    if said and trend.change is not None and trend.low is not None and trend.high is not None:
        size = change_words(measure, trend.change)
        low, high = change_words(measure, trend.low), change_words(measure, trend.high)
        interval = _("{low} to {high}").format(low=low, high=high)
    return ChangeRow(
        _(NAMES[measure.key]),
        _(MEANINGS[measure.key]),
        value_words(measure, trend.recent),
        value_words(measure, trend.before),
        size,
        interval,
        _(VERDICTS[trend.verdict]) if one.comparable else _("Not compared"),
        said and trend.verdict is Verdict.CHANGED,
        _why(period, one, trend),
        _chart(period, measure) if charts else None,
    )


def _why(period: Period, one: Compared, trend: Trend) -> str:
    if not one.comparable:
        before, recent = (_(" and ").join(f"{a}°" for a in side.plan_angles) for side in (period.before, period.recent))
        words = _("the plan’s angle was {before} before and is {recent} here")
        return words.format(before=before or _("another"), recent=recent or _("another"))
    if trend.verdict is not Verdict.TOO_FEW_DAYS:
        return ""
    short = []
    if trend.recent_days < LEAST_RECENT:
        short.append(_("{n} of at least {least} here").format(n=trend.recent_days, least=LEAST_RECENT))
    if trend.before_days < LEAST_BEFORE:
        short.append(_("{n} of at least {least} before").format(n=trend.before_days, least=LEAST_BEFORE))
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
    label = _("{name}, day by day; the table below has the days of this period").format(name=_(NAMES[measure.key]))
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
        "" if line.left_out is None else _(LEFT_OUT[line.left_out]),
        line.mark.reason if line.mark else "",
        percent(day.worn_s, day.elapsed_s) if day is not None and day.elapsed_s else "–",
        tuple(value_words(measure, measure.of(shown) if shown else None) for measure in MEASURES),
        _reminders(day),
    )


def _reminders(day: DaySummary | None) -> str:
    if day is None or not day.window_s:
        return "–"
    return _("{given} of {due}").format(given=day.reminders_given, due=day.reminders_due)


def short_date(day: date) -> str:
    """A date in a line of a table."""
    return dated(day, WEEKDAY)


def span_words(first: date, last: date) -> str:
    """Two dates in one."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{dated(last, FULL_DAY)}"
    return f"{dated(first, DAY_AND_MONTH if first.year == last.year else FULL_DAY)} – {dated(last, FULL_DAY)}"


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
        "measure_names": [(_(SHORT[measure.key]), _(NAMES[measure.key])) for measure in MEASURES],
        "plans": _plans(period),
        "method": _(METHOD),
    }


def _plans(period: Period) -> str:
    def words(side: Side) -> str:
        return ", ".join(map(str, side.plan_versions)) or _("none")

    recent, before = period.recent, period.before
    if not recent.plan_versions and not before.plan_versions:
        return _("None in force")
    if recent.plan_versions == before.plan_versions or not before.plan_versions:
        return _("Plan {recent} in force").format(recent=words(recent))
    return _("Plan {recent} in force, {before} before").format(recent=words(recent), before=words(before))
