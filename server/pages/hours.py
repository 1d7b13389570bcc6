"""The figure of a day as a table: a row for each local hour of the window so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from server.language import gettext as _
from server.pages.words import clock, degrees, duration
from server.summaries.types import CODE, DayView

_MINUTE_MS: Final = 60_000


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


def hours(view: DayView, zone: ZoneInfo) -> list[Hour]:
    """The charts as a table, a row for each local hour of the window so far."""
    if not view.stripes:
        return []
    end = view.stripes[-1].end_ms
    edges = [view.stripes[0].start_ms]
    while edges[-1] < end:
        edges.append(min(end, _next_hour(edges[-1], zone)))
    told = (_hour(view, a, b, zone) for a, b in pairwise(edges))
    return [hour for hour in told if hour is not None]


def _next_hour(t_ms: int, zone: ZoneInfo) -> int:
    quarter = t_ms - t_ms % (15 * _MINUTE_MS) + 15 * _MINUTE_MS
    while datetime.fromtimestamp(quarter / 1000, UTC).astimezone(zone).minute:
        quarter += 15 * _MINUTE_MS
    return quarter


def _hour(view: DayView, start: int, end: int, zone: ZoneInfo) -> Hour | None:
    seconds = dict.fromkeys(CODE, 0)
    for stripe in view.stripes:
        seconds[stripe.category] += max(0, min(end, stripe.end_ms) - max(start, stripe.start_ms)) // 1000
    if not any(seconds.values()):  # between two windows
        return None
    here = [point for point in view.trace if start <= point.start_ms < end]
    middles = sorted(point.median_deg for point in here)
    off = seconds["not_worn"] + seconds["paused"]
    lost = seconds["lost"]
    worn = sum(seconds.values()) - off - lost
    return Hour(
        f"{clock(start, zone)}–{clock(end, zone)}",
        duration(worn),
        duration(seconds["slouched"]),
        duration(seconds["moving"]),
        duration(off),
        duration(lost),
        degrees(middles[len(middles) // 2]) if middles else "–",
        _("{low} to {high}").format(
            low=degrees(min(p.low_deg for p in here)), high=degrees(max(p.high_deg for p in here))
        )
        if here
        else "–",
    )
