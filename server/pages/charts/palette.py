"""How a category is drawn: a class for its colour, or a pattern where nothing was measured."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from gateway.messages import CATEGORIES
from server.language import N_
from server.pages.charts.svg import element

TO_COME: Final = len(CATEGORIES)
"""Code of a second that has not come yet."""
KEYS: Final[tuple[str, ...]] = (*(name.replace("_", "-") for name in CATEGORIES), "to-come")
LABELS: Final[tuple[str, ...]] = (
    N_("Paused"),
    N_("Lost"),
    N_("Not worn"),
    N_("Uncalibrated"),
    N_("Moving"),
    N_("Lying"),
    N_("Leaning back"),
    N_("Leaning left"),
    N_("Leaning right"),
    N_("Slouched"),
    N_("Upright"),
    N_("Still to come"),
)
MEANINGS: Final[tuple[str, ...]] = (
    N_("The patient asked not to be measured."),
    N_("No samples exist for these seconds: the clip was off, out of reach for too long, or its memory was full."),
    N_("The clip was not on the body."),
    N_("Worn, but without a reference posture, so no angle can be told."),
    N_("Walking or moving; inclination is not judged."),
    N_("Lying down or far reclined."),
    N_("Leaning backwards beyond the plan's angle."),
    N_("Leaning to the left beyond the plan's angle."),
    N_("Leaning to the right beyond the plan's angle."),
    N_("Forward of the reference posture by more than the plan's angle."),
    N_("Within the plan's angle of the reference posture."),
    N_("Part of the window that has not come yet."),
)
WORN: Final = (10, 9, 6, 7, 8, 5, 4, 3)
"""Codes of seconds on the body, in the order in which they are shown."""
NOT_WORN: Final = (0, 2, 1)
"""Codes of seconds off the body or unknown, in the order in which they are shown."""
SHOWN: Final = (*WORN, *NOT_WORN, TO_COME)
_PATTERNED: Final = frozenset({0, 1, 2, 3, TO_COME})

assert len(KEYS) == len(LABELS) == len(MEANINGS)  # noqa: S101 - three lists of one contract


def block(code: int, x: str, width: str, *, y: str = "0", height: str = "100%", title: str | None = None) -> Markup:
    """A rectangle in the dress of category `code`."""
    key = KEYS[code]
    fill = f"url(#p-{key})" if code in _PATTERNED else None
    inside = [element("title", title)] if title else []
    return element("rect", inside, class_=f"c-{key}", fill=fill, x=x, y=y, width=width, height=height)


def swatch(code: int) -> Markup:
    """A small sample of a category's dress for legends and tables; says nothing by itself."""
    return element(
        "svg",
        [
            block(code, "0", "100%"),
            element("rect", class_="rim", x="0.5", y="0.5", width="13", height="13", fill="none"),
        ],
        class_="swatch",
        width=14,
        height=14,
        aria_hidden="true",
    )


def patterns() -> Markup:
    """The patterns of what was not measured, once a page."""
    return element("svg", [defs()], class_="patterns", width=0, height=0, aria_hidden="true")


def defs() -> Markup:
    """The patterns alone. Their colours are attributes, so that paper can have them too
    (`server.pages.charts.paper`)."""

    def pattern(key: str, ground: str, size: float, marks: list[Markup], turn: str | None = None) -> Markup:
        return element(
            "pattern",
            [element("rect", fill=f"var(--{ground})", width=size, height=size), *marks],
            id=f"p-{key}",
            width=size,
            height=size,
            patternUnits="userSpaceOnUse",
            patternTransform=turn,
        )

    def line(ink: str, width: float, x1: float, y1: float, x2: float, y2: float) -> Markup:
        return element("line", stroke=f"var(--{ink})", stroke_width=width, x1=x1, y1=y1, x2=x2, y2=y2)

    def lost(x: float) -> Markup:
        return line("lost-mark", 1.6, x, 0, x, 6)

    dot = element("circle", fill="var(--off-mark)", cx=2, cy=2, r=1)
    cross = [line("uncalibrated-mark", 1, 0, y, 7, 7 - y) for y in (0, 7)]
    drawn = [
        pattern("lost", "lost", 6, [lost(0), lost(3)], "rotate(45)"),
        pattern("not-worn", "off", 7, [dot]),
        pattern("paused", "paused", 5, [line("paused-mark", 1.4, 0, 2.5, 5, 2.5)]),
        pattern("uncalibrated", "uncalibrated", 7, cross),
        pattern("to-come", "raised", 8, []),
    ]
    return element("defs", drawn)
