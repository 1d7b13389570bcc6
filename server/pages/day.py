"""Everything that the day page's template is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from markupsafe import Markup

from server.language import gettext as _
from server.pages import coverage, figures, hours, timeline, vocabulary
from server.pages.charts import lanes, palette
from server.pages.charts.svg import element
from server.pages.words import LONG_DAY, clock, dated, duration, exact, percent
from server.summaries.types import DaySummary, DayView


@dataclass(frozen=True)
class Neighbours:
    """The days before and after, ISO dates; `after` None on the patient's present day."""

    before: str
    after: str | None


def neighbours(day: date, today: date) -> Neighbours:
    """Where the previous/next buttons lead."""
    after = (day + timedelta(days=1)).isoformat() if day < today else None
    return Neighbours((day - timedelta(days=1)).isoformat(), after)


def day_context(view: DayView, zone: ZoneInfo, day: date, today: date) -> dict[str, object]:
    """Figures, charts and tables of a local day of a patient, whose present date is `today`."""
    summary = view.summary
    seconds = coverage.seconds_by_code(summary)
    return {
        "view": view,
        "summary": summary,
        "zone": zone,
        "zone_words": zone_words(summary),
        "window_words": window_words(summary, zone),
        "day": day.isoformat(),
        "day_words": long_date(day),
        "neighbours": neighbours(day, today),
        "figures": figures.figures(view, zone),
        "bar": coverage.coverage_bar(summary, height=30),
        "coverage_words": coverage.coverage_words(summary),
        "coverage_share": percent(summary.worn_s, summary.elapsed_s),
        "legend": [(palette.swatch(c), _(palette.LABELS[c])) for c in palette.SHOWN if seconds.get(c)],
        "line": timeline.timeline(view, zone),
        "recorded": timeline.anything_recorded(view),
        "hours": hours.hours(view, zone),
        "worn_parts": coverage.parts(summary, palette.WORN),
        "off_parts": coverage.parts(summary, (*palette.NOT_WORN, palette.TO_COME)),
        "window_exact": exact(summary.window_s),
        "spread": figures.spread_chart(view),
        "episodes": view.episodes,
        "reminders": view.reminders,
        "given": sum(reminder.given for reminder in view.reminders),
        "sign": lambda reminder: lanes.legend_sign(vocabulary.sign_of(reminder)),
        "reasons": vocabulary.REASONS,
        "end_reasons": vocabulary.END_REASONS,
        "judges": vocabulary.JUDGES,
        "response_words": vocabulary.response_words,
        "threshold_sample": _sample("line", class_="plan-angle", x1=0, x2=20, y1=7, y2=7),
        "episode_sample": _sample("rect", class_="episode", x=0, y=2, width=20, height=10, rx=2),
        "outcomes": figures.outcomes(summary),
        "present": day == today,
        "events": view.events,
        "event_words": vocabulary.event_words,
        "seat_words": vocabulary.seat_words(view.events, zone),
        "nothing_words": _nothing_words(day, today),
    }


def window_words(summary: DaySummary, zone: ZoneInfo) -> str:
    """The window by the clock, each part of it."""
    parts = [f"{clock(start, zone)}–{clock(end, zone)}" for start, end in summary.windows]
    elsewhere = summary.plan_zone is not None and summary.plan_zone != summary.zone
    times = _(" and ").join(parts)
    return (
        _("{times}, by the plan’s clock in {zone}").format(times=times, zone=summary.plan_zone) if elsewhere else times
    )


def zone_words(summary: DaySummary) -> str:
    """What is special about a day on which the patient travelled; empty for none."""
    changes = [
        _("at {time} from {before} to {after}, where it was {there}").format(
            time=clock(at, ZoneInfo(before)), before=before, after=after, there=clock(at, ZoneInfo(after))
        )
        for (__, before), (at, after) in pairwise(summary.zones)
    ]
    if not changes:
        return ""
    length = duration((summary.day_end_ms - summary.day_start_ms) / 1000)
    words = _("Travelled {changes}. This day had {length}; times below are those of {zone}.")
    return words.format(changes=_(", then ").join(changes), length=length, zone=summary.zone)


def _sample(name: str, **attributes: str | float) -> Markup:
    return element("svg", [element(name, **attributes)], class_="chart swatch", width=20, height=14, aria_hidden="true")


def long_date(day: date) -> str:
    """A date in words."""
    return dated(day, LONG_DAY)


def _nothing_words(day: date, today: date) -> str:
    if day > today:
        return _("This day has not come yet.")
    return _("Nothing has been recorded on this day.") if day < today else _("Nothing has been recorded today yet.")
