"""The repository made for one signed-in person: all reads and writes go through it; access is decided here only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Select, select

from server.access.clips import ClipState, clips_of
from server.access.computers import Computer, computers_of, open_code_until
from server.access.identities import Identity, identities_of
from server.access.sessions import Person
from server.enrolment.service import Offer, offer_code, revoke
from server.plans.service import create_plan, plan_state
from server.plans.types import PlanState, PlanVersion
from server.problems import not_found
from server.store.engine import reading
from server.store.tables import care_relation, patient
from server.summaries.calendar import local_date, local_day
from server.summaries.service import day_view
from server.summaries.types import DayView


@dataclass(frozen=True)
class Patient:
    """A patient in somebody's care."""

    id: int
    pseudonym: str
    name: str
    zone: ZoneInfo
    simulated: bool


@dataclass(frozen=True)
class Overview:
    """A patient's present local day in short. `clips` are those worn now, the most lately seen first."""

    patient: Patient
    day: DayView
    plan: PlanState
    clips: list[ClipState]


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

    def today(self, someone: Patient) -> date:
        """The patient's present local date."""
        return local_date(someone.zone.key, self._now_ms)

    def day(self, patient_id: int, day: date) -> DayView:
        """A local day of a patient. Raises ProblemError 404 as `patient` does."""
        self.patient(patient_id)
        return day_view(self._engine, patient_id, day, self._now_ms)

    def overview(self) -> list[Overview]:
        """Everybody in this person's care on their present local day, by name."""
        mine = self.patients()
        clips = self._clips([someone.id for someone in mine])
        return [
            Overview(
                someone,
                day_view(self._engine, someone.id, self.today(someone), self._now_ms),
                plan_state(self._engine, someone.id),
                clips.get(someone.id, []),
            )
            for someone in mine
        ]

    def clips(self, patient_id: int) -> list[ClipState]:
        """The clips that a patient wears now, the most lately seen first. Raises ProblemError 404 as `patient` does."""
        self.patient(patient_id)
        return self._clips([patient_id]).get(patient_id, [])

    def all_clips(self) -> dict[int, list[ClipState]]:
        """The clips that this person's patients wear now, by patient."""
        return self._clips([someone.id for someone in self.patients()])

    def _clips(self, patient_ids: list[int]) -> dict[int, list[ClipState]]:
        with reading(self._engine) as db:
            return clips_of(db, patient_ids, self._now_ms)

    def plan(self, patient_id: int) -> PlanState:
        """A patient's plan and its versions. Raises ProblemError 404 as `patient` does."""
        self.patient(patient_id)
        return plan_state(self._engine, patient_id)

    def change_plan(self, patient_id: int, fields: Mapping[str, object], reason: str) -> PlanVersion:
        """A new version of a patient's plan, pending. Raises InvalidPlanError, and ProblemError 404 as `patient`."""
        self.patient(patient_id)
        return create_plan(
            self._engine, patient_id, fields, author_id=self._person.id, reason=reason, now_ms=self._now_ms
        )

    def computers(self, patient_id: int) -> list[Computer]:
        """A patient's computers, those in use first. Raises ProblemError 404 as `patient` does."""
        self.patient(patient_id)
        with reading(self._engine) as db:
            return computers_of(db, patient_id, self._now_ms)

    def open_code_until(self, patient_id: int) -> int | None:
        """Until when a code for a computer can still be used, UTC ms. Raises ProblemError 404 as `patient` does."""
        self.patient(patient_id)
        with reading(self._engine) as db:
            return open_code_until(db, patient_id, self._now_ms)

    def offer_code(self, patient_id: int) -> Offer:
        """A one-time code that connects a computer; an older one is void. Raises ProblemError 404 as `patient`."""
        self.patient(patient_id)
        return offer_code(self._engine, patient_id, author_id=self._person.id, now_ms=self._now_ms)

    def disconnect(self, patient_id: int, gateway_id: str) -> None:
        """End what a computer of the patient may do. Raises ProblemError 404 for any other, and as `patient`."""
        self.patient(patient_id)
        if not revoke(self._engine, patient_id, gateway_id, author_id=self._person.id, now_ms=self._now_ms):
            raise not_found("computer")

    def identities(self, patient_id: int, day: date) -> list[Identity]:
        """Identity and revision of every record of a local day. Raises ProblemError 404 as `patient` does."""
        someone = self.patient(patient_id)
        start_ms, end_ms = local_day(someone.zone.key, day)
        with reading(self._engine) as db:
            return identities_of(db, patient_id, start_ms, end_ms)
