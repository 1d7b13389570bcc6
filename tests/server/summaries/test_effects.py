"""Days of a plan: whole ones, nobody's twice, none that is still to come."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway import messages
from server.plans.types import PlanVersion
from server.summaries.effects import whole_days

EPOCH = date(1970, 1, 1)
DAY_MS = 86_400_000


def day_at(at_ms: int) -> date:
    return EPOCH + timedelta(days=at_ms // DAY_MS)


def version(number: int, confirmed_day: float | None) -> PlanVersion:
    confirmed = None if confirmed_day is None else round(confirmed_day * DAY_MS)
    return PlanVersion(7, messages.Plan(version=number), None, None, "why", 0, None, confirmed, None)


def spans(*confirmed: float | None, yesterday: int = 50) -> list[Any]:
    history = [version(n, one) for n, one in reversed(list(enumerate(confirmed, 1)))]
    found = whole_days(history, day_at, EPOCH + timedelta(days=yesterday))
    return [None if one is None else ((one[0] - EPOCH).days, (one[1] - EPOCH).days) for one in reversed(found)]


def test_a_plan_has_the_days_between_its_change_and_the_next() -> None:
    assert spans(10.5, 30.2) == [(11, 29), (31, 50)]


def test_what_was_never_confirmed_has_no_days_and_takes_none() -> None:
    assert spans(10.5, None) == [(11, 50), None]
    assert spans(10.5, None, 30.0) == [(11, 29), None, (31, 50)]


def test_what_lasted_no_whole_day_has_none() -> None:
    assert spans(10.1, 10.9, 11.5, 50.5) == [None, None, (12, 49), None]


@given(st.lists(st.none() | st.floats(0, 60), max_size=6))
def test_no_day_is_two_plans_and_none_is_to_come(times: list[float | None]) -> None:
    known = sorted(one for one in times if one is not None)
    found = [one for one in spans(*known) if one is not None]
    days = [day for first, last in found for day in range(first, last + 1)]
    assert len(days) == len(set(days))
    assert not days or max(days) <= 50
    assert not {int(one) for one in known} & set(days), "a day of change is nobody's"
