"""Text reaches WCAG 2.2 AA (4.5:1) and the marks of charts 3:1 against what they lie on, in light and in dark."""

from __future__ import annotations

import re

import pytest

from server.pages.files import STATIC

CSS = (STATIC / "plumbline.css").read_text()
TEXT = [
    ("ink", "ground"),
    ("ink", "surface"),
    ("ink", "raised"),
    ("ink", "accent-wash"),
    ("soft", "ground"),
    ("soft", "surface"),
    ("soft", "raised"),
    ("accent", "surface"),
    ("accent", "ground"),
    ("accent", "accent-wash"),
    ("accent-ink", "accent"),
    ("notice", "surface"),
    ("notice", "notice-wash"),
    ("alert", "surface"),
    ("alert", "alert-wash"),
    ("good", "good-wash"),
]
MARKS = [
    ("median", "raised"),
    ("lost-mark", "lost"),
    ("off-mark", "off"),
    ("paused-mark", "paused"),
    ("uncalibrated-mark", "uncalibrated"),
    ("accent", "surface"),
    ("notice", "surface"),
]


def tokens(dark: bool) -> dict[str, str]:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    found: dict[str, str] = {}
    for block in blocks[: 2 if dark else 1]:
        found.update(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    return found


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), TEXT)
def test_text(front: str, back: str, dark: bool) -> None:
    colours = tokens(dark)
    assert contrast(colours[front], colours[back]) >= 4.5


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), MARKS)
def test_marks(front: str, back: str, dark: bool) -> None:
    colours = tokens(dark)
    assert contrast(colours[front], colours[back]) >= 3
