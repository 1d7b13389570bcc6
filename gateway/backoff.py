"""Waits between attempts: doubling, jittered, starting over after a link that held."""

from __future__ import annotations

from collections.abc import Callable
from secrets import SystemRandom
from typing import Final

FIRST_S: Final = 0.5
LONGEST_S: Final = 30.0
STABLE_S: Final = 60.0
"""A link that held this long starts the waits over."""


_SYSTEM: Final = SystemRandom()


class BackOff:
    """The next wait after each failure."""

    def __init__(self, random: Callable[[], float] = _SYSTEM.random) -> None:
        self._random = random
        self._next_s = FIRST_S

    def wait_s(self, held_s: float) -> float:
        """Seconds to wait after a link that held for `held_s` (0: it was never made): between half and all of a
        time that doubles with every failure up to LONGEST_S."""
        if held_s >= STABLE_S:
            self._next_s = FIRST_S
        wait = self._next_s * (0.5 + self._random() / 2)
        self._next_s = min(self._next_s * 2, LONGEST_S)
        return wait
