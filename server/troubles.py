"""Trouble that lasts, told once: a line when it begins, one when it is over, and none for each attempt in between."""

from __future__ import annotations

from logging import Logger
from typing import Final

_MOST: Final = 20
"""So many different troubles are told apart until all is well again."""


class Trouble:
    """Of one thing that is tried again and again. `over` is what is said when it works again."""

    def __init__(self, log: Logger, over: str) -> None:
        self._log = log
        self._over = over
        self._told: set[str] = set()

    def met(self, words: str) -> None:
        """It did not work; `words` name no person and nothing that differs from attempt to attempt."""
        if words not in self._told and len(self._told) < _MOST:
            self._told.add(words)
            self._log.warning("%s", words)

    def gone(self) -> None:
        """It worked."""
        if self._told:
            self._told.clear()
            self._log.info("%s", self._over)
