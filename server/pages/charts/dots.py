"""A figure day by day: a dot for each day that counts, and the means of the two periods that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from server.pages.charts.svg import element, number, picture, tip

_PAD: float = 6


@dataclass(frozen=True)
class Dot:
    """A day: its place from the left, its figure, whether it is of the recent period, and what is told of it."""

    place: int
    value: float
    recent: bool
    title: str


def dots(items: Sequence[Dot], days: int, split: int, *, height: int, label: str) -> Markup | None:
    """The dots of `days` days, those from place `split` on recent; None without any."""
    if not items:
        return None
    low, high = min(item.value for item in items), max(item.value for item in items)
    room = (high - low) or 1.0

    def x(place: float) -> str:
        return f"{number(100 * place / days)}%"

    def y(value: float) -> float:
        return height - _PAD - (height - 2 * _PAD) * ((value - low) / room if high > low else 0.5)

    marks = [element("line", class_="grid", x1=x(split), x2=x(split), y1=0, y2=height)]
    for recent, start, end in ((False, 0, split), (True, split, days)):
        values = [item.value for item in items if item.recent is recent]
        if values:
            mean = y(sum(values) / len(values))
            marks.append(element("line", class_="mean", x1=x(start), x2=x(end), y1=mean, y2=mean))
    marks += [
        element(
            "circle",
            [tip(item.title)],
            class_="day recent" if item.recent else "day",
            cx=x(item.place + 0.5),
            cy=y(item.value),
            r=2.5,
        )
        for item in items
    ]
    return picture(marks, height=height, label=label, class_="dots")
