"""Whether a server that runs can do its work, for whoever starts, routes to and restarts processes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from server.store.migrate import current_revision, newest_revision

log: Final = logging.getLogger(__name__)

BEHIND_S: Final = 120.0
"""Summaries may be out of date for as long before a server counts as behind: a day of a busy clinic is made in
milliseconds, so that this is a stuck rebuilder, or a load that it cannot bear."""


@dataclass(frozen=True)
class Readiness:
    """`connected`: to the broker; `working`: what comes in is taken in; `behind_s`: for how long there has been more to
    summarise than is done. A process that only serves pages knows none of them."""

    engine: Engine
    connected: Callable[[], bool] | None = None
    working: Callable[[], bool] | None = None
    behind_s: Callable[[], float] | None = None

    def problems(self) -> list[str]:
        """What keeps the server from its work, in words; empty when it is ready."""
        found = self._of_the_database()
        if self.connected is not None and not self.connected():
            found.append("there is no connection to the broker")
        if self.working is not None and not self.working():
            found.append("what comes in is not taken in; start the server again")
        if self.behind_s is not None and self.behind_s() > BEHIND_S:
            found.append("summaries are behind")
        return found

    def _of_the_database(self) -> list[str]:
        try:
            revision = current_revision(self.engine)
        except SQLAlchemyError as error:
            log.warning("the database does not answer: %s", type(error).__name__)
            return ["the database does not answer"]
        if revision != newest_revision():
            return ["the database has the schema of another version; start the server again"]
        return []
