"""The figure of a day: states, inclination, episodes and reminders on one axis; and the table that says the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from server.language import gettext as _
from server.pages.charts import lanes, palette, strip, trace
from server.pages.charts.axis import TimeAxis, axis_row
from server.pages.vocabulary import SIGN_WORDS, episode_words, reminder_words, sign_of
from server.pages.words import clock, counted, degrees, duration
from server.summaries.types import CODE, NOT_WORN, DayView, Stripe

TRACE_HEIGHT: Final = 220
_MINUTE_MS: Final = 60_000


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


def day_axis(view: DayView, zone: ZoneInfo) -> TimeAxis:
    """The window, widened to full quarters of an hour around it; the whole local day when there is no window."""
    summary = view.summary
    if summary.window_start_ms is None or summary.window_end_ms is None:
        return TimeAxis(summary.day_start_ms, summary.day_end_ms, zone)
    return TimeAxis(summary.window_start_ms, summary.window_end_ms, zone)


def anything_recorded(view: DayView) -> bool:
    """Whether the day has anything to draw: lost seconds alone are nothing."""
    return bool(view.episodes or view.reminders) or any(stripe.category != "lost" for stripe in view.stripes)


def timeline(view: DayView, zone: ZoneInfo) -> Timeline:
    """The figure: states, inclination, episodes and reminders on one axis."""
    axis = day_axis(view, zone)
    spans = _spans(view.stripes)
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
            label=counted(len(episodes), "{n} episode", "{n} episodes"),
        ),
        lanes.signs(marks, axis, height=22, label=counted(len(marks), "{n} reminder", "{n} reminders")),
        axis_row(axis),
        [(lanes.legend_sign(sign), _(words)) for sign, words in SIGN_WORDS.items() if sign in used],
        moments(view, axis),
    )


def whole_day(view: DayView, rest: Sequence[Stripe], zone: ZoneInfo) -> dict[str, object]:
    """The strip of the whole local day, with its windows framed, where the day has one; and a sentence that tells of
    the `rest`, what was recorded outside them."""
    summary = view.summary
    if not summary.windows:
        return {"day_strip": None, "day_axis": None, "rest_words": ""}
    axis = TimeAxis(summary.day_start_ms, summary.day_end_ms, zone)
    spans = [*_spans(view.stripes), *_spans(rest)]
    label = _("States over the whole local day; the sentence below tells of what lies outside the window")
    worn = sum(stripe.end_ms - stripe.start_ms for stripe in rest if stripe.category not in NOT_WORN) // 1000
    words = _("Outside the window the clip was worn for {time}; no figure counts it.").format(time=duration(worn))
    return {
        "day_strip": strip.strip(spans, axis, height=18, label=label, framed=summary.windows),
        "day_axis": axis_row(axis),
        "rest_words": words if worn else _("Outside the window nothing was recorded on the body."),
    }


def _spans(stripes: Sequence[Stripe]) -> list[strip.Span]:
    """The states in columns, each run of them by itself."""
    windows: list[list[strip.Span]] = []
    for stripe in stripes:
        span = strip.Span(stripe.start_ms, stripe.end_ms, CODE[stripe.category])
        if windows and windows[-1][-1].end_ms == span.start_ms:
            windows[-1].append(span)
        else:
            windows.append([span])
    return [column for window in windows for column in strip.coarse(window)]


def trace_words(view: DayView) -> str:
    """The inclination chart in a sentence."""
    if not view.trace:
        return "Inclination: no angles on this day"
    low, high = min(p.low_deg for p in view.trace), max(p.high_deg for p in view.trace)
    return f"Inclination through the day, from {degrees(low)} to {degrees(high)}; the table below has it hour by hour"


def moments(view: DayView, axis: TimeAxis) -> dict[str, object]:
    """Minute by minute what the reader under the chart tells, for the page's script: the minute's commonest state, and
    its median angle."""
    count = (axis.end_ms - axis.start_ms) // _MINUTE_MS
    states: list[str | None] = [None] * count
    longest = [0] * count
    taken: Counter[tuple[int, str]] = Counter()
    for stripe in view.stripes:
        start_ms, end_ms = max(0, stripe.start_ms - axis.start_ms), stripe.end_ms - axis.start_ms
        for index in range(start_ms // _MINUTE_MS, min(count, -(-end_ms // _MINUTE_MS))):
            begins_ms = index * _MINUTE_MS
            taken[index, stripe.category] += min(end_ms, begins_ms + _MINUTE_MS) - max(start_ms, begins_ms)
            if taken[index, stripe.category] > longest[index]:
                longest[index] = taken[index, stripe.category]
                states[index] = _(palette.LABELS[CODE[stripe.category]])
    angles: list[int | None] = [None] * count
    for point in view.trace:
        index = (point.start_ms - axis.start_ms) // _MINUTE_MS
        if 0 <= index < count:
            angles[index] = round(point.median_deg)
    names = [clock(axis.start_ms + index * _MINUTE_MS, axis.zone) for index in range(count)]
    words = {
        "to_come": _(palette.LABELS[palette.TO_COME]) if None in states else "",
        "forward": _("{angle}° forward"),
        "backward": _("{angle}° backward"),
    }
    return {"names": names, "states": states, "angles": angles, "words": words}
