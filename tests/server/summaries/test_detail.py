"""The inside of a day: every second in its hour, every worn angle in its place."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import messages
from server.summaries.day import DayInputs, build_day, outside_windows
from server.summaries.detail import distribution, percentile, read_detail, write_detail
from server.summaries.types import CODE, DayDetail, HourDetail
from server.summaries.zones import Zones

BERLIN = ZoneInfo("Europe/Berlin")
PLAN = messages.Plan(version=1, start="00:00", end="08:00", days=(0, 1, 2, 3, 4, 5, 6), zone="Europe/Berlin")


def day(when: date, rows: Any) -> Any:
    inputs = DayInputs(7, Zones("Europe/Berlin"), when, PLAN, rows, (), (), (), 0)
    return build_day(inputs, now_ms=2**42)


def at(when: date, hour: int, minute: int, fold: int = 0) -> int:
    local = datetime(when.year, when.month, when.day, hour, minute, tzinfo=BERLIN, fold=fold)
    return int(local.timestamp() * 1000)


def test_seconds_add_up_to_those_of_the_day_in_their_local_hour(table: Any) -> None:
    when = date(2026, 10, 25)  # 2:00 comes twice
    told = [(0, 59, 0, CODE["slouched"], 18), (2, 30, 0, CODE["upright"], 3), (2, 30, 1, CODE["upright"], 5),
            (5, 0, 0, CODE["not_worn"], 9)]  # fmt: skip
    epochs = [
        {"start_ms": 60_000 * n, "utc_ms": at(when, hour, minute, fold), "code": code, "angle": angle}
        for n, (hour, minute, fold, code, angle) in enumerate(told)
    ]
    view = day(when, {"a" * 16: table(*epochs)})
    hours = {one.hour: one for one in view.detail.hours}
    assert sorted(hours) == list(range(8))
    assert hours[2].told_s == 7200
    assert (hours[0].seconds[CODE["slouched"]], hours[2].worn_s, hours[5].worn_s) == (60, 120, 0)
    total = [sum(column) for column in zip(*(one.seconds for one in view.detail.hours), strict=True)]
    assert total == list(view.summary.seconds.values())
    assert view.detail.angles == ((3, 60), (5, 60), (18, 60)), "what was not worn has no angle"


ANGLES = st.dictionaries(st.integers(-127, 127), st.integers(1, 40), max_size=12).map(
    lambda d: tuple(sorted(d.items()))
)


@given(ANGLES, st.lists(st.lists(st.integers(0, 3600), min_size=11, max_size=11), max_size=4))
def test_what_is_written_is_read(angles: Any, seconds: list[list[int]]) -> None:
    detail = DayDetail(tuple(HourDetail(n, tuple(one)) for n, one in enumerate(seconds)), angles)
    assert read_detail(write_detail(detail)) == detail


@given(st.lists(ANGLES, min_size=1, max_size=4), st.floats(0.01, 1))
def test_days_together_have_the_percentiles_of_all_their_seconds(days: list[Any], share: float) -> None:
    together = distribution(DayDetail((), angles) for angles in days)
    every = [degrees for angles in days for degrees, seconds in angles for _ in range(seconds)]
    if not every:
        assert percentile(together, share) is None
        return
    assert percentile(together, share) == pytest.approx(np.percentile(every, 100 * share, method="inverted_cdf"))


def test_the_rest_of_the_day_is_what_was_recorded_outside_the_windows(table: Any) -> None:
    when = date(2026, 3, 24)
    epochs = [
        {"start_ms": 60_000 * n, "utc_ms": at(when, hour, minute), "code": CODE["upright"]}
        for n, (hour, minute) in enumerate([(7, 59), (8, 0), (20, 0), (23, 30)])
    ]
    inputs = DayInputs(7, Zones("Europe/Berlin"), when, PLAN, {"a" * 16: table(*epochs)}, (), (), (), 0)
    rest = outside_windows(inputs, at(when, 23, 0) + 500)
    assert [(stripe.start_ms, stripe.end_ms, stripe.category) for stripe in rest] == [
        (at(when, 8, 0), at(when, 8, 1), "upright"),
        (at(when, 20, 0), at(when, 20, 1), "upright"),
    ], "not the window, nothing to come, nothing that is not known"
    assert outside_windows(inputs, at(when, 7, 0)) == ()
