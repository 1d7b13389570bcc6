"""Is a hand on the clip? A hand turns it to and fro, faster than a trunk can.

Two measures over the last 2 s. Wiggle: the length of the sky's way beyond what was made good, half second by half
second; a bend, however quick, is smooth within half a second. Sway: the same over the whole 2 s.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .frames import SKY_ONE, Hops

WINDOW: Final = 8
"""Hops, 2 s."""
SHORT: Final = 2
WIGGLE_DEG: Final = 60
SWAY_DEG: Final = 160
# Two people's walking, bending and daily doings at the lower back (mobgap) wiggle 34 and sway 147 deg in 2 s at most;
# a sensor turned quickly in a hand (BROAD) wiggles 160 to 440 deg in half of its windows.

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class HandlingGate:
    """Handled or not, hop by hop; the windows reach back over the cut."""

    def __init__(self) -> None:
        self._carry = np.zeros((WINDOW + SHORT, 4), dtype=np.int64)

    def step(self, hops: Hops) -> Bools:
        """(H,) whether the clip was being handled in the 2 s up to the end of each hop."""
        rows = np.concatenate((self._carry, np.column_stack((hops.path, hops.sky))))
        self._carry = rows[len(rows) - WINDOW - SHORT :]
        way = np.concatenate(([0], np.cumsum(rows[:, 0])))
        short = way[SHORT + 1 :] - way[1:-SHORT]
        wiggle = np.maximum(short - _turned(rows[:-SHORT, 1:], rows[SHORT:, 1:]), 0)
        total = np.concatenate(([0], np.cumsum(wiggle)))
        wiggled = (total[WINDOW:] - total[:-WINDOW])[1:]
        long = way[WINDOW + SHORT + 1 :] - way[SHORT + 1 : -WINDOW]
        swayed = long - _turned(rows[SHORT:-WINDOW, 1:], rows[WINDOW + SHORT :, 1:])
        handled: Bools = (wiggled >= _micro(WIGGLE_DEG) * SHORT) | (swayed >= _micro(SWAY_DEG))
        return handled

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {"carry": self._carry.tolist()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> HandlingGate:
        """A gate that goes on where `state` was taken."""
        new = cls()
        new._carry = np.array(state["carry"], dtype=np.int64)
        return new


def _micro(degrees: float) -> int:
    return round(math.radians(degrees) * 1e6)


def _turned(a: Ints, b: Ints) -> Ints:
    """Angle between rows in micro-radians; half a turn where either is missing, so that nothing is called handling."""
    step = (a - b) / SKY_ONE
    chord = np.sqrt(step[:, 0] ** 2 + step[:, 1] ** 2 + step[:, 2] ** 2)
    missing = ~(a.any(axis=1) & b.any(axis=1))
    angle = np.where(missing, np.pi, 2 * np.arcsin(np.minimum(chord / 2, 1)))
    turned: Ints = np.rint(angle * 1e6).astype(np.int64)
    return turned
