"""A figure day by day over the period that is looked at and the days before it: a dot for each day that counts, the two
means, and where the mean would have to lie, going by the days before, for the change to be as large as its interval
allows. No arrow: whether there is a change is for the interval to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from server.pages.charts.vega import Spec, chart, named

HEIGHT: Final = 150


@dataclass(frozen=True)
class Point:
    """A day that counts: its place from the left and its figure in the unit of the axis."""

    place: int
    value: float
    words: str


@dataclass(frozen=True)
class Means:
    """Means of the days before and of the period; and the 95 % interval of the period's mean, as far as it differs from
    the one before. None where too few days count."""

    before: float | None
    recent: float | None
    low: float | None
    high: float | None


def course(
    points: Sequence[Point],
    means: Means,
    labels: Mapping[int, str],
    *,
    days: int,
    split: int,
    unit: str,
    point: str = ".",
) -> Spec:
    """`days` places, from `split` on those of the period; `labels` names some. `unit` follows each value;
    `point` parts its decimals."""
    x: Spec = {
        "field": "place",
        "type": "quantitative",
        "scale": {"domain": [0, days], "nice": False},
        "axis": {
            "title": None,
            "values": sorted(labels),
            "labelExpr": named(labels),
            "grid": False,
            "labelBound": True,
            "labelAlign": "left",
        },
    }
    y: Spec = {
        "field": "value",
        "type": "quantitative",
        "scale": {"zero": False, "nice": True},
        "axis": {
            "title": None,
            "tickCount": 4,
            "domain": False,
            "labelExpr": f"replace(replace(datum.label, '-', '−'), '.', '{point}') + '{unit}'",
        },
    }
    # Scales and axes are those of the first layer; the others only say what lies where.
    across: Spec = {"field": "place", "type": "quantitative"}
    up: Spec = {"field": "value", "type": "quantitative"}
    layers: list[Spec] = []
    if means.low is not None and means.high is not None:
        layers.append(
            {
                "data": {"values": [{"place": split, "end": days, "value": means.low, "high": means.high}]},
                "mark": {
                    "type": "rect",
                    "fill": "var(--accent)",
                    "fillOpacity": 0.16,
                    "stroke": "var(--accent)",
                    "strokeOpacity": 0.5,
                },
                "encoding": {"x": across, "x2": {"field": "end"}, "y": up, "y2": {"field": "high"}},
            }
        )
    layers.append(
        {
            "data": {"values": [{"place": split}]},
            "mark": {"type": "rule", "stroke": "var(--line-strong)"},
            "encoding": {"x": across},
        }
    )
    for start, end, mean, ink, dash in (
        (0, days, means.before, "var(--soft)", [4, 3]),
        (split, days, means.recent, "var(--accent)", [1, 0]),
    ):
        if mean is not None:
            layers.append(
                {
                    "data": {"values": [{"place": start, "end": end, "value": mean}]},
                    "mark": {"type": "rule", "stroke": ink, "strokeWidth": 1.6, "strokeDash": dash},
                    "encoding": {"x": across, "x2": {"field": "end"}, "y": up},
                }
            )
    for recent, fill, shape in ((False, "var(--surface)", "diamond"), (True, "var(--accent)", "circle")):
        told = [one for one in points if (one.place >= split) is recent]
        if told:
            mark = {"type": "point", "shape": shape, "size": 26, "fill": fill, "strokeWidth": 1, "opacity": 1}
            layers.append(
                {
                    "data": {
                        "values": [{"place": one.place + 0.5, "value": one.value, "words": one.words} for one in told]
                    },
                    "mark": {**mark, "stroke": "var(--accent)" if recent else "var(--soft)"},
                    "encoding": {"x": across, "y": up, "tooltip": {"field": "words"}},
                }
            )
    scales: Spec = {
        "data": {"values": [{"place": split, "value": points[0].value}]},
        "mark": {"type": "point", "opacity": 0},
        "encoding": {"x": x, "y": y},
    }
    return chart(HEIGHT, layer=[scales, *layers])
