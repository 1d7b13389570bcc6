"""Is a hand on the clip? A hand turns it to and fro, faster than a trunk can.

Two measures over the last 2 s. Wiggle: the length of the sky's way beyond what was made good, half second by half
second; a bend, however quick, is smooth within half a second. Sway: the same over the whole 2 s.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .frames import Hops
from .turning import turned

WINDOW: Final = 8
"""Hops, 2 s."""
SHORT: Final = 2
WIGGLE_DEG: Final = 60
SWAY_DEG: Final = 160
# Two people's walking, bending and daily doings at the lower back (mobgap) wiggle 34 and sway 147 deg in 2 s at most;
# a sensor turned quickly in a hand (BROAD) wiggles 160 to 440 deg in half of its windows.

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class HandlingGate:
    """Handled or not, hop by hop; the windows reach back over the cut."""

    def __init__(self) -> None:
        self._carry = np.zeros((4, WINDOW + SHORT), dtype=np.int64)  # path, sky 3

    def step(self, hops: Hops) -> Bools:
        """(H,) whether the clip was being handled in the 2 s up to the end of each hop."""
        columns = np.concatenate((self._carry, np.stack((hops.path, *hops.sky))), axis=1)
        self._carry = columns[:, -WINDOW - SHORT :].copy()
        sky = columns[1:]
        way = np.concatenate(([0], np.cumsum(columns[0])))
        short = way[SHORT + 1 :] - way[1:-SHORT]
        wiggle = np.maximum(short - _micro(turned(sky, SHORT)), 0)
        total = np.concatenate(([0], np.cumsum(wiggle)))
        wiggled = (total[WINDOW:] - total[:-WINDOW])[1:]
        long = way[WINDOW + SHORT + 1 :] - way[SHORT + 1 : -WINDOW]
        swayed = long - _micro(turned(sky[:, SHORT:], WINDOW))
        handled: Bools = (wiggled >= _micro(math.radians(WIGGLE_DEG)) * SHORT) | (
            swayed >= _micro(math.radians(SWAY_DEG))
        )
        return handled

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {"carry": self._carry.T.tolist()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> HandlingGate:
        """A gate that goes on where `state` was taken."""
        new = cls()
        new._carry = np.array(state["carry"], dtype=np.int64).T
        return new


def _micro(radians: NDArray[np.float64] | float) -> Ints:
    micro: Ints = np.rint(np.asarray(radians) * 1e6).astype(np.int64)
    return micro
