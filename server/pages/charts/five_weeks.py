"""Five weeks in a line of the list: a figure's course, and under it on which prescribed days the clip was worn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from server.pages.charts.svg import element, number, picture
from server.worklist.facts import RECENT_DAYS, Wear, WornDay

HEIGHT: Final = 30
_COURSE: Final = 20
_PAD: Final = 3
_STEP: Final = 4
"""Units of a day; the drawing is as wide as its days."""


@lru_cache(maxsize=2048)
def five_weeks(days: tuple[WornDay, ...], course: tuple[float | None, ...], *, label: str) -> Markup:
    """`course` and `days` run side by side, to yesterday; the last RECENT_DAYS days are set off from those before.
    Kept, because a list is looked at again and again."""
    width = _STEP * len(days)
    split = _STEP * (len(days) - RECENT_DAYS)
    marks = [
        element("rect", class_="recent-days", x=split, y=0, width=width - split, height=HEIGHT),
        *_line(course, len(days) - RECENT_DAYS),
        *_days("worn", 6, [place for place, day in enumerate(days) if day.wear is Wear.ENOUGH]),
        *_days("missed", 2, [place for place, day in enumerate(days) if day.wear is Wear.MISSED]),
    ]
    drawn = element(
        "svg", marks, viewBox=f"0 0 {width} {HEIGHT}", preserveAspectRatio="none", width="100%", height="100%"
    )
    return picture([drawn], height=HEIGHT, label=label, class_="five-weeks")


def _line(course: tuple[float | None, ...], split: int) -> Iterator[Markup]:
    known = [value for value in course if value is not None]
    if not known:
        return
    low, room = min(known), (max(known) - min(known)) or 1.0

    def at(place: int, value: float) -> str:
        y = _COURSE - _PAD - (_COURSE - 2 * _PAD) * ((value - low) / room if max(known) > low else 0.5)
        return f"{number(_STEP * (place + 0.5))} {number(y)}"

    points = [(place, value) for place, value in enumerate(course) if value is not None]
    for name, part in (
        ("course", [one for one in points if one[0] < split]),
        ("course recent", [one for one in points if one[0] >= split]),
    ):
        if part:
            path = "M" + "L".join(at(*one) for one in part)
            # A day by itself is a dot: a line of no length with round ends.
            yield element("path", class_=name, d=path if len(part) > 1 else f"{path}h.01", fill="none")


def _days(name: str, height: int, places: list[int]) -> Iterator[Markup]:
    if places:
        bars = (f"M{number(_STEP * place + 0.5)} {HEIGHT}v-{height}h{_STEP - 1}v{height}z" for place in places)
        yield element("path", class_=name, d="".join(bars))
