"""What the day page shows, from a `DayView`: figures in words, charts, and the tables that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from server.pages.charts import lanes, palette, spread, strip, trace
from server.pages.charts.axis import TimeAxis, axis_row
from server.pages.words import clock, degrees, duration, exact, percent, plural
from server.summaries.types import CODE, DayEpisode, DayReminder, DaySummary, DayView

TRACE_HEIGHT: Final = 220
_MINUTE_MS: Final = 60_000

END_REASONS: Final = {
    "recovered": "came back upright",
    "moved": "moved",
    "not_worn": "clip taken off",
    "lost": "samples end",
    "paused": "paused",
}
REASONS: Final = {
    "given": "Given",
    "track_mode": "Withheld: tracking only",
    "cap": "Withheld: hourly cap reached",
    "back_off": "Withheld: backing off",
    "faded": "Withheld: faded",
    "snoozed": "Withheld: snoozed",
    "outside_window": "Withheld: outside the window",
    "just_stood_up": "Withheld: just stood up",
    "motor_failed": "Not given: the motor did not run",
}
RESPONSES: Final = {
    "prompt": "within 10 s",
    "later": "later",
    "none": "no change before the next",
    "open": "not known yet",
}
JUDGES: Final = {"gateway": "gateway", "clip": "clip", "both": "both"}
SIGN_WORDS: Final[dict[lanes.Sign, str]] = {
    "prompt": "Reminder, change within 10 s",
    "later": "Change later",
    "none": "No change",
    "open": "Not known yet",
    "withheld": "Withheld",
}


@dataclass(frozen=True)
class Figure:
    """One headline figure. `value` None: not shown, and `note` says why."""

    name: str
    value: str | None
    note: str


@dataclass(frozen=True)
class Part:
    """A row of the time-by-category table."""

    swatch: Markup
    label: str
    meaning: str
    exact: str
    share: str
    bar: Markup | None


@dataclass(frozen=True)
class Hour:
    """A row of the hour-by-hour table: minutes in words, inclination in degrees."""

    name: str
    worn: str
    slouched: str
    moving: str
    off: str
    unknown: str
    median: str
    spread: str


@dataclass(frozen=True)
class Timeline:
    """The rows of the figure, all on one axis."""

    strip: Markup | None
    scale: Markup
    trace: Markup
    episodes: Markup
    reminders: Markup
    axis: Markup
    signs: list[tuple[Markup, str]]
    moments: dict[str, object]


def seconds_by_code(summary: DaySummary) -> dict[int, int]:
    """Seconds of the whole window by category code; what has not come yet is palette.TO_COME. Adds up to window_s."""
    seconds = {CODE[name]: count for name, count in summary.seconds.items()}
    return {**seconds, palette.TO_COME: max(0, summary.window_s - summary.elapsed_s)}


def coverage_words(summary: DaySummary) -> str:
    """Coverage in a sentence."""
    if not summary.window_s:
        return "The plan has no window on this day."
    if not summary.elapsed_s:
        return "The window has not begun."
    so_far = " so far" if summary.so_far else ""
    share = percent(summary.worn_s, summary.elapsed_s)
    return f"Worn {duration(summary.worn_s)} of {duration(summary.elapsed_s)}{so_far} ({share})"


def coverage_bar(summary: DaySummary, *, height: int) -> Markup | None:
    """The bar in which the window adds up; None for a day without a window."""
    if not summary.window_s:
        return None
    seconds = seconds_by_code(summary)
    told = [f"{palette.LABELS[code]} {duration(seconds[code])}" for code in palette.SHOWN if seconds.get(code)]
    return strip.coverage_bar(seconds, height=height, label="The window adds up: " + ", ".join(told))


def figures(view: DayView) -> list[Figure]:
    """The headline figures, coverage first; shares and angles only above the floor of coverage."""
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
    rate = summary.shifts_per_hour
    return [
        Figure(
            "Coverage",
            percent(summary.worn_s, summary.elapsed_s) if summary.elapsed_s else None,
            coverage_words(summary),
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
            "Shifts an hour",
            f"{rate:.0f}" if enough and rate is not None else None,
            f"{plural(summary.shifts, 'change')} of posture that lasted, {covered}" if enough else why,
        ),
        Figure(
            "Episodes",
            str(summary.episodes),
            (f"longest {duration(longest / 1000)}" if longest else "slouched for longer than the floor") + so_far,
        ),
        Figure(
            "Reminders given",
            str(summary.reminders_given),
            "; ".join(part for part in (followed, held) if part) or "none was due",
        ),
    ]


def parts(summary: DaySummary, codes: Sequence[int]) -> list[Part]:
    """Rows of the time-by-category table; categories that did not occur are left out."""
    seconds = seconds_by_code(summary)
    largest = max(seconds.values(), default=0)
    return [
        Part(
            palette.swatch(code),
            palette.LABELS[code],
            palette.MEANINGS[code],
            exact(seconds[code]),
            percent(seconds[code], summary.window_s),
            strip.share_bar(code, seconds[code], largest),
        )
        for code in codes
        if seconds.get(code)
    ]


def day_axis(view: DayView, zone: ZoneInfo) -> TimeAxis:
    """The window, widened to full quarters of an hour around it; the whole local day when there is no window."""
    summary = view.summary
    if summary.window_start_ms is None or summary.window_end_ms is None:
        return TimeAxis(summary.day_start_ms, summary.day_end_ms, zone)
    return TimeAxis(summary.window_start_ms, summary.window_end_ms, zone)


def timeline(view: DayView, zone: ZoneInfo) -> Timeline:
    """The figure: states, inclination, episodes and reminders on one axis."""
    axis = day_axis(view, zone)
    spans = strip.coarse([strip.Span(s.start_ms, s.end_ms, CODE[s.category]) for s in view.stripes])
    columns = [
        trace.Column(p.start_ms, p.start_ms + _MINUTE_MS, p.low_deg, p.median_deg, p.high_deg) for p in view.trace
    ]
    angle = float(view.plan.angle_deg) if view.plan else None
    scale = trace.scale_of(columns, angle)
    episodes = [episode for episode in view.episodes if axis.start_ms <= episode.start_ms < axis.end_ms]
    reminders = [reminder for reminder in view.reminders if axis.start_ms <= reminder.utc_ms < axis.end_ms]
    marks = [lanes.Mark(r.utc_ms, sign_of(r), reminder_words(r, zone)) for r in reminders]
    used = {mark.sign for mark in marks}
    return Timeline(
        strip.strip(spans, axis, height=30, label="States through the window; the table below has them hour by hour")
        if spans
        else None,
        trace.scale_labels(scale, height=TRACE_HEIGHT),
        trace.trace(
            columns,
            axis,
            scale,
            plan_angle=angle,
            shaded=[(episode.start_ms, episode.end_ms) for episode in episodes],
            height=TRACE_HEIGHT,
            label=trace_words(view),
        ),
        lanes.bars(
            [lanes.Bar(e.start_ms, e.end_ms, episode_words(e, zone)) for e in episodes],
            axis,
            height=20,
            label=plural(len(episodes), "episode"),
        ),
        lanes.signs(marks, axis, height=22, label=plural(len(marks), "reminder")),
        axis_row(axis),
        [(lanes.legend_sign(sign), words) for sign, words in SIGN_WORDS.items() if sign in used],
        moments(view, axis),
    )


def anything_recorded(view: DayView) -> bool:
    """Whether the day has anything to draw: lost seconds alone are nothing."""
    return bool(view.episodes or view.reminders) or any(stripe.category != "lost" for stripe in view.stripes)


def trace_words(view: DayView) -> str:
    """The inclination chart in a sentence."""
    if not view.trace:
        return "Inclination: no angles on this day"
    low, high = min(p.low_deg for p in view.trace), max(p.high_deg for p in view.trace)
    return f"Inclination through the day, from {degrees(low)} to {degrees(high)}; the table below has it hour by hour"


def outcomes(summary: DaySummary) -> list[tuple[str, int]]:
    """What followed the reminders that were due, with counts; what did not occur is left out."""
    after = {"prompt": "A change within 10 s", "later": "A change later", "none": "No change", "open": "Not known yet"}
    given = [(words, summary.responses.get(response, 0)) for response, words in after.items()]
    withheld = [(REASONS[reason], count) for reason, count in summary.reminders_withheld.items()]
    return [(words, count) for words, count in (*given, *withheld) if count]


def sign_of(reminder: DayReminder) -> lanes.Sign:
    """The sign of a reminder in the chart."""
    if not reminder.given:
        return "withheld"
    signs: dict[str, lanes.Sign] = {"prompt": "prompt", "later": "later", "none": "none"}
    return signs.get(reminder.response, "open")


def response_words(reminder: DayReminder) -> str:
    """What followed a reminder."""
    if not reminder.given:
        return "–"
    words = RESPONSES[reminder.response]
    if reminder.response_ms is not None and reminder.response in ("prompt", "later"):
        return f"changed after {duration(max(1, reminder.response_ms / 1000))}"
    return words


def reminder_words(reminder: DayReminder, zone: ZoneInfo) -> str:
    """A reminder in a line."""
    reason = REASONS[reminder.reason]
    after = f", {response_words(reminder)}" if reminder.given else ""
    return f"{clock(reminder.utc_ms, zone)} {reason}{after}"


def episode_words(episode: DayEpisode, zone: ZoneInfo) -> str:
    """An episode in a line."""
    length = duration((episode.end_ms - episode.start_ms) / 1000)
    return f"{clock(episode.start_ms, zone)} slouched for {length}, peak {degrees(episode.peak_deg)}"


def hours(view: DayView, zone: ZoneInfo) -> list[Hour]:
    """The charts as a table, a row for each local hour of the window so far."""
    if not view.stripes:
        return []
    end = view.stripes[-1].end_ms
    edges = [view.stripes[0].start_ms]
    while edges[-1] < end:
        edges.append(min(end, _next_hour(edges[-1], zone)))
    return [_hour(view, a, b, zone) for a, b in pairwise(edges)]


def _next_hour(t_ms: int, zone: ZoneInfo) -> int:
    quarter = t_ms - t_ms % (15 * _MINUTE_MS) + 15 * _MINUTE_MS
    while datetime.fromtimestamp(quarter / 1000, UTC).astimezone(zone).minute:
        quarter += 15 * _MINUTE_MS
    return quarter


def _hour(view: DayView, start: int, end: int, zone: ZoneInfo) -> Hour:
    seconds = dict.fromkeys(CODE, 0)
    for stripe in view.stripes:
        seconds[stripe.category] += max(0, min(end, stripe.end_ms) - max(start, stripe.start_ms)) // 1000
    here = [point for point in view.trace if start <= point.start_ms < end]
    middles = sorted(point.median_deg for point in here)
    off = seconds["not_worn"] + seconds["paused"]
    lost = seconds["lost"]
    worn = (end - start) // 1000 - off - lost
    return Hour(
        f"{clock(start, zone)}–{clock(end, zone)}",
        duration(worn),
        duration(seconds["slouched"]),
        duration(seconds["moving"]),
        duration(off),
        duration(lost),
        degrees(middles[len(middles) // 2]) if middles else "–",
        f"{degrees(min(p.low_deg for p in here))} to {degrees(max(p.high_deg for p in here))}" if here else "–",
    )


def spread_chart(view: DayView) -> Markup | None:
    """P10, P50 and P90 as a picture; None below the floor of coverage."""
    summary = view.summary
    if not summary.enough or summary.p10 is None or summary.p50 is None or summary.p90 is None:
        return None
    angle = float(view.plan.angle_deg) if view.plan else None
    label = f"P10 {degrees(summary.p10)}, P50 {degrees(summary.p50)}, P90 {degrees(summary.p90)}"
    return spread.spread(summary.p10, summary.p50, summary.p90, angle, label=label)


def moments(view: DayView, axis: TimeAxis) -> dict[str, object]:
    """Minute by minute what the reader under the chart tells: state and median angle, for the page's script."""
    count = (axis.end_ms - axis.start_ms) // _MINUTE_MS
    states: list[str | None] = [None] * count
    spans = strip.coarse([strip.Span(s.start_ms, s.end_ms, CODE[s.category]) for s in view.stripes], most=count)
    for span in spans:
        first = max(0, (span.start_ms - axis.start_ms) // _MINUTE_MS)
        for index in range(first, min(count, -(-(span.end_ms - axis.start_ms) // _MINUTE_MS))):
            states[index] = palette.LABELS[span.code]
    angles: list[int | None] = [None] * count
    for point in view.trace:
        index = (point.start_ms - axis.start_ms) // _MINUTE_MS
        if 0 <= index < count:
            angles[index] = round(point.median_deg)
    names = [clock(axis.start_ms + index * _MINUTE_MS, axis.zone) for index in range(count)]
    return {"names": names, "states": states, "angles": angles}


@dataclass(frozen=True)
class Neighbours:
    """The days before and after, ISO dates; `after` None on the patient's present day."""

    before: str
    after: str | None


def neighbours(day: date, today: date) -> Neighbours:
    """Where the previous/next buttons lead."""
    after = (day + timedelta(days=1)).isoformat() if day < today else None
    return Neighbours((day - timedelta(days=1)).isoformat(), after)
