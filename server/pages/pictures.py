"""Everything that the overview of a patient is given: pictures of four weeks, each with its twin as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from babel.numbers import get_decimal_symbol
from markupsafe import Markup

from server.language import N_, locale
from server.language import gettext as _
from server.pages.charts import palette
from server.pages.charts.course import Means, Point, course
from server.pages.charts.distribution import SHARES, Line, distribution
from server.pages.charts.heat import WORN, Cell, heat
from server.pages.charts.vega import Spec, figure
from server.pages.period import changes, left_out_words, short_date, side_words, value_words
from server.pages.words import SHORT_DAY, dated, degrees, duration, percent
from server.summaries.detail import distribution as together
from server.summaries.detail import percentile
from server.summaries.periods import Compared, Period
from server.summaries.picture import BASELINE_DAYS, Picture
from server.summaries.trends import LEAST_BEFORE, Verdict
from server.summaries.types import CODE, DayDetail, HourDetail

_OFF: Final = ("paused", "lost", "not_worn")
_POINTS: Final = dict(zip(("p10", "p50", "p90"), SHARES, strict=True))
_MEANINGS: Final = {
    "p10": N_("a tenth of the time further back"),
    "p50": N_("half of the time below, half above"),
    "p90": N_("a tenth of the time further forward"),
}
_UNITS: Final = {"an hour": "", "min": " min", "share": " %", "degrees": "°"}
_SCALES: Final = {"share": 100.0}


@dataclass(frozen=True)
class HeatRow:
    """A day of the table under the picture of hours."""

    name: str
    iso: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class SpreadRow:
    """A line of the table under the distribution."""

    name: str
    meaning: str
    recent: str
    baseline: str
    change: str
    verdict: str
    changed: bool


@dataclass(frozen=True)
class Course:
    """A figure day by day, and in words."""

    name: str
    figure: Markup
    words: str
    changed: bool


def cell_state(hour: HourDetail) -> str:
    """What a cell is shown as: worn where most of it was worn and judged, else what there was most of."""
    if 2 * hour.worn_s < hour.told_s:
        return max(_OFF, key=lambda name: hour.seconds[CODE[name]]).replace("_", "-")
    return "uncalibrated" if 2 * hour.seconds[CODE["uncalibrated"]] > hour.worn_s else WORN


def cell_share(hour: HourDetail) -> float | None:
    """Slouched share of worn time, None for a cell that is not told as worn."""
    return hour.seconds[CODE["slouched"]] / hour.worn_s if cell_state(hour) == WORN else None


def heat_spec(period: Period, inside: dict[date, DayDetail], *, height: int = 300) -> Spec:
    """The hours of the days of a period."""
    cells: list[Cell] = []
    plans: dict[int, str] = {}
    before: int | None = None
    for place, line in enumerate(period.recent.days):
        version = line.summary.plan_version if line.summary else None
        if version is not None and version != before:
            if before is not None:
                plans[place] = _("Plan {version}").format(version=version)
            before = version
        cells += [
            Cell(place, hour.hour, cell_state(hour), cell_share(hour), _hour_words(line.date, hour))
            for hour in (inside[line.date].hours if line.date in inside else ())
        ]
    days = len(period.recent.days)
    return heat(cells, _labels(period.recent.first, days), days=days, plans=plans, height=height)


def _hour_words(day: date, hour: HourDetail) -> str:
    parts = [_("worn {time}").format(time=duration(hour.worn_s))]
    share = cell_share(hour)
    if share is not None:
        parts.append(_("slouched {share} of it").format(share=percent(share, 1)))
    for name in _OFF:
        seconds = hour.seconds[CODE[name]]
        if seconds:
            parts.append(f"{_(palette.LABELS[CODE[name]]).lower()} {duration(seconds)}")
    return f"{short_date(day)}, {hour.hour:02d}–{hour.hour + 1:02d}: {', '.join(parts)}"


def _labels(first: date, days: int) -> dict[int, str]:
    """Mondays, or every day of a week."""
    named = [(place, first + timedelta(days=place)) for place in range(days)]
    if days <= 7:
        return {place: short_date(day) for place, day in named}
    return {place: dated(day, SHORT_DAY) for place, day in named if day.weekday() == 0}


def heat_rows(period: Period, inside: dict[date, DayDetail]) -> tuple[list[str], list[HeatRow]]:
    """The names of the hours, and the days, the latest first."""
    known = sorted({hour.hour for detail in inside.values() for hour in detail.hours})
    hours = list(range(known[0], known[-1] + 1)) if known else []
    rows = []
    for line in reversed(period.recent.days):
        told = {hour.hour: hour for hour in inside[line.date].hours} if line.date in inside else {}
        cells = tuple(_cell_words(told.get(hour)) for hour in hours)
        rows.append(HeatRow(short_date(line.date), line.date.isoformat(), cells))
    return [f"{hour:02d}" for hour in hours], rows


def _cell_words(hour: HourDetail | None) -> str:
    if hour is None:
        return ""
    share = cell_share(hour)
    if share is not None:
        return percent(share, 1)
    state = cell_state(hour)
    return _(palette.LABELS[palette.KEYS.index(state)]).lower()


def heat_legend() -> list[tuple[Markup, str]]:
    """The dress of the cells."""
    worn, slouched = CODE["upright"], CODE["slouched"]
    return [
        (palette.swatch(slouched), _("slouched share of worn time, from the bottom up")),
        (palette.swatch(worn), _("the rest of worn time")),
        *(
            (palette.swatch(CODE[name]), _(palette.LABELS[CODE[name]]))
            for name in ("uncalibrated", "not_worn", "paused", "lost")
        ),
    ]


def spread_rows(picture: Picture) -> list[SpreadRow]:
    """P10, P50 and P90 of the period beside the baseline."""
    recent = together(picture.counted)
    baseline = together(day.detail for day in picture.baseline) if picture.has_baseline else ()
    rows = []
    for name, share in _POINTS.items():
        trend = picture.against[name]
        here, there = percentile(recent, share), percentile(baseline, share)
        change = ""
        if trend.change is not None and trend.low is not None and trend.high is not None:
            low, high = _signed(trend.low), _signed(trend.high)
            change = _("{change} ({low} to {high})").format(change=_signed(trend.change), low=low, high=high)
        verdict = {
            Verdict.CHANGED: _("Changed beyond own noise"),
            Verdict.WITHIN_NOISE: _("Within own noise"),
            Verdict.TOO_FEW_DAYS: _("Too few days"),
        }[trend.verdict]
        rows.append(
            SpreadRow(
                name.upper(),
                _(_MEANINGS[name]),
                "–" if here is None else degrees(here),
                "–" if there is None else degrees(there),
                change,
                verdict,
                trend.verdict is Verdict.CHANGED,
            )
        )
    return rows


def _signed(value: float) -> str:
    rounded = round(value, 1)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
    return f"{sign}{abs(rounded):.1f}°".replace(".", get_decimal_symbol(locale()))


def spread_spec(picture: Picture, plan_angle: int | None) -> Spec | None:
    """The distribution of inclination; None without any."""
    angles = together(picture.counted)
    if not angles:
        return None
    first = together(day.detail for day in picture.baseline) if picture.has_baseline else ()
    plan = (plan_angle, _("plan’s angle {angle}").format(angle=degrees(plan_angle))) if plan_angle is not None else None
    return distribution(
        _line(_("These days"), angles),
        _line(_("Baseline"), first) if first else None,
        plan=plan,
        title=_("Inclination, forward to the right"),
        share_title=_("Share of worn time at or below"),
    )


def _line(name: str, angles: Sequence[tuple[int, int]]) -> Line:
    points = []
    for key, share in _POINTS.items():
        at = percentile(angles, share)
        if at is not None:
            points.append((share, at, f"{name}, {key.upper()}: {degrees(at)}"))
    return Line(name, angles, points)


def baseline_words(picture: Picture) -> str:
    """What the baseline is, or how far it has come."""
    count = len(picture.baseline)
    if not picture.has_baseline:
        return _(
            "There is no baseline yet: it is made of the first {most} days that count, {least} at least; {count} lie "
            "before these four weeks."
        ).format(most=BASELINE_DAYS, least=LEAST_BEFORE, count=count)
    first, last = (date.fromisoformat(picture.baseline[at].summary.date) for at in (0, -1))
    words = _("Baseline: the first {count} days that count, {first} to {last}.").format(
        count=count, first=short_date(first), last=short_date(last)
    )
    mine = {version for day in picture.baseline for version in day.summary.calibration_versions}
    if set(picture.period.recent.calibration_versions) - mine:
        words += " " + _("The reference posture was set anew since then, and angles may differ for that reason alone.")
    return words


def courses(period: Period) -> list[Course]:
    """The figures that are followed, day by day over both periods."""
    found = []
    for one, row in zip(period.measures, changes(period, charts=False), strict=True):
        spec = _course(period, one)
        if spec is None:
            continue
        name = row.name
        words = row.verdict
        if row.size:
            words = f"{row.verdict}: {row.size} ({row.interval})"
        elif row.why:
            words = f"{row.verdict}: {row.why}"
        mean = f"{row.before} → {row.recent}"
        label = _("{name} day by day; the means and the change stand beside it").format(name=name)
        found.append(Course(name, figure(spec, label=label, class_="course"), f"{mean} · {words}", row.changed))
    return found


def _course(period: Period, one: Compared) -> Spec | None:
    measure, trend = one.measure, one.trend
    scale = _SCALES.get(measure.unit, 1.0)
    lines = [*period.before.days, *period.recent.days]
    points = []
    for place, line in enumerate(lines):
        value = measure.of(line.summary) if line.left_out is None and line.summary is not None else None
        if value is not None:
            words = f"{short_date(line.date)}: {value_words(measure, value)}"
            points.append(Point(place, round(value * scale, 3), words))
    if not points:
        return None

    def scaled(value: float | None) -> float | None:
        return None if value is None else round(value * scale, 3)

    low = high = None
    if one.comparable and trend.low is not None and trend.high is not None and trend.before is not None:
        low, high = trend.before + trend.low, trend.before + trend.high
    means = Means(scaled(trend.before), scaled(trend.recent), scaled(low), scaled(high))
    labels = {place: dated(line.date, SHORT_DAY) for place, line in enumerate(lines) if place % 14 == 0}
    return course(
        points,
        means,
        labels,
        days=len(lines),
        split=len(period.before.days),
        unit=_UNITS[measure.unit],
        point=get_decimal_symbol(locale()),
    )


def picture_context(picture: Picture, plan_angle: int | None) -> dict[str, object]:
    """What the overview's template is given of the four weeks."""
    period = picture.period
    inside = dict(picture.inside)
    spread = spread_spec(picture, plan_angle)
    hours, rows = heat_rows(period, inside)
    recorded = any(detail.hours for detail in inside.values())
    return {
        "period": period,
        "recent_words": side_words(period.recent),
        "recent_left_out": left_out_words(period.recent),
        "heat": figure(
            heat_spec(period, inside),
            label=_("Hours of four weeks, a column a day; the table below has the same"),
            class_="heat",
        )
        if recorded
        else None,
        "heat_hours": hours,
        "heat_rows": rows,
        "heat_legend": heat_legend(),
        "spread": None
        if spread is None
        else figure(
            spread,
            label=_("Distribution of inclination over worn time; the table has its P10, P50 and P90"),
            class_="distribution",
        ),
        "spread_rows": spread_rows(picture),
        "baseline_words": baseline_words(picture),
        "has_baseline": picture.has_baseline,
        "courses": courses(period),
    }
