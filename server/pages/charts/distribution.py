"""How inclination is distributed over worn time: the share of it at or below each angle (amplitude probability
distribution function), one period beside another. Lines differ in dash and are named where they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from server.pages.charts.vega import Spec, chart

HEIGHT: Final = 280
SHARES: Final = (0.1, 0.5, 0.9)
_TAIL: Final = 0.005
"""What lies beyond this share at either end is not drawn: a few seconds would stretch the axis."""

Angles = Sequence[tuple[int, int]]
"""(degrees, seconds), rising."""


@dataclass(frozen=True)
class Line:
    """A period: its name at the line, its inclination, and (share, degrees, words) of the points to mark."""

    name: str
    angles: Angles
    points: Sequence[tuple[float, float, str]]


def distribution(
    recent: Line, baseline: Line | None, *, plan: tuple[int, str] | None, title: str, share_title: str
) -> Spec:
    """`recent` drawn out, `baseline` dashed; `plan` is the angle of the plan in force, and what it is called."""
    curves = [("recent", recent), *([("baseline", baseline)] if baseline else [])]
    steps = [(key, degrees, share) for key, line in curves for degrees, share in _steps(line.angles)]
    points = [
        {"line": key, "degrees": degrees, "share": share, "words": words}
        for key, line in curves
        for share, degrees, words in line.points
    ]
    low = min((degrees for _, degrees, _ in steps), default=-10)
    high = max((degrees for _, degrees, _ in steps), default=30)
    reach = [min(low, -5), max(high, (plan[0] + 5) if plan else 20)]
    x: Spec = {
        "field": "degrees",
        "type": "quantitative",
        "scale": {"domain": reach, "nice": False, "zero": False},
        "axis": {"title": title, "labelExpr": "replace(datum.label, '-', '−') + '°'", "tickCount": 8, "grid": True},
    }
    y: Spec = {
        "field": "share",
        "type": "quantitative",
        "scale": {"domain": [0, 1]},
        "axis": {
            "title": share_title,
            "values": [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1],
            "labelExpr": "round(100 * datum.value) + ' %'",
            "grid": True,
        },
    }
    who: Spec = {"field": "line", "type": "nominal", "legend": None}
    names = ["recent", "baseline"]
    ink: Spec = {**who, "scale": {"domain": names, "range": ["var(--accent)", "var(--soft)"]}}
    dash: Spec = {**who, "scale": {"domain": names, "range": [[1, 0], [5, 3]]}}
    layers: list[Spec] = []
    if plan:
        rule = {"data": {"values": [{"degrees": plan[0], "words": plan[1]}]}}
        at: Spec = {"field": "degrees", "type": "quantitative"}
        layers += [
            {
                **rule,
                "mark": {"type": "rule", "stroke": "var(--slouched)", "strokeWidth": 1.5, "strokeDash": [6, 4]},
                "encoding": {"x": at},
            },
            {
                **rule,
                "mark": {
                    "type": "text",
                    "align": "left",
                    "baseline": "bottom",
                    "dx": 4,
                    "dy": -3,
                    "fill": "var(--soft)",
                },
                "encoding": {"x": at, "y": {"value": "height"}, "text": {"field": "words"}},
            },
        ]
    layers += [
        {
            "data": {"values": [{"line": key, "degrees": at, "share": share} for key, at, share in steps]},
            "mark": {"type": "line", "interpolate": "linear", "strokeWidth": 2.2},
            "encoding": {"x": x, "y": y, "stroke": ink, "strokeDash": dash},
        },
        {
            "data": {"values": points},
            "mark": {"type": "point", "size": 55, "filled": True, "opacity": 1, "strokeWidth": 1.5},
            "encoding": {
                "x": x,
                "y": y,
                "fill": {**ink, "scale": {"domain": names, "range": ["var(--accent)", "var(--surface)"]}},
                "stroke": ink,
                "shape": {**who, "scale": {"domain": names, "range": ["circle", "diamond"]}},
                "tooltip": {"field": "words"},
            },
        },
    ]
    return chart(HEIGHT, layer=layers)


def _steps(angles: Angles) -> list[tuple[int, float]]:
    whole = sum(seconds for _, seconds in angles)
    found: list[tuple[int, float]] = []
    reached = 0
    for degrees, seconds in angles:
        reached += seconds
        share = reached / whole
        if share >= _TAIL:
            found.append((degrees, round(share, 4)))
        if share > 1 - _TAIL:
            break
    return found
