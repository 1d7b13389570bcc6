"""What every door has: somebody at a moment, and one transaction for a change and for what the trail is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from server.access.acts import Act, Duty
from server.access.sessions import Person
from server.access.telling import Teller
from server.access.visit import Visit
from server.audit.trail import Entry
from server.problems import ProblemError
from server.store.engine import writing


class Ruling(Protocol):
    """What was decided: a refusal, or none."""

    @property
    def refusal(self) -> ProblemError | None:
        """Why not."""

    def told(self, outcome: str) -> Entry:
        """What the trail is told, once it is known how it ended."""


Kind = TypeVar("Kind", Act, Duty)
Ruled = TypeVar("Ruled", bound=Ruling)


class Doorway(Generic[Kind]):
    """One person at one moment (UTC ms). `scopes`, where given, only take away what may be done."""

    def __init__(
        self,
        engine: Engine,
        person: Person,
        now_ms: int,
        visit: Visit | None = None,
        scopes: frozenset[Kind] | None = None,
    ) -> None:
        self._engine = engine
        self._person = person
        self._now_ms = now_ms
        self._scopes: frozenset[Kind] | None = scopes
        self._teller = Teller(engine, person, now_ms, visit or Visit())

    @contextmanager
    def _changing(self, decide: Callable[[Connection], Ruled]) -> Iterator[tuple[Connection, Ruled]]:
        """One transaction that holds a change and the entry that it was done, so that neither is without the other; a
        refusal or a failure is written down by itself. Raises the refusal, and whatever the change raises."""
        ruling: Ruled | None = None
        try:
            with writing(self._engine) as db:
                ruling = decide(db)
                _require(ruling)
                yield db, ruling
                self._teller.tell_within(db, ruling.told("done"))
        except Exception:
            if ruling is not None:
                self._teller.tell_of_failure(ruling.told("failed" if ruling.refusal is None else "refused"))
            raise


def _require(ruling: Ruling) -> None:
    if ruling.refusal is not None:
        raise ruling.refusal
