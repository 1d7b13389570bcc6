"""Hours of many days: a column a day, a row an hour of the clock. How much of a cell is filled says what share of worn
time was slouched, so that colour is not needed to read it; what was not measured has the pattern that it has
everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from server.pages.charts.vega import Spec, chart, named

HEIGHT: Final = 300
WORN: Final = "upright"
"""State of a cell with a share; the others are keys of `palette.KEYS`."""
_DRESS: Final = {
    WORN: "var(--upright)",
    "not-worn": "url(#p-not-worn)",
    "lost": "url(#p-lost)",
    "paused": "url(#p-paused)",
    "uncalibrated": "url(#p-uncalibrated)",
}


@dataclass(frozen=True)
class Cell:
    """An hour of a day: `day` is its place from the left, `share` of worn time slouched, 0 to 1, None where that cannot
    be told. `words` say all of it."""

    day: int
    hour: int
    state: str
    share: float | None
    words: str


def heat(
    cells: Sequence[Cell],
    labels: Mapping[int, str],
    *,
    days: int,
    plans: Mapping[int, str],
    height: int = HEIGHT,
) -> Spec:
    """`days` columns, those in `labels` named; `plans` names the plan that began with a column."""
    first = min((cell.hour for cell in cells), default=8)
    last = max((cell.hour for cell in cells), default=17) + 1
    places = list(range(days))
    x: Spec = {
        "field": "day",
        "type": "ordinal",
        "scale": {"domain": places, "paddingInner": 0.12, "paddingOuter": 0.06},
        "axis": {
            "title": None,
            "domain": False,
            "values": sorted(labels),
            "labelExpr": named(labels),
            "labelAngle": 0,
            "labelAlign": "left",
            "labelBound": True,
            "ticks": False,
        },
    }
    y: Spec = {
        "field": "top",
        "type": "quantitative",
        "scale": {"domain": [first, last], "reverse": True, "nice": False, "zero": False},
        "axis": {
            "title": None,
            "grid": False,
            "domain": False,
            "ticks": False,
            "values": list(range(first, last + 1)),
            "labelOverlap": True,
            "labelExpr": "(datum.value < 10 ? '0' : '') + datum.value",
        },
    }
    states = list(_DRESS)
    ground: Spec = {
        "mark": {"type": "rect", "cornerRadius": 2, "stroke": "var(--line)", "strokeWidth": 0.5},
        "encoding": {
            "x": x,
            "y": y,
            "y2": {"field": "end"},
            "fill": {
                "field": "state",
                "type": "nominal",
                "scale": {"domain": states, "range": [_DRESS[state] for state in states]},
                "legend": None,
            },
            "tooltip": {"field": "words"},
        },
    }
    # Scales and axes are those of the first layer.
    filled: Spec = {
        "transform": [{"filter": "isValid(datum.from)"}],
        "mark": {"type": "rect", "fill": "var(--slouched)"},
        "encoding": {
            "x": {"field": "day", "type": "ordinal"},
            "y": {"field": "from", "type": "quantitative"},
            "y2": {"field": "end"},
            "tooltip": {"field": "words"},
        },
    }
    begun = [{"day": day, "name": name} for day, name in sorted(plans.items())]
    at: Spec = {"field": "day", "type": "ordinal", "bandPosition": 0}
    line: Spec = {
        "data": {"values": begun},
        "mark": {"type": "rule", "stroke": "var(--ink)", "strokeDash": [3, 3]},
        "encoding": {"x": at},
    }
    name: Spec = {
        "data": {"values": begun},
        "mark": {"type": "text", "align": "left", "baseline": "bottom", "dx": 2, "dy": -2, "fill": "var(--ink)"},
        "encoding": {"x": at, "y": {"value": 0}, "text": {"field": "name"}},
    }
    slouched = [filled] if any(cell.share for cell in cells) else []
    layers = [ground, *slouched, *([line, name] if begun else [])]
    return chart(height, data={"values": [_values(cell) for cell in cells]}, layer=layers)


def _values(cell: Cell) -> Spec:
    top, end = round(cell.hour + 0.03, 2), round(cell.hour + 0.97, 2)
    found = {"day": cell.day, "top": top, "end": end, "state": cell.state, "words": cell.words}
    return {**found, "from": round(end - (end - top) * cell.share, 3)} if cell.share else found
