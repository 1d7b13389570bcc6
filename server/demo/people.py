"""The people of the demonstration. They are simulated, and every page says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gateway.lab.presets import check_script, workday_script
from gateway.lab.script import Script

HISTORY_DAYS: Final = 14
SEED: Final = 7

PLAN: Final[dict[str, Any]] = {"mode": "train", "angle_deg": 10, "dwell_s": 60, "days": tuple(range(7))}
"""Every day of the week, so that the live day has a window whenever the demonstration is shown."""


@dataclass(frozen=True)
class Someone:
    """A simulated patient; `habits` names a person of the workday scripts."""

    name: str
    habits: str


LIVE: Final = Someone("Amara Lindqvist", "improving")
OTHERS: Final = (
    Someone("Bela Moreau", "still_sitter"),
    Someone("Chidi Hartmann", "slouch_heavy"),
    Someone("Daria Okonkwo", "fidgety"),
    Someone("Emil Takahashi", "barely_wearing"),
)


def live_script() -> Script:
    """What the live wearer does: calibrates at once, slouches within the second minute, then a whole workday."""
    opening = check_script(SEED)
    day = workday_script(SEED, LIVE.habits, HISTORY_DAYS)
    return Script((*opening.segments, *day.segments), opening.body, SEED)
