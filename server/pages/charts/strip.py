"""A strip of states along time, and the bar in which the seconds of a window add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from server.pages.charts import palette
from server.pages.charts.axis import TimeAxis
from server.pages.charts.svg import element, number, picture
from server.pages.words import duration


@dataclass(frozen=True)
class Span:
    """A stretch of one category, UTC ms, half-open."""

    start_ms: int
    end_ms: int
    code: int


def spans(codes: NDArray[np.uint8], start_ms: int, most: int) -> list[Span]:
    """The stretches in `codes`, shape (seconds,), in at most `most` columns: each column shows its commonest code.

    A column's tie goes to the lower code, which is the one that takes precedence.
    """
    if codes.size == 0:
        return []
    step = max(1, -(-codes.size // most))
    columns = np.append(codes, np.repeat(codes[-1:], -codes.size % step)).reshape(-1, step)
    commonest = np.array([np.bincount(column).argmax() for column in columns]) if step > 1 else columns[:, 0]
    edges = np.flatnonzero(np.diff(commonest)) + 1
    starts = np.concatenate(([0], edges)) * step
    ends = np.minimum(np.concatenate((edges, [commonest.size])) * step, codes.size)
    return [
        Span(start_ms + 1000 * int(a), start_ms + 1000 * int(b), int(codes_at))
        for a, b, codes_at in zip(starts, ends, commonest[starts // step], strict=True)
    ]


def strip(stretches: list[Span], axis: TimeAxis, *, height: int, label: str, window: tuple[int, int] | None) -> Markup:
    """The strip; `window` is bracketed when it is given."""

    def local(t_ms: int) -> str:
        return datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(axis.zone).strftime("%H:%M")

    blocks = [
        palette.block(
            span.code,
            axis.at(span.start_ms),
            f"{number(axis.percent(span.end_ms) - axis.percent(span.start_ms))}%",
            title=f"{palette.LABELS[span.code]} {local(span.start_ms)}–{local(span.end_ms)}",
        )
        for span in stretches
        if span.end_ms > axis.start_ms and span.start_ms < axis.end_ms
    ]
    bracket = []
    if window is not None:
        start, end = (axis.percent(t_ms) for t_ms in window)
        bracket = [
            element(
                "rect", class_="window", x=f"{number(start)}%", y="0", width=f"{number(end - start)}%", height="100%"
            )
        ]
    return picture([*blocks, *axis.grid(), *bracket], height=height, label=label, class_="strip")


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
                    title=f"{palette.LABELS[code]}: {duration(count)}",
                )
            )
        before += count
    return picture(blocks, height=height, label=label, class_="coverage")
