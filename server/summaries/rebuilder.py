"""The one thread that keeps the stored summaries up to date."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from server.summaries.service import Unreadable, rebuild_stale

log: Final = logging.getLogger(__name__)

PAUSE_S: Final = 2.0
_AT_ONCE: Final = 20


class Rebuilder:
    """`clock` tells UTC milliseconds."""

    def __init__(self, engine: Engine, clock: Callable[[], int], *, pause_s: float = PAUSE_S) -> None:
        self._engine = engine
        self._clock = clock
        self._pause_s = pause_s
        self._unreadable: Unreadable = {}
        self._stopping = threading.Event()
        self._even_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="rebuilder", daemon=True)

    @property
    def behind_s(self) -> float:
        """For how many seconds there has been more to do than is done, by the monotonic clock."""
        return time.monotonic() - self._even_s

    def start(self) -> None:
        """Rebuild what is stale, until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the days under way and end the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            made = 0
            try:
                made = rebuild_stale(self._engine, self._clock(), limit=_AT_ONCE, unreadable=self._unreadable)
                if made < _AT_ONCE:
                    self._even_s = time.monotonic()
            except Exception:
                log.exception("summaries cannot be made; trying again")
            if made < _AT_ONCE:
                self._stopping.wait(self._pause_s)
