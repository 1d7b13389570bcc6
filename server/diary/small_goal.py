"""One small goal at a time, from what the plan aims for: movement first, one step, never the whole way at once.

What is known to keep backs well is to shift and to take breaks: over six months 7 % and 9 % of office workers had new
low back pain, 33 % of those without (Waongenngarm et al. 2021, doi 10.5271/sjweh.3949). So the longest still time comes
first, shifting next, and wearing the clip only where there is too little to tell. Sitting upright is no goal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from gateway.messages import Goals
from server.summaries.types import DaySummary

STEP_MIN: Final = 10
"""By how much the next aim for the longest still time is shorter, minutes."""
ROUND_MIN: Final = 5
STEP_SHIFTS: Final = 2
"""By how much the next aim for shifts an hour is higher."""
STEP_WORN_MIN: Final = 60
"""The steps are ours: no figure for a good one is known to us."""

Kind = Literal["begin", "wear", "still", "shifts", "keep"]


@dataclass(frozen=True)
class SmallGoal:
    """What to try next. `have` and `aim` are minutes (wear, still) or times an hour (shifts); 0 where there are
    none."""

    kind: Kind
    have: int = 0
    aim: int = 0


def small_goal(summary: DaySummary, goals: Goals | None) -> SmallGoal:
    """The next step after this day, or so far in it; with the usual goals where the plan has none."""
    goals = goals or Goals()
    if not summary.worn_s:
        return SmallGoal("begin")
    worn_min = summary.worn_s // 60
    if not summary.enough:
        wanted = round(goals.worn_hours * 60)
        return SmallGoal("wear", worn_min, max(min(wanted, worn_min + STEP_WORN_MIN), worn_min))
    still_min = round(summary.longest_still_s / 60)
    if still_min > goals.longest_still_min:
        step = ROUND_MIN * math.floor((still_min - STEP_MIN) / ROUND_MIN)
        return SmallGoal("still", still_min, max(step, goals.longest_still_min))
    shifts = math.floor(summary.shifts_per_hour or 0)
    if shifts < goals.shifts_per_hour:
        return SmallGoal("shifts", shifts, min(shifts + STEP_SHIFTS, goals.shifts_per_hour))
    return SmallGoal("keep")
