"""The thread that deletes what is due, when the server starts and then each night, and notices erasures that became
complete because a computer was revoked. It also puts into the log where the audit ends: logs are kept where whoever can
write the database often cannot, and so show a trail that was made anew."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from server.audit.trail import head
from server.rights.outstanding import complete
from server.rights.retention import RetentionRules, clean, next_night
from server.store import reading, writing

log: Final = logging.getLogger(__name__)

PAUSE_S: Final = 60.0


class Nightly:
    """`clock` tells UTC milliseconds."""

    def __init__(
        self, engine: Engine, clock: Callable[[], int], rules: RetentionRules | None = None, *, pause_s: float = PAUSE_S
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._rules = rules or RetentionRules()
        self._pause_s = pause_s
        self._due_ms = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nightly", daemon=True)

    def start(self) -> None:
        """Look after what is due, until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the transaction under way and end the thread."""
        self._stopping.set()
        self._thread.join()

    def step(self) -> int:
        """One look at the clock: deletes what is due if it is night, or for the first time; returns how many rows."""
        now_ms = self._clock()
        with writing(self._engine) as db:
            complete(db, now_ms)
        if now_ms < self._due_ms:
            return 0
        gone = clean(self._engine, self._rules, now_ms, self._stopping.is_set)
        self._due_ms = next_night(now_ms)
        with reading(self._engine) as db:
            newest = head(db)
        log.info("the audit ends at entry %d, whose hash is %s", newest.number, newest.hash)
        if gone:
            log.info("deleted %d rows that were kept long enough", gone)
        return gone

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.step()
            except Exception:
                log.exception("what is due cannot be deleted; trying again")
            self._stopping.wait(self._pause_s)
