"""What the trail was told lately, for pages that keep themselves up to date.

A page left open asks for itself again every few seconds. That is the same look at the same data: it is written down
when it begins and once in `AGAIN_MS` while it lasts, not with every request.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import Final

from server.audit.trail import Entry

AGAIN_MS: Final = 15 * 60_000
KEPT: Final = 50_000
"""Entries remembered; beyond that the oldest are forgotten, and written down again."""


class Lately:
    """Remembers when which look was written down last (UTC ms). In memory: after a restart all is written anew."""

    def __init__(self) -> None:
        self._told: OrderedDict[Entry, int] = OrderedDict()
        self._lock = Lock()

    def is_news(self, entry: Entry, now_ms: int) -> bool:
        """Whether the same look was not written down within the last `AGAIN_MS`."""
        with self._lock:
            before = self._told.get(_look(entry))
        return before is None or not before <= now_ms < before + AGAIN_MS

    def told(self, entry: Entry, now_ms: int) -> None:
        """Remember that it has just been written down."""
        with self._lock:
            self._told[_look(entry)] = now_ms
            self._told.move_to_end(_look(entry))
            while len(self._told) > KEPT:
                self._told.popitem(last=False)


def _look(entry: Entry) -> Entry:
    return replace(entry, detail="")
