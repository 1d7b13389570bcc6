"""The door behind which all data lie: decides for one signed-in person, and has the trail remember it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from server.access.acts import ALLOWED, OPEN_TO, Act, Basis, Role
from server.access.doorway import Doorway
from server.access.grounds import Patient, grounds, pseudonym_of
from server.access.sessions import Person
from server.access.visit import Visit
from server.audit.trail import Entry
from server.problems import ProblemError, not_allowed, not_found, outside_scopes
from server.store.engine import reading


@dataclass(frozen=True)
class _Ruling:
    """Who it is about and no refusal, or a refusal; and what the trail is to be told."""

    someone: Patient | None
    refusal: ProblemError | None
    entry: Entry

    def admitted(self) -> Patient:
        """Whose data may be used. Raises ProblemError."""
        if self.someone is None or self.refusal is not None:
            raise self.refusal or not_found("patient")
        return self.someone

    def told(self, outcome: str) -> Entry:
        """What the trail is told, once it is known how it ended."""
        return replace(self.entry, outcome=outcome)


class Entrance(Doorway[Act]):
    """What one person may do with which patient's data at one moment. `scopes`, where given, only take acts away."""

    def __init__(
        self,
        engine: Engine,
        person: Person,
        now_ms: int,
        visit: Visit | None = None,
        scopes: frozenset[Act] | None = None,
    ) -> None:
        super().__init__(engine, person, now_ms, visit, scopes)
        self._entered: dict[int, Patient] = {}
        self._told: set[tuple[Act, int]] = set()

    def may(self, act: Act, patient_id: int) -> bool:
        """Whether `act` would be allowed. Shows nothing, so that the trail is not told: for links and buttons."""
        with reading(self._engine) as db:
            return self._rule(db, act, patient_id).refusal is None

    def demand(self, act: Act, patient_id: int) -> None:
        """Raise ProblemError 404 or 403 unless `act` is allowed; only a refusal is written down. For forms: who may not
        send one is told so, not what is amiss with it."""
        with reading(self._engine) as db:
            ruling = self._rule(db, act, patient_id)
        if ruling.refusal is not None:
            self._teller.tell([ruling.entry])
            raise ruling.refusal

    def enter(self, patient_id: int, *acts: Act) -> Patient:
        """`_enter` for several acts at once, written down together: for a page that shows several things, before it
        asks for them one by one. Raises as `_enter` does for the first that is refused."""
        rulings: list[_Ruling] = []
        with reading(self._engine) as db:
            for act in acts:
                if (act, patient_id) not in self._told:
                    rulings.append(self._rule(db, act, patient_id))
                    if rulings[-1].refusal is not None:
                        break
        self._teller.tell_of_looks(ruling.entry for ruling in rulings)
        for ruling in rulings:
            self._remember(Act(ruling.entry.act), [ruling.admitted()])
        return self._entered[patient_id]

    def _enter(self, act: Act, patient_id: int) -> Patient:
        """Decide whether `act`, which only reads, may be done, and have that written down before anything is shown.
        Asked again for the same act, the first answer stands.

        Raises ProblemError: 404 whether the patient does not exist or is nobody to this person, 403 where what the
        patient is to this person does not allow the act.
        """
        return self.enter(patient_id, act)

    def _enter_all(self, act: Act) -> list[Patient]:
        """Everybody with whose data this person may do `act`, by name; written down for each, once. Raises ProblemError
        403 for a role, or scopes, that can never do it."""
        bases = OPEN_TO[Role(self._person.role)]
        if not any(self._allows(act, basis) for basis in bases):
            self._teller.tell([self._teller.entry(act, "refused")])
            raise _refusal(act, bases)
        with reading(self._engine) as db:
            everybody = grounds(db, self._person, self._now_ms)
        allowed = [one for one in everybody if self._allows(act, one.basis)]
        self._teller.tell_of_looks(
            self._teller.entry(act, "allowed", patient=one.pseudonym, basis=one.basis)
            for one in allowed
            if (act, one.id) not in self._told
        )
        self._remember(act, allowed)
        return allowed

    @contextmanager
    def _writing(self, act: Act, patient_id: int, detail: str = "") -> Iterator[tuple[Connection, Patient]]:
        """One transaction that holds a change and the entry that it was done. `detail` is short and nobody's words.

        Raises as `_enter` does, and whatever the change raises.
        """
        with self._changing(lambda db: self._rule(db, act, patient_id, detail)) as (db, ruling):
            yield db, ruling.admitted()

    def _rule(self, db: Connection, act: Act, patient_id: int, detail: str = "") -> _Ruling:
        found = next(iter(grounds(db, self._person, self._now_ms, patient_id)), None)
        if found is None:
            pseudonym = pseudonym_of(db, patient_id) or ""
            entry = self._teller.entry(act, "refused", patient=pseudonym, detail=detail)
            return _Ruling(None, not_found("patient"), entry)
        allowed = self._allows(act, found.basis)
        outcome = "allowed" if allowed else "refused"
        entry = self._teller.entry(act, outcome, patient=found.pseudonym, basis=found.basis, detail=detail)
        return _Ruling(found, None if allowed else _refusal(act, (found.basis,)), entry)

    def _allows(self, act: Act, basis: Basis) -> bool:
        return act in ALLOWED[basis] and (self._scopes is None or act in self._scopes)

    def _remember(self, act: Act, everybody: list[Patient]) -> None:
        self._entered.update((one.id, one) for one in everybody)
        self._told.update((act, one.id) for one in everybody)


def _refusal(act: Act, bases: Iterable[Basis]) -> ProblemError:
    """Of what would be allowed on one of these bases, but for the scopes; or of what would not."""
    return outside_scopes() if any(act in ALLOWED[basis] for basis in bases) else not_allowed()
