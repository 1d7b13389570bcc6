"""The day's headline figures, what followed its reminders, and the spread of its inclination."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from markupsafe import Markup

from server.pages.charts import spread
from server.pages.coverage import coverage_words
from server.pages.vocabulary import REASONS
from server.pages.words import clock, degrees, duration, percent, plural
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
    covered = f"at {percent(summary.worn_s, summary.elapsed_s)} coverage"
    so_far = ", so far" if summary.so_far else ""
    enough = summary.enough and summary.worn_s > 0
    why = "too little worn time"
    inclination = None if summary.p50 is None or not enough else degrees(summary.p50)
    longest = max((episode.end_ms - episode.start_ms for episode in view.episodes if episode.in_window), default=0)
    withheld = sum(summary.reminders_withheld.values())
    known = sum(count for response, count in summary.responses.items() if response != "open")
    followed = f"{summary.responses.get('prompt', 0)} of {known} followed by a change within 10 s" if known else ""
    held = f"{withheld} withheld" if withheld else ""
    rate, breaks = summary.shifts_per_hour, summary.breaks_per_hour
    return [
        Figure(
            "Coverage",
            percent(summary.worn_s, summary.elapsed_s) if summary.elapsed_s else None,
            coverage_words(summary),
        ),
        Figure(
            "Shifts an hour",
            f"{rate:.0f}" if enough and rate is not None else None,
            f"{plural(summary.shifts, 'change')} of posture that lasted, {covered}" if enough else why,
        ),
        Figure(
            "Longest still bout",
            still_words(summary) if enough else None,
            f"{_still_place(summary, zone)}, {covered}" if enough else why,
        ),
        Figure(
            "Breaks",
            str(summary.breaks) if enough else None,
            f"of 15 s and more of moving; {breaks:.1f} an hour, {covered}" if enough and breaks is not None else why,
        ),
        Figure(
            "Slouched",
            percent(summary.seconds["slouched"], summary.worn_s) if enough else None,
            f"{duration(summary.seconds['slouched'])} of worn time, {covered}{so_far}" if enough else why,
        ),
        Figure(
            "Median inclination",
            inclination,
            f"P10 {degrees(summary.p10)}, P90 {degrees(summary.p90)}, {covered}"
            if inclination and summary.p10 is not None and summary.p90 is not None
            else why,
        ),
        Figure(
            "Episodes",
            str(summary.episodes),
            (f"longest {duration(longest / 1000)}" if longest else "slouched for some seconds or more") + so_far,
        ),
        Figure(
            "Reminders given",
            str(summary.reminders_given),
            "; ".join(part for part in (followed, held) if part) or "none was due",
        ),
    ]


def still_words(summary: DaySummary) -> str:
    """The longest still bout: at least so long, where it ends with nothing seen."""
    least = "≥ " if summary.longest_still_cut else ""
    return f"{least}{duration(60 * round(summary.longest_still_s / 60) or summary.longest_still_s)}"


def _still_place(summary: DaySummary, zone: ZoneInfo) -> str:
    start = summary.longest_still_start_ms
    if start is None:
        return "no shift or break in it"
    end = start + summary.longest_still_s * 1000
    return f"no shift or break from {clock(start, zone)} to {clock(end, zone)}"


def outcomes(summary: DaySummary) -> list[tuple[str, int]]:
    """What followed the reminders that were due, with counts; what did not occur is left out."""
    after = {"prompt": "A change within 10 s", "later": "A change later", "none": "No change", "open": "Not known yet"}
    given = [(words, summary.responses.get(response, 0)) for response, words in after.items()]
    withheld = [(REASONS[reason], count) for reason, count in summary.reminders_withheld.items()]
    return [(words, count) for words, count in (*given, *withheld) if count]


def spread_chart(view: DayView) -> Markup | None:
    """P10, P50 and P90 as a picture; None below the floor of coverage."""
    summary = view.summary
    if not summary.enough or summary.p10 is None or summary.p50 is None or summary.p90 is None:
        return None
    angle = float(view.plan.angle_deg) if view.plan else None
    label = f"P10 {degrees(summary.p10)}, P50 {degrees(summary.p50)}, P90 {degrees(summary.p90)}"
    return spread.spread(summary.p10, summary.p50, summary.p90, angle, label=label)
