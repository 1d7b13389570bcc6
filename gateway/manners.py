"""Leaving a clip alone whose button was held so that it takes a new gateway.

A clip that somebody has does not advertise, unless it may be paired: then another gateway that knows its key would find
it, take it, lose it to the first one, and so on to the end of the window. So whoever has looked for a while lets the
window pass. Whoever has only just lost the clip may have it back.
"""

from __future__ import annotations

from typing import Final

FRESH_S: Final = 10.0
"""Whoever has looked no longer had the clip until now."""
WINDOW_S: Final = 75.0
"""Longer than a window is open. Some systems go on telling of one that has closed: then this is what it costs."""
SILENT_S: Final = 60.0
"""A clip that was not heard for so long, pauses of the scan counted, has closed its window and opened another."""


class Manners:
    """Of one who looks for one clip. Times are seconds of a clock that nobody sets."""

    def __init__(self) -> None:
        self._looks_since: float | None = None
        self._window_since: float | None = None
        self._heard = 0.0

    def look(self, now_s: float) -> None:
        """It begins to look for the clip, or goes on."""
        if self._looks_since is None:
            self._looks_since = now_s

    def found(self) -> None:
        """It has found the clip, and connects."""
        self._looks_since = self._window_since = None

    def leaves(self, now_s: float, *, pairing: bool) -> bool:
        """Whether to leave the clip alone that is heard now; `pairing`: it says that it may be paired."""
        if not pairing:
            self._window_since = None
            return False
        if self._looks_since is None or now_s - self._looks_since < FRESH_S:
            return False
        if self._window_since is None or now_s - self._heard > SILENT_S:
            self._window_since = now_s
        self._heard = now_s
        return now_s - self._window_since < WINDOW_S
