"""The figures of a day that are followed over weeks. Movement comes first: what is known to help is to move and to
shift, not to sit upright."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from server.summaries.types import DaySummary

Unit = Literal["an hour", "min", "share", "degrees"]


@dataclass(frozen=True)
class Measure:
    """`of` gives the figure of a day above the floor of coverage, None where the day has none (no reminder was
    answered, no angle told). `resolution` is how finely it is told, in its unit. `by_angle`: it depends on the angle of
    the plan, so that it cannot be compared over a change of that."""

    key: str
    unit: Unit
    resolution: float
    of: Callable[[DaySummary], float | None]
    by_angle: bool = False


MEASURES: Final = (
    Measure("shifts_per_hour", "an hour", 0.1, lambda day: day.shifts_per_hour),
    # The middle of a minute stands for each shift, so that both ends are known to a minute.
    Measure("longest_still_min", "min", 1.0, lambda day: day.longest_still_s / 60),
    Measure("breaks_per_hour", "an hour", 0.1, lambda day: day.breaks_per_hour),
    Measure("slouched_share", "share", 0.01, lambda day: day.slouched_share, by_angle=True),
    # Two-second means are told in whole degrees.
    Measure("p50_deg", "degrees", 1.0, lambda day: day.p50),
    Measure("spread_deg", "degrees", 1.0, lambda day: day.spread),
    # Some five reminders a day are answered: one more or less is a fifth.
    Measure("response_rate", "share", 0.2, lambda day: day.response_rate),
)
