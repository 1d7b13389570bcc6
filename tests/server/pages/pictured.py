"""Pictures of four weeks made up by hand, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from server.summaries.periods import LeftOut, build_period
from server.summaries.picture import Day, Picture
from server.summaries.trends import compare
from server.summaries.types import CODE, DayDetail, DaySummary, HourDetail
from tests.server.summaries.test_periods import summary, wobble

FIRST = date(2026, 10, 26)
"""A Monday."""


def hour(number: int, **seconds: int) -> HourDetail:
    """`hour(9, upright=3000, slouched=600)`."""
    return HourDetail(number, tuple(seconds.get(name, 0) for name in CODE))


WORKED = DayDetail(
    (
        hour(9, upright=2700, slouched=900),
        hour(10, not_worn=3000, upright=600),
        hour(11, lost=3600),
        hour(12, paused=3600),
        hour(13, uncalibrated=3600),
    ),
    ((-2, 100), (3, 2000), (8, 900), (15, 300)),
)


def picture(
    days: Mapping[date, DaySummary] | None = None,
    inside: Mapping[date, DayDetail] | None = None,
    *,
    length: int = 28,
    baseline: int = 0,
    **more: Any,
) -> Picture:
    """`length` days from FIRST on, worked like WORKED on weekdays, after four weeks more like them."""
    found = [FIRST + timedelta(days=number) for number in range(-28, length)]
    stored = days if days is not None else {day: summary(day, wobble(day)) for day in found if day.weekday() < 5}
    told = build_period(
        7,
        (FIRST, FIRST + timedelta(days=length - 1)),
        zone="UTC",
        today=FIRST + timedelta(days=length),
        stored=stored,
        marks={},
        absent=lambda day: (LeftOut.NOTHING_RECORDED, 28_800) if day.weekday() < 5 else (LeftOut.NO_WINDOW, 0),
    )
    first = [
        Day(replace(summary(FIRST - timedelta(days=100 - number)), p50=7.0 + number % 3), WORKED)
        for number in range(baseline)
    ]
    figures = {
        name: compare(
            [(date.fromisoformat(day.date).toordinal(), getattr(day, name)) for day in told.recent.counted],
            [(date.fromisoformat(day.summary.date).toordinal(), getattr(day.summary, name)) for day in first],
            resolution=1.0,
        )
        for name in ("p10", "p50", "p90")
    }
    known = {day: WORKED for day in stored if day >= FIRST} if inside is None else inside
    return replace(Picture(told, known, tuple(first), figures), **more)
