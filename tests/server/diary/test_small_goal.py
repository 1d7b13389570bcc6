"""One small goal: movement first, one step, never further than what was agreed, never for what nobody saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages import Goals
from server.diary.small_goal import STEP_MIN, STEP_SHIFTS, SmallGoal, small_goal
from server.summaries.day import DayInputs, build_day
from server.summaries.types import DaySummary
from server.summaries.zones import Zones

GOALS = Goals(shifts_per_hour=12, longest_still_min=45, worn_hours=6)
EMPTY = build_day(
    DayInputs(1, Zones("Europe/Berlin"), date(2026, 3, 25), None, {}, (), (), (), 0), 1_774_446_420_000
).summary


def day(*, worn_min: int = 300, still_min: int = 30, shifts: int = 60, enough: bool = True) -> DaySummary:
    return replace(
        EMPTY,
        worn_s=worn_min * 60,
        longest_still_s=still_min * 60,
        shifts=shifts,
        shortfall=None if enough else "too little",
    )


@pytest.mark.parametrize(
    ("summary", "goal"),
    [
        (day(worn_min=0, enough=False), SmallGoal("begin")),
        (day(worn_min=90, enough=False), SmallGoal("wear", 90, 150)),
        (day(worn_min=330, enough=False), SmallGoal("wear", 330, 360)),
        (day(still_min=80), SmallGoal("still", 80, 70)),
        (day(still_min=78), SmallGoal("still", 78, 65)),
        (day(still_min=46), SmallGoal("still", 46, 45)),
        (day(still_min=45, shifts=40), SmallGoal("shifts", 8, 10)),
        (day(still_min=45, shifts=57), SmallGoal("shifts", 11, 12)),
        (day(still_min=45, shifts=60), SmallGoal("keep")),
        (day(still_min=80, shifts=0), SmallGoal("still", 80, 70)),
    ],
)
def test_the_next_step(summary: DaySummary, goal: SmallGoal) -> None:
    assert small_goal(summary, GOALS) == goal


def test_without_goals_of_a_plan_the_usual_ones_hold() -> None:
    assert small_goal(day(still_min=80), None) == small_goal(day(still_min=80), Goals())


@given(
    st.integers(0, 1440),
    st.integers(0, 600),
    st.integers(0, 900),
    st.booleans(),
    st.builds(
        Goals,
        shifts_per_hour=st.integers(0, 120),
        longest_still_min=st.integers(5, 240),
        worn_hours=st.floats(0, 24),
    ),
)
def test_a_step_is_small_and_leads_towards_the_aim(
    worn_min: int, still_min: int, shifts: int, enough: bool, goals: Goals
) -> None:
    goal = small_goal(day(worn_min=worn_min, still_min=still_min, shifts=shifts, enough=enough), goals)
    if goal.kind == "still":
        assert goals.longest_still_min <= goal.aim < goal.have
        assert goal.aim >= goal.have - STEP_MIN - 5
    elif goal.kind == "shifts":
        assert goal.have < goal.aim <= min(goal.have + STEP_SHIFTS, goals.shifts_per_hour)
    elif goal.kind == "wear":
        assert goal.have <= goal.aim <= goal.have + 60
