"""The activity gate: is the wearer moving about? Steps shake |a|; bends and swings tilt the trunk to and fro.

Over the last 2 s: the standard deviation of |a| (the measure that did best against video on a collar clip), and how
far the trunk tilted to and fro: the length of its way less the way made good, so that one plain change of posture,
however sudden, is not called movement.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .frames import Hops
from .latch import latch
from .turning import turned

WINDOW: Final = 8
"""Hops, 2 s."""
SHAKE_MG: Final = 100
SHAKE_END_MG: Final = 70
SWAY_SHAKE_MG: Final = 35
SWAY_SHAKE_END_MG: Final = 25
SWAY_DEG: Final = 16
SWAY_END_DEG: Final = 11
# On a collar clip 100 mg did best against video. Lower-back walking of two people (mobgap): a tenth of the 2 s windows
# shakes less than 50 mg, standing talk less than 20 mg; slow walking sways 24 deg and more to and fro in 2 s.
STEP: Final = 2
"""Hops, half a second: a step, and so the least that shows whether someone still moves."""
STEP_MG: Final = 30
"""Shaken less over half a second, nobody takes a step."""
STEPS: Final = 5
"""So many of the window's half seconds, which overlap, must have shaken: a knock or a posture change is soon over."""

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class ActivityGate:
    """Moving or not, hop by hop; the window reaches back over the cut.

    The window makes the gate late by up to 2 s at both ends of a movement. The second answer has no such lag and many
    gaps: with it `lookback` finds where a movement that the gate has seen began and ended.
    """

    def __init__(self) -> None:
        self._carry = np.zeros((7, WINDOW), dtype=np.int64)  # used, acc, acc_sq, path, sky 3
        self._moving = False

    def step(self, hops: Hops) -> tuple[Bools, Bools]:
        """(H,) whether the wearer moved about at the end of each hop; (H,) whether the last half second shook."""
        new = np.stack((hops.used, hops.acc, hops.acc_sq, hops.path, *hops.sky))
        columns = np.concatenate((self._carry, new), axis=1)
        self._carry = columns[:, -WINDOW:].copy()
        # Integers: the running sum is exact, wherever it began.
        running = np.zeros((4, columns.shape[1] + 1), dtype=np.int64)
        np.cumsum(columns[:4], axis=1, out=running[:, 1:])
        used, acc, acc_sq, path = running[:, WINDOW + 1 :] - running[:, 1:-WINDOW]
        shake = _deviation(used, acc, acc_sq)
        shaken = _deviation(*(running[:3, STEP:] - running[:3, :-STEP])) >= STEP_MG
        steps = np.concatenate(([0], np.cumsum(shaken)))
        going = steps[WINDOW:] - steps[:-WINDOW] >= STEPS
        sway = np.degrees(path / 1e6 - turned(columns[4:], WINDOW))
        known = (used > 0) & going
        enter = known & ((shake >= SHAKE_MG) | ((shake >= SWAY_SHAKE_MG) & (sway >= SWAY_DEG)))
        leave = (shake < SHAKE_END_MG) & ((shake < SWAY_SHAKE_END_MG) | (sway < SWAY_END_DEG))
        moving = latch(enter, leave, self._moving)
        if len(moving):
            self._moving = bool(moving[-1])
        return moving, shaken[WINDOW - 1 :]

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {"carry": self._carry.T.tolist(), "moving": self._moving}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ActivityGate:
        """A gate that goes on where `state` was taken."""
        new = cls()
        new._carry = np.array(state["carry"], dtype=np.int64).T
        new._moving = bool(state["moving"])
        return new


def _deviation(count: Ints, total: Ints, squares: Ints) -> NDArray[np.float64]:
    """Standard deviation, 0 where nothing was counted."""
    n = np.maximum(count, 1).astype(np.float64)
    deviation: NDArray[np.float64] = np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0))
    return deviation
