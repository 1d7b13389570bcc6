"""Inclination through the day: a line of medians in a band from lowest to highest, broken where there are no angles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from server.pages.charts.axis import TimeAxis
from server.pages.charts.svg import element, number, picture

_LOWEST: Final = -40
_HIGHEST: Final = 70
# Lying would otherwise squeeze the angles of sitting into a few pixels; what lies beyond is drawn at the edge.
_UNIT: Final = 1000.0
# Inside the stretched picture both directions run from 0 to this.


@dataclass(frozen=True)
class Column:
    """A stretch of inclination: lowest, median and highest, degrees from the reference posture, forward positive."""

    start_ms: int
    end_ms: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Scale:
    """Degrees from bottom to top. `beyond_low` and `beyond_high`: some angles lie outside and are drawn at the edge."""

    low: int
    high: int
    beyond_low: bool = False
    beyond_high: bool = False

    def down(self, degrees: float) -> float:
        """Share of the height from the top, 0 to 1, kept within the picture."""
        return min(1.0, max(0.0, (self.high - degrees) / (self.high - self.low)))

    def ticks(self) -> list[int]:
        """Every ten degrees, or twenty where there are many."""
        step = 10 if self.high - self.low <= 70 else 20
        return list(range(math.ceil(self.low / step) * step, self.high + 1, step))

    def words(self, degrees: int) -> str:
        """The label of a tick; that of an edge says when angles lie beyond it."""
        beyond = "≤ " if self.beyond_low and degrees == self.low else ""
        beyond = "≥ " if self.beyond_high and degrees == self.high else beyond
        return f"{beyond}{degrees}°".replace("-", "−")


def scale_of(parts: Sequence[Column], plan_angle: float | None) -> Scale:
    """Tens that hold the plan's angle, at least -10 to 30 degrees, and all angles from -40 to 70."""
    low = min((column.low for column in parts), default=0.0)
    high = max((column.high for column in parts), default=0.0)
    return Scale(
        max(_LOWEST, math.floor(min(low, -10.0) / 10) * 10),
        min(_HIGHEST, math.ceil(max(high, 30.0, (plan_angle or 0.0) + 5) / 10) * 10),
        low < _LOWEST,
        high > _HIGHEST,
    )


def trace(
    parts: Sequence[Column],
    axis: TimeAxis,
    scale: Scale,
    *,
    plan_angle: float | None,
    shaded: Iterable[tuple[int, int]],
    height: int,
    label: str,
) -> Markup:
    """The picture. `shaded` are intervals (episodes), UTC ms; above `plan_angle` the ground is tinted."""
    marks = [
        element(
            "rect",
            class_="episode-band",
            x=axis.at(start),
            width=f"{number(max(0.15, axis.percent(end) - axis.percent(start)))}%",
            y="0",
            height="100%",
        )
        for start, end in shaded
    ]
    if plan_angle is not None:
        level = f"{number(100 * scale.down(plan_angle))}%"
        marks.insert(0, element("rect", class_="beyond", x="0", y="0", width="100%", height=level))
    lines = [
        element(
            "line",
            class_="zero" if degrees == 0 else "grid",
            x1="0",
            x2="100%",
            y1=f"{number(100 * scale.down(degrees))}%",
            y2=f"{number(100 * scale.down(degrees))}%",
        )
        for degrees in scale.ticks()
    ]
    if plan_angle is not None:
        lines.append(element("line", class_="plan-angle", x1="0", x2="100%", y1=level, y2=level))
    stretched = element(
        "svg",
        _curves(parts, axis, scale),
        viewBox=f"0 0 {number(_UNIT)} {number(_UNIT)}",
        preserveAspectRatio="none",
        width="100%",
        height="100%",
    )
    return picture([*marks, *axis.grid(), *lines, stretched], height=height, label=label, class_="trace")


def scale_labels(scale: Scale, *, height: int) -> Markup:
    """The degrees beside the picture, in its own narrow place."""
    texts = [
        element(
            "text",
            scale.words(degrees),
            class_="tick",
            x="100%",
            dx=-6,
            y=f"{number(100 * scale.down(degrees))}%",
            dy=_nudge(scale.down(degrees)),
            text_anchor="end",
        )
        for degrees in scale.ticks()
    ]
    return element("svg", texts, class_="chart scale", width="100%", height=height, aria_hidden="true")


def _nudge(down: float) -> float:
    if down < 0.02:
        return 10
    return 0 if down > 0.98 else 4


def _curves(parts: Sequence[Column], axis: TimeAxis, scale: Scale) -> list[Markup]:
    def point(t_ms: float, degrees: float) -> str:
        return f"{number(axis.percent(t_ms) / 100 * _UNIT)},{number(scale.down(degrees) * _UNIT)}"

    drawn: list[Markup] = []
    for run in _runs(parts):
        there = [point(t, part.high) for part in run for t in (part.start_ms, part.end_ms)]
        back = [point(t, part.low) for part in reversed(run) for t in (part.end_ms, part.start_ms)]
        drawn.append(element("path", class_="band", d="M" + "L".join(there + back) + "Z"))
        ends = [(run[0].start_ms, run[0].middle), *((p.start_ms + (p.end_ms - p.start_ms) // 2, p.middle) for p in run)]
        ends.append((run[-1].end_ms, run[-1].middle))
        path = "M" + "L".join(point(t_ms, middle) for t_ms, middle in ends)
        drawn.append(element("path", class_="median", d=path, vector_effect="non-scaling-stroke"))
    return drawn


def _runs(parts: Sequence[Column]) -> list[list[Column]]:
    runs: list[list[Column]] = []
    for part in parts:
        if runs and part.start_ms == runs[-1][-1].end_ms:
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs
