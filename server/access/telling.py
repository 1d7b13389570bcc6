"""What the trail is told of one person's visit."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, Engine

from server.access.sessions import Person
from server.access.visit import Visit
from server.audit.trail import Entry, append
from server.store.engine import writing

log: Final = logging.getLogger(__name__)


class Teller:
    """Writes entries in one person's name, at one moment (UTC ms)."""

    def __init__(self, engine: Engine, person: Person, now_ms: int, visit: Visit) -> None:
        self._engine = engine
        self._person = person
        self._now_ms = now_ms
        self._visit = visit

    def entry(self, act: str, outcome: str, *, patient: str = "", basis: str = "", detail: str = "") -> Entry:
        """An entry, not yet written. `patient` is a pseudonym."""
        via = self._visit.via
        actor = via if via.startswith("token:") else f"U-{self._person.id}"
        return Entry(actor, self._person.role, basis, via, self._visit.address, act, patient, outcome, detail)

    def tell(self, entries: Iterable[Entry]) -> None:
        """Write entries in a transaction of their own; nothing is shown before it is committed. Reading that was
        allowed does not wait for the disk: see `server.store.engine`. A refusal does."""
        if kept := list(entries):
            with writing(self._engine, durable=any(entry.outcome != "allowed" for entry in kept)) as db:
                append(db, kept, self._now_ms)

    def tell_of_looks(self, entries: Iterable[Entry]) -> None:
        """Write what is being read, except what an open page has just asked for by itself again."""
        lately, kept = self._visit.lately, list(entries)
        if lately is not None and self._visit.by_itself:
            kept = [entry for entry in kept if entry.outcome != "allowed" or lately.is_news(entry, self._now_ms)]
        self.tell(kept)
        if lately is not None:
            for entry in kept:
                lately.told(entry, self._now_ms)

    def tell_within(self, db: Connection, entry: Entry) -> None:
        """Write an entry as the last thing in the transaction that does what it tells of."""
        append(db, [entry], self._now_ms)

    def tell_of_failure(self, entry: Entry) -> None:
        """Write an entry while an error is on its way, which is not to be hidden by another."""
        try:
            self.tell([entry])
        except Exception:
            log.exception("what failed could not be written into the trail")
