"""The door to what concerns no single patient: decides by role, and has the trail remember it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from server.access.acts import DUTIES, Duty, Role
from server.access.doorway import Doorway
from server.access.sessions import Person
from server.access.visit import Visit
from server.audit.trail import Entry
from server.problems import ProblemError, not_allowed, outside_scopes


@dataclass
class Note:
    """What the trail is told of a change besides the duty: a pseudonym, and something short that is nobody's words."""

    patient: str = ""
    detail: str = ""


@dataclass(frozen=True)
class _Ruling:
    """Whether somebody has the duty, and what the trail is to be told; of a change as its note says in the end."""

    refusal: ProblemError | None
    entry: Entry
    note: Note

    def told(self, outcome: str) -> Entry:
        """What the trail is told, once it is known how it ended."""
        return replace(self.entry, outcome=outcome, patient=self.note.patient, detail=self.note.detail)


class DutyEntrance(Doorway[Duty]):
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
        super().__init__(engine, person, now_ms, visit, scopes)
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
        """One transaction that holds a change and the entry that it was done, as the note says. Raises ProblemError
        403, and whatever the change raises."""
        with self._changing(lambda _: self._rule(duty, detail)) as (db, ruling):
            yield db, ruling.note

    def _rule(self, duty: Duty, detail: str) -> _Ruling:
        refusal = None if self.may(duty) else self._refusal(duty)
        return _Ruling(refusal, self._teller.entry(duty, ""), Note(detail=detail))

    def _refusal(self, duty: Duty) -> ProblemError:
        return outside_scopes() if duty in DUTIES[Role(self._person.role)] else not_allowed()
