"""Posture shifts: a change of posture that lasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

SHIFT_MDEG: Final = 5000
LASTS_S: Final = 5


class ShiftCounter:
    """Compares each second's posture with the one that was held."""

    def __init__(self) -> None:
        self._held: tuple[int, int] | None = None
        self._new: tuple[int, int] = (0, 0)
        self._seconds = 0

    def count(self, at_rest: Sequence[bool], sagittal: Sequence[int], lateral: Sequence[int]) -> list[int]:
        """Indices of the seconds that confirm a shift, of postures in millidegrees a second; those not at rest count
        for nothing."""
        confirmed = []
        held, new, seconds = self._held, self._new, self._seconds
        for k, (still, forward, right) in enumerate(zip(at_rest, sagittal, lateral, strict=True)):
            if not still:
                seconds = 0
                continue
            if held is None:
                held = (forward, right)
            if abs(forward - held[0]) < SHIFT_MDEG and abs(right - held[1]) < SHIFT_MDEG:
                seconds = 0
                continue
            if not seconds or abs(forward - new[0]) >= SHIFT_MDEG or abs(right - new[1]) >= SHIFT_MDEG:
                new, seconds = (forward, right), 0
            seconds += 1
            if seconds >= LASTS_S:
                held, seconds = new, 0
                confirmed.append(k)
        self._held, self._new, self._seconds = held, new, seconds
        return confirmed

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {"held": self._held, "new": self._new, "seconds": self._seconds}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ShiftCounter:
        """A counter that goes on where `state` was taken."""
        new = cls()
        new._held = None if state["held"] is None else (state["held"][0], state["held"][1])
        new._new = (state["new"][0], state["new"][1])
        new._seconds = state["seconds"]
        return new
