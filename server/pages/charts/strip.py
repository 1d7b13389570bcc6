"""A strip of states along time, and the bar in which the seconds of a window add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup

from server.language import gettext as _
from server.pages.charts import palette
from server.pages.charts.axis import TimeAxis
from server.pages.charts.svg import element, number, picture
from server.pages.words import clock, duration

_COLUMNS: Final = 960
# More would be narrower than a pixel on the widest page.


@dataclass(frozen=True)
class Span:
    """A stretch of one category, UTC ms, half-open; whole seconds long."""

    start_ms: int
    end_ms: int
    code: int


def coarse(spans: Sequence[Span], most: int = _COLUMNS) -> list[Span]:
    """The same stretches in at most `most` columns of whole seconds: each shows its commonest code.

    `spans` follow one another without a gap. A column's tie goes to the lower code, the one that takes precedence.
    """
    if not spans:
        return []
    lengths = [(span.end_ms - span.start_ms) // 1000 for span in spans]
    codes = np.repeat(np.array([span.code for span in spans], np.uint8), lengths)
    if codes.size == 0:
        return []
    step = max(1, -(-codes.size // most))
    columns = np.append(codes, np.repeat(codes[-1:], -codes.size % step)).reshape(-1, step)
    commonest = np.array([np.bincount(column).argmax() for column in columns])
    starts = np.concatenate(([0], np.flatnonzero(np.diff(commonest)) + 1))
    ends = np.concatenate((starts[1:], [commonest.size]))
    begin = spans[0].start_ms
    return [
        Span(begin + 1000 * step * int(a), begin + 1000 * min(step * int(b), codes.size), int(commonest[a]))
        for a, b in zip(starts, ends, strict=True)
    ]


def strip(
    spans: Sequence[Span], axis: TimeAxis, *, height: int, label: str, framed: Sequence[tuple[int, int]] = ()
) -> Markup:
    """The strip. What lies outside the axis is left out. `framed` are stretches to set off, UTC ms."""
    blocks = [
        palette.block(
            span.code,
            axis.at(span.start_ms),
            f"{number(axis.percent(span.end_ms) - axis.percent(span.start_ms))}%",
            title=f"{_(palette.LABELS[span.code])} {clock(span.start_ms, axis.zone)}–{clock(span.end_ms, axis.zone)}",
        )
        for span in spans
        if span.end_ms > axis.start_ms and span.start_ms < axis.end_ms
    ]
    frames = [
        element(
            "rect",
            class_="window",
            x=axis.at(start),
            y=1,
            width=f"{number(axis.percent(end) - axis.percent(start))}%",
            height=height - 2,
        )
        for start, end in framed
    ]
    return picture([*blocks, *axis.grid(), *frames], height=height, label=label, class_="strip")


def coverage_bar(seconds: Mapping[int, int], *, height: int, label: str) -> Markup:
    """One bar for a whole window: `seconds` by category code (palette.TO_COME included) fill it exactly."""
    total = sum(seconds.values())
    blocks: list[Markup] = []
    before = 0
    for code in palette.SHOWN:
        count = seconds.get(code, 0)
        if count and total:
            blocks.append(
                palette.block(
                    code,
                    f"{number(100 * before / total)}%",
                    f"{number(100 * count / total)}%",
                    title=f"{_(palette.LABELS[code])}: {duration(count)}",
                )
            )
        before += count
    return picture(blocks, height=height, label=label, class_="coverage")


def share_bar(code: int, seconds: int, largest: int) -> Markup:
    """A small bar beside a figure of a table, long in proportion; the figure says the same."""
    width = f"{number(100 * seconds / largest if largest else 0)}%"
    bar = palette.block(code, "0", width)
    return element("svg", [bar], class_="share-bar", width="100%", height=8, aria_hidden="true")
