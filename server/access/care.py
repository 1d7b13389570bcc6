"""The repository made for one signed-in person: all reads and writes go through it; access is decided here only."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Select, select

from server.access.sessions import Person
from server.problems import not_found
from server.store.engine import reading
from server.store.tables import care_relation, patient


@dataclass(frozen=True)
class Patient:
    """A patient in somebody's care."""

    id: int
    pseudonym: str
    name: str
    zone: ZoneInfo
    simulated: bool


class Care:
    """What one person may see and change at one moment: the patients with whom a care relation is in force."""

    def __init__(self, engine: Engine, person: Person, now_ms: int) -> None:
        self._engine = engine
        self._person = person
        self._now_ms = now_ms

    def _mine(self) -> Select[tuple[int, str, str, str, bool]]:
        """Query of the patients in this person's care. Everything else starts from it."""
        relation = care_relation.c
        in_force = (
            select(relation.patient_id)
            .where(
                relation.user_id == self._person.id,
                relation.start_ms <= self._now_ms,
                relation.end_ms.is_(None) | (relation.end_ms > self._now_ms),
            )
            .scalar_subquery()
        )
        columns = patient.c
        return select(columns.id, columns.pseudonym, columns.name, columns.zone, columns.simulated).where(
            columns.id.in_(in_force)
        )

    def patients(self) -> list[Patient]:
        """Everybody in this person's care, by name."""
        with reading(self._engine) as db:
            rows = db.execute(self._mine().order_by(patient.c.name, patient.c.id)).all()
        return [Patient(row.id, row.pseudonym, row.name, ZoneInfo(row.zone), row.simulated) for row in rows]

    def patient(self, patient_id: int) -> Patient:
        """One patient. Raises ProblemError 404 whether they do not exist or are in somebody else's care."""
        with reading(self._engine) as db:
            row = db.execute(self._mine().where(patient.c.id == patient_id)).one_or_none()
        if row is None:
            raise not_found("patient")
        return Patient(row.id, row.pseudonym, row.name, ZoneInfo(row.zone), row.simulated)
