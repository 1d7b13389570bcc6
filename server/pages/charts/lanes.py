"""Lanes of events under the inclination: episodes as bars, reminders as signs that tell what followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from server.pages.charts.axis import TimeAxis
from server.pages.charts.svg import element, number, picture, tip

Sign = Literal["prompt", "later", "none", "open", "withheld"]
SIGNS: Final[dict[Sign, str]] = {
    "prompt": "M0,-6 6,5 -6,5Z",
    "later": "M0,-6 6,5 -6,5Z",
    "none": "M-5,-5H5V5H-5Z",
    "open": "M0,-6 6,0 0,6 -6,0Z",
    "withheld": "M-4,-4 4,4M-4,4 4,-4",
}
"""Outline of each sign around its middle, px. Shape and filling tell them apart without colour."""


@dataclass(frozen=True)
class Bar:
    """An episode. UTC ms, half-open."""

    start_ms: int
    end_ms: int
    title: str


@dataclass(frozen=True)
class Mark:
    """A reminder."""

    t_ms: int
    sign: Sign
    title: str


def bars(items: list[Bar], axis: TimeAxis, *, height: int, label: str) -> Markup:
    """The lane of episodes. Short ones are widened to be seen."""
    drawn = [
        element(
            "rect",
            [tip(item.title)],
            class_="episode",
            x=axis.at(item.start_ms),
            y="20%",
            rx=1.5,
            width=f"{number(max(0.25, axis.percent(item.end_ms) - axis.percent(item.start_ms)))}%",
            height="60%",
        )
        for item in items
    ]
    return picture([*axis.grid(), *drawn], height=height, label=label, class_="lane")


def signs(items: list[Mark], axis: TimeAxis, *, height: int, label: str) -> Markup:
    """The lane of reminders."""
    drawn = [
        element("svg", [_sign(item.sign, item.title)], x=axis.at(item.t_ms), y="50%", overflow="visible")
        for item in items
    ]
    return picture([*axis.grid(), *drawn], height=height, label=label, class_="lane")


def legend_sign(sign: Sign) -> Markup:
    """A sign for the legend; says nothing by itself."""
    return element(
        "svg",
        [element("svg", [_sign(sign, None)], x="50%", y="50%", overflow="visible")],
        class_="swatch",
        width=16,
        height=16,
        aria_hidden="true",
    )


def _sign(sign: Sign, title: str | None) -> Markup:
    return element("path", [tip(title)] if title else [], class_=f"sign s-{sign}", d=SIGNS[sign])
