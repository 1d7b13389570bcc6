"""The day's headline figures, what followed its reminders, and the spread of its inclination."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from markupsafe import Markup

from server.language import gettext as _
from server.pages.charts import spread
from server.pages.coverage import coverage_words
from server.pages.vocabulary import REASONS
from server.pages.words import clock, counted, decimal, degrees, duration, percent
from server.summaries.types import DaySummary, DayView


@dataclass(frozen=True)
class Figure:
    """One headline figure. `value` None: not shown, and `note` says why."""

    name: str
    value: str | None
    note: str


def figures(view: DayView, zone: ZoneInfo) -> list[Figure]:
    """The headline figures, coverage first, then movement; shares, angles and bouts only above the floor of
    coverage."""
    summary = view.summary
    covered = _("at {share} coverage").format(share=percent(summary.worn_s, summary.elapsed_s))
    so_far = f", {_('so far')}" if summary.so_far else ""
    enough = summary.enough and summary.worn_s > 0
    why = _("too little worn time")
    inclination = None if summary.p50 is None or not enough else degrees(summary.p50)
    longest = max((episode.end_ms - episode.start_ms for episode in view.episodes if episode.in_window), default=0)
    rate, breaks = summary.shifts_per_hour, summary.breaks_per_hour
    shifts = counted(
        summary.shifts,
        "{n} change of posture that lasted, {covered}",
        "{n} changes of posture that lasted, {covered}",
        covered=covered,
    )
    pauses = _("of 15 s and more of moving; {rate} an hour, {covered}")
    slouched = _("{time} of worn time, {covered}")
    return [
        Figure(
            _("Coverage"),
            percent(summary.worn_s, summary.elapsed_s) if summary.elapsed_s else None,
            coverage_words(summary),
        ),
        Figure(
            _("Shifts an hour"),
            f"{rate:.0f}" if enough and rate is not None else None,
            shifts if enough else why,
        ),
        Figure(
            _("Longest still bout"),
            still_words(summary) if enough else None,
            f"{_still_place(summary, zone)}, {covered}" if enough else why,
        ),
        Figure(
            _("Breaks"),
            str(summary.breaks) if enough else None,
            pauses.format(rate=decimal(breaks), covered=covered) if enough and breaks is not None else why,
        ),
        Figure(
            _("Slouched"),
            percent(summary.seconds["slouched"], summary.worn_s) if enough else None,
            slouched.format(time=duration(summary.seconds["slouched"]), covered=covered) + so_far if enough else why,
        ),
        Figure(
            _("Median inclination"),
            inclination,
            f"P10 {degrees(summary.p10)}, P90 {degrees(summary.p90)}, {covered}"
            if inclination and summary.p10 is not None and summary.p90 is not None
            else why,
        ),
        Figure(
            _("Episodes"),
            str(summary.episodes),
            (
                _("longest {time}").format(time=duration(longest / 1000))
                if longest
                else _("slouched for some seconds or more")
            )
            + so_far,
        ),
        Figure(_("Reminders given"), str(summary.reminders_given), _followed(summary)),
    ]


def _followed(summary: DaySummary) -> str:
    withheld = sum(summary.reminders_withheld.values())
    known = sum(count for response, count in summary.responses.items() if response != "open")
    parts = []
    if known:
        words = _("{n} of {known} followed by a change within 10 s")
        parts.append(words.format(n=summary.responses.get("prompt", 0), known=known))
    if withheld:
        parts.append(_("{n} withheld").format(n=withheld))
    return "; ".join(parts) or _("none was due")


def still_words(summary: DaySummary) -> str:
    """The longest still bout: at least so long, where it ends with nothing seen."""
    least = "≥ " if summary.longest_still_cut else ""
    return f"{least}{duration(60 * round(summary.longest_still_s / 60) or summary.longest_still_s)}"


def _still_place(summary: DaySummary, zone: ZoneInfo) -> str:
    start = summary.longest_still_start_ms
    if start is None:
        return _("no shift or break in it")
    end = start + summary.longest_still_s * 1000
    return _("no shift or break from {start} to {end}").format(start=clock(start, zone), end=clock(end, zone))


def outcomes(summary: DaySummary) -> list[tuple[str, int]]:
    """What followed the reminders that were due, with counts; what did not occur is left out."""
    after = {
        "prompt": _("A change within 10 s"),
        "later": _("A change later"),
        "none": _("No change"),
        "open": _("Not known yet"),
    }
    given = [(words, summary.responses.get(response, 0)) for response, words in after.items()]
    withheld = [(_(REASONS[reason]), count) for reason, count in summary.reminders_withheld.items()]
    return [(words, count) for words, count in (*given, *withheld) if count]


def spread_chart(view: DayView) -> Markup | None:
    """P10, P50 and P90 as a picture; None below the floor of coverage."""
    summary = view.summary
    if not summary.enough or summary.p10 is None or summary.p50 is None or summary.p90 is None:
        return None
    angle = float(view.plan.angle_deg) if view.plan else None
    label = f"P10 {degrees(summary.p10)}, P50 {degrees(summary.p50)}, P90 {degrees(summary.p90)}"
    return spread.spread(summary.p10, summary.p50, summary.p90, angle, label=label)
