"""Whether the computer was asleep: connections that seem to stand after it are most likely dead."""

from __future__ import annotations


class Slumber:
    """Looks that should come every so often. Some systems stop their steady clock while they sleep and some do not:
    either clock may show it. A UTC clock that was set forward looks the same, and costs one connection."""

    def __init__(self, asleep_s: float) -> None:
        """`asleep_s`: more time than ever passes between two looks on a computer that is awake."""
        self._asleep_s = asleep_s
        self._last: tuple[float, int] | None = None

    def woke(self, steady_s: float, utc_ms: int) -> bool:
        """Look, and say whether the computer has slept since the last look."""
        last, self._last = self._last, (steady_s, utc_ms)
        if last is None:
            return False
        return max(steady_s - last[0], (utc_ms - last[1]) / 1000) >= self._asleep_s
