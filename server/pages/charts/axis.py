"""The time axis that all rows of a figure share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from server.pages.charts.svg import element, number, picture

_QUARTER_MS: Final = 900_000
_MOST_LABELS: Final = 13


@dataclass(frozen=True)
class Tick:
    """A full hour of local time. `major` ones keep their label on a narrow screen."""

    t_ms: int
    label: str
    major: bool


@dataclass(frozen=True)
class TimeAxis:
    """UTC milliseconds from `start_ms` to `end_ms` across the width, labelled in the time of `zone`."""

    start_ms: int
    end_ms: int
    zone: ZoneInfo

    def percent(self, t_ms: float) -> float:
        """Position in percent of the width, kept within it."""
        share = (t_ms - self.start_ms) / max(1, self.end_ms - self.start_ms)
        return 100 * min(1.0, max(0.0, share))

    def at(self, t_ms: float) -> str:
        """Position as an attribute."""
        return f"{number(self.percent(t_ms))}%"

    def ticks(self) -> list[Tick]:
        """Full local hours, at most 13 of them. All zones and clock changes move by whole quarters of an hour."""
        first = -(-self.start_ms // _QUARTER_MS) * _QUARTER_MS
        quarters = range(first, self.end_ms + 1, _QUARTER_MS)
        local = [(t_ms, datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(self.zone)) for t_ms in quarters]
        hours = [(t_ms, time) for t_ms, time in local if time.minute == 0]
        step = next(step for step in (1, 2, 3, 6, 12, 24) if len(hours) / step <= _MOST_LABELS or step == 24)
        kept = [(t_ms, time) for t_ms, time in hours if time.hour % step == 0]
        return [
            Tick(t_ms, "24" if time.hour == 0 and t_ms == self.end_ms else f"{time.hour:02d}", index % 2 == 0)
            for index, (t_ms, time) in enumerate(kept)
        ]

    def grid(self) -> list[Markup]:
        """Upright lines at the ticks, for any row of the figure."""
        return [
            element("line", class_="grid", x1=self.at(tick.t_ms), x2=self.at(tick.t_ms), y1="0", y2="100%")
            for tick in self.ticks()
        ]


def axis_row(axis: TimeAxis) -> Markup:
    """The row of hour labels under a figure."""
    labels = [
        element(
            "text",
            tick.label,
            class_="tick" if tick.major else "tick minor",
            x=axis.at(tick.t_ms),
            y=14,
            text_anchor=_anchor(axis.percent(tick.t_ms)),
        )
        for tick in axis.ticks()
    ]
    return picture(labels, height=20, label="Hours of the local day", class_="axis")


def _anchor(percent: float) -> str:
    if percent < 1:
        return "start"
    return "end" if percent > 99 else "middle"
