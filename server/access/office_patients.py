"""Patients' records and emergency access in an organisation."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from server.access.accounts import read_name
from server.access.acts import Duty
from server.access.attempts import Attempts
from server.access.duty_entrance import DutyEntrance
from server.access.grounds import caring_now
from server.ingest.enrolment import add_patient, draw_pseudonym
from server.people import emergencies
from server.people.emergencies import Emergency
from server.problems import not_found, too_many_attempts
from server.store.engine import reading
from server.store.tables import care_relation, emergency_access, patient, user_account


@dataclass(frozen=True)
class PatientRecord:
    """A patient's record without anything measured. `carers` are the names of those who care for them now."""

    id: int
    name: str
    pseudonym: str
    zone: str
    simulated: bool
    carers: tuple[str, ...]


class OfficePatients(DutyEntrance):
    """Who is treated here, without anything measured; and who has taken access in an emergency."""

    def records(self) -> list[PatientRecord]:
        """Every patient's record, by name. Raises ProblemError 403."""
        self._enter(Duty.SEE_PEOPLE)
        c = patient.c
        with reading(self._engine) as db:
            rows = db.execute(
                select(c.id, c.name, c.pseudonym, c.zone, c.simulated).where(
                    c.organisation_id == self._person.organisation_id
                )
            ).all()
            carers: dict[int, list[str]] = {}
            people = select(care_relation.c.patient_id, user_account.c.name).join(
                user_account, user_account.c.id == care_relation.c.user_id
            )
            for relation in db.execute(people.where(caring_now(self._now_ms)).order_by(user_account.c.name)):
                carers.setdefault(relation.patient_id, []).append(relation.name)
        return [
            PatientRecord(*row, tuple(carers.get(row.id, ())))
            for row in sorted(rows, key=lambda one: (one.name.casefold(), one.id))
        ]

    def add_patient(self, name: str, zone: str) -> int:
        """A new patient in nobody's care yet; returns the number. Raises AccountError, UnknownZoneError, ProblemError
        403."""
        with self._writing(Duty.ADD_PATIENT) as (db, note):
            note.patient = draw_pseudonym()
            return add_patient(
                db,
                name=read_name(name, "a patient"),
                zone=zone,
                now_ms=self._now_ms,
                pseudonym=note.patient,
                organisation_id=self._person.organisation_id,
            )

    def emergencies(self) -> list[Emergency]:
        """Emergency access of everybody here, of the last 30 days. Raises ProblemError 403."""
        self._enter(Duty.SEE_PEOPLE)
        with reading(self._engine) as db:
            return emergencies.of_organisation(db, self._person.organisation_id, self._now_ms)

    def own_emergencies(self) -> list[Emergency]:
        """One's own emergency access that is in force. Raises ProblemError 403."""
        self._enter(Duty.TAKE_EMERGENCY_ACCESS)
        with reading(self._engine) as db:
            return emergencies.of_person(db, self._person.id, self._now_ms)

    def take_emergency_access(self, wanted: str, reason: str, tries: Attempts) -> int:
        """Access to the patient with this pseudonym or whole name, for a few hours; returns the patient's number.
        Whoever tries one name after the other would learn who is treated here, so that `tries` are few. Raises
        EmergencyError, ProblemError 403, 429."""
        with self._writing(Duty.TAKE_EMERGENCY_ACCESS) as (db, note):
            reason = emergencies.read_reason(reason)
            if wait_ms := tries.begin(f"U-{self._person.id}", "", self._now_ms):
                raise too_many_attempts(wait_ms, emergencies.TOO_MANY)
            number, note.patient = emergencies.find_patient(db, self._person.organisation_id, wanted)
            emergencies.take_access(db, self._person.id, number, reason, self._now_ms)
            return number

    def end_own_emergency(self, access_id: int) -> None:
        """End one's own emergency access. Raises ProblemError 403, 404."""
        own = emergency_access.c.user_id == self._person.id
        self._end_emergency(Duty.TAKE_EMERGENCY_ACCESS, access_id, own)

    def end_emergency(self, access_id: int) -> None:
        """End anybody's of the organisation. Raises ProblemError 403, 404."""
        self._end_emergency(Duty.MANAGE_PEOPLE, access_id, patient.c.organisation_id == self._person.organisation_id)

    def _end_emergency(self, duty: Duty, access_id: int, reachable: ColumnElement[bool]) -> None:
        c = emergency_access.c
        with self._writing(duty, "emergency access ended") as (db, note):
            pseudonym = db.scalar(
                select(patient.c.pseudonym)
                .join(emergency_access, c.patient_id == patient.c.id)
                .where(c.id == access_id, reachable)
            )
            if pseudonym is None:
                raise not_found("emergency access")
            note.patient = pseudonym
            emergencies.end_access(db, access_id, ended_by=self._person.id, now_ms=self._now_ms)
