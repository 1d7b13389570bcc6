"""Posture shifts: a change of posture that lasts."""

from __future__ import annotations

from typing import Any, Final

SHIFT_MDEG: Final = 5000
LASTS_S: Final = 5


class ShiftCounter:
    """Compares each second's posture with the one that was held."""

    def __init__(self) -> None:
        self._held: tuple[int, int] | None = None
        self._new: tuple[int, int] = (0, 0)
        self._seconds = 0

    def step(self, posture: tuple[int, int] | None) -> bool:
        """True when this second confirms a shift. `posture` is (sagittal, lateral) in millidegrees, or None."""
        if posture is None:
            self._seconds = 0
            return False
        if self._held is None:
            self._held = posture
            return False
        if _same(posture, self._held):
            self._seconds = 0
            return False
        if not self._seconds or not _same(posture, self._new):
            self._new, self._seconds = posture, 0
        self._seconds += 1
        if self._seconds < LASTS_S:
            return False
        self._held, self._seconds = self._new, 0
        return True

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


def _same(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return abs(a[0] - b[0]) < SHIFT_MDEG and abs(a[1] - b[1]) < SHIFT_MDEG
