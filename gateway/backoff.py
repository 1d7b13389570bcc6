"""Waits between attempts: doubling, jittered, starting over after a link that held."""

from __future__ import annotations

from collections.abc import Callable
from secrets import SystemRandom
from typing import Final

FIRST_S: Final = 0.5
LONGEST_S: Final = 30.0
STABLE_S: Final = 60.0
"""A link that held this long starts the waits over."""


Chance = Callable[[], float]
"""A number from 0 to 1, another each time."""
CHANCE: Final[Chance] = SystemRandom().random


class BackOff:
    """The next wait after each failure."""

    def __init__(
        self,
        random: Chance = CHANCE,
        *,
        first_s: float = FIRST_S,
        longest_s: float = LONGEST_S,
        stable_s: float = STABLE_S,
    ) -> None:
        self._random = random
        self._first_s = first_s
        self._longest_s = longest_s
        self._stable_s = stable_s
        self._next_s = first_s

    def wait_s(self, held_s: float) -> float:
        """Seconds to wait after a link that held for `held_s` (0: it was never made): between half and all of a
        time that doubles with every failure up to `longest_s`."""
        if held_s >= self._stable_s:
            self.reset()
        wait = self._next_s * (0.5 + self._random() / 2)
        self._next_s = min(self._next_s * 2, self._longest_s)
        return wait

    def reset(self) -> None:
        """Start the waits over."""
        self._next_s = self._first_s
