"""The door to what concerns no single patient: decides by role, and has the trail remember it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from server.access.acts import DUTIES, Duty, Role
from server.access.sessions import Person
from server.access.telling import Teller
from server.access.visit import Visit
from server.audit.trail import Entry
from server.problems import ProblemError, not_allowed, outside_scopes
from server.store.engine import writing


@dataclass
class Note:
    """What the trail is told of a change besides the duty: a pseudonym, and something short that is nobody's words."""

    patient: str = ""
    detail: str = ""


class DutyEntrance:
    """What one person may do in their organisation at one moment (UTC ms). `scopes`, where given, only take duties
    away."""

    def __init__(
        self,
        engine: Engine,
        person: Person,
        now_ms: int,
        visit: Visit | None = None,
        scopes: frozenset[Duty] | None = None,
    ) -> None:
        self._engine = engine
        self._person = person
        self._now_ms = now_ms
        self._scopes = scopes
        self._teller = Teller(engine, person, now_ms, visit or Visit())
        self._told: set[Duty] = set()

    def may(self, duty: Duty) -> bool:
        """Whether this person has this duty: for links and buttons."""
        return duty in DUTIES[Role(self._person.role)] and (self._scopes is None or duty in self._scopes)

    def _enter(self, duty: Duty) -> None:
        """Decide about a duty that only reads, and have it written down, once. Raises ProblemError 403."""
        if duty in self._told:
            return
        allowed = self.may(duty)
        self._teller.tell_of_looks([self._teller.entry(duty, "allowed" if allowed else "refused")])
        if not allowed:
            raise self._refusal(duty)
        self._told.add(duty)

    @contextmanager
    def _writing(self, duty: Duty, detail: str = "") -> Iterator[tuple[Connection, Note]]:
        """One transaction that holds a change and the entry that it was done; a refusal or a failure is written down
        by itself. Raises ProblemError 403, and whatever the change raises."""
        note = Note(detail=detail)
        if not self.may(duty):
            self._teller.tell([self._teller.entry(duty, "refused", detail=detail)])
            raise self._refusal(duty)
        try:
            with writing(self._engine) as db:
                yield db, note
                self._teller.tell_within(db, self._entry(duty, "done", note))
        except Exception:
            self._teller.tell_of_failure(self._entry(duty, "failed", note))
            raise

    def _refusal(self, duty: Duty) -> ProblemError:
        return outside_scopes() if duty in DUTIES[Role(self._person.role)] else not_allowed()

    def _entry(self, duty: Duty, outcome: str, note: Note) -> Entry:
        return self._teller.entry(duty, outcome, patient=note.patient, detail=note.detail)
