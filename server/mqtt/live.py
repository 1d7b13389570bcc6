"""Posture now: the latest word of each clip, kept in memory only."""

from __future__ import annotations

import threading
from typing import Final

from gateway import messages

FRESH_MS: Final = 10_000


class LiveBoard:
    """Safe to use from any thread. Times are the server's, UTC milliseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[str, tuple[int, messages.Live]] = {}

    def put(self, live: messages.Live, received_ms: int) -> None:
        """Keep a clip's latest word."""
        with self._lock:
            self._latest[live.clip] = (received_ms, live)

    def latest(self, clip: str, now_ms: int) -> messages.Live | None:
        """What was told of a clip last, unless it is older than FRESH_MS."""
        with self._lock:
            received_ms, live = self._latest.get(clip, (0, None))
        return live if now_ms - received_ms <= FRESH_MS else None
