"""The people of the demonstration and what has happened to them. They are simulated, and every page says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from gateway.lab.presets import PEOPLE, Person, check_script, workday_script
from gateway.lab.script import Script, Segment, Slip

HISTORY_DAYS: Final = 14
SEED: Final = 7
LATELY_DAYS: Final = 7
"""What somebody does otherwise of late, they do since so many days."""

PLAN: Final[dict[str, Any]] = {"mode": "train", "angle_deg": 10, "dwell_s": 60, "days": tuple(range(7))}
"""Every day of the week, so that the live day has a window whenever the demonstration is shown."""
WORKDAYS: Final[dict[str, Any]] = {**PLAN, "days": tuple(range(5))}


@dataclass(frozen=True)
class Someone:
    """A simulated patient; `habits` names a person of the workday scripts.

    lately: what they do like since LATELY_DAYS days. days: of history. stopped: workdays since which they wear no clip.
    slips: the clip slips on the last workday before today and is not calibrated again. waits_h: for so long a new plan
    has waited for the clip. pain: levels from 0 to 10, by how many days ago.
    """

    name: str
    habits: str
    lately: str = ""
    days: int = HISTORY_DAYS
    stopped: int = 0
    slips: bool = False
    waits_h: int = 0
    pain: tuple[tuple[int, int], ...] = ()

    def on(self, days_ago: int) -> Person:
        """What they do like on a day. A person stays the same body when they change what they do."""
        usual = PEOPLE[self.habits]
        changed = bool(self.lately) and days_ago <= LATELY_DAYS
        return replace(PEOPLE[self.lately], name=usual.name) if changed else usual


LIVE: Final = Someone("Amara Lindqvist", "improving", pain=((9, 5), (7, 5), (5, 4), (2, 3), (1, 3)))
OTHERS: Final = (
    # Three weeks: a week is held against the days before it, and those must be eight.
    Someone(
        "Bela Moreau",
        "fidgety",
        lately="still_sitter",
        days=21,
        pain=((19, 3), (16, 2), (13, 3), (11, 3), (8, 3), (4, 5), (3, 6), (2, 6), (1, 7)),
    ),
    Someone("Chidi Hartmann", "slouch_heavy", waits_h=70),
    Someone("Daria Okonkwo", "steady", slips=True),
    Someone("Emil Takahashi", "steady", stopped=4),
    Someone("Farah Nilsson", "fidgety"),
)
"""Bela needs a look most: pain rose, and there is much less moving than before. Chidi has a plan that waits, Daria's
clip has slipped, Emil has stopped wearing his. Of Farah nothing is to be said."""


def live_script() -> Script:
    """What the live wearer does: calibrates at once, slouches within the second minute, then a whole workday."""
    opening = check_script(SEED)
    day = workday_script(SEED, LIVE.habits, HISTORY_DAYS)
    return Script((*opening.segments, *day.segments), opening.body, SEED)


def slipping(day: Script) -> Script:
    """The same day, on which the clip is taken hold of before noon and sits 16 degrees otherwise from then on."""
    place = int(np.searchsorted(day.starts_s, 2.5 * 3600))
    at_s, half = float(day.starts_s[place]), float(np.radians(16)) / 2
    held = Segment(12.0, "handle", 10.0, 4.0, change_s=2.0)
    turn = (float(np.cos(half)), 0.0, float(np.sin(half)), 0.0)
    segments = (*day.segments[:place], held, *day.segments[place:])
    return Script(segments, day.body, day.seed, (Slip(at_s + 4.0, turn, 2.0),))
