"""How a person walks: the trunk's mean direction over a bout of walking, against the reference posture.

Walking sits about 10 degrees (p95 18) from standing on a collar clip, and at nearly the same place for the same person:
too far off for a calibration, near enough to notice that the clip has slid. Stairs and burdens tilt single bouts, hence
medians, and as many as `BOUTS` bouts on end.
"""

from __future__ import annotations

from typing import Any, Final

from .usual_place import Angles, median

BOUTS: Final = 3
"""So many bouts in a row must differ, each from the person's own before; so many are needed to know these."""
KEPT: Final = 24
LEAST_MDEG: Final = 6500
MOST_MDEG: Final = 9000
SPREADS: Final = 4
"""A bout differs when it lies further off than so many median deviations, within the two limits above."""


class WalkingOffset:
    """A person's own bouts, and those in a row that differ from them."""

    def __init__(self) -> None:
        self._own: list[Angles] = []
        self._others: list[Angles] = []

    def difference(self, angles: Angles) -> Angles | None:
        """From the person's own walking; None while that is not known."""
        if len(self._own) < BOUTS:
            return None
        return angles[0] - median([own[0] for own in self._own]), angles[1] - median([own[1] for own in self._own])

    def add(self, angles: Angles) -> Angles | None:
        """Take a bout; the difference once the last `BOUTS` bouts all differ in the same direction."""
        difference = self.difference(angles)
        axis = None if difference is None else self._differs(difference)
        if difference is None or axis is None:
            self._own = [*self._own, angles][-KEPT:]
            self._others = []
            return None
        if self._others and (self._differs(self._others[-1]) != axis or self._others[-1][axis] * difference[axis] < 0):
            self._others = []
        self._others = [*self._others, difference][-BOUTS:]
        if len(self._others) < BOUTS:
            return None
        return median([other[0] for other in self._others]), median([other[1] for other in self._others])

    @property
    def differing(self) -> bool:
        """Whether the newest bout differed from the person's own."""
        return bool(self._others)

    def forget_others(self) -> None:
        """The clip has been calibrated: what differed before says nothing any more."""
        self._others = []

    def _differs(self, difference: Angles) -> int | None:
        """The axis (0 sagittal, 1 lateral) in which it lies further off than the person's bouts do; None for none."""
        for axis in (0, 1):
            middle = median([own[axis] for own in self._own])
            usual = median([abs(own[axis] - middle) for own in self._own])
            if abs(difference[axis]) >= min(max(SPREADS * usual, LEAST_MDEG), MOST_MDEG):
                return axis
        return None

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {"own": self._own, "others": self._others}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> WalkingOffset:
        """One that goes on where `state` was taken."""
        new = cls()
        new._own = [(sagittal, lateral) for sagittal, lateral in state["own"]]
        new._others = [(sagittal, lateral) for sagittal, lateral in state["others"]]
        return new
