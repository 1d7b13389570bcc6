"""On what ground a person comes to which patients: the queries behind every decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, select, true

from server.access.acts import OPEN_TO, Basis, Role
from server.access.sessions import Person
from server.store.tables import care_relation, emergency_access, patient


@dataclass(frozen=True)
class Patient:
    """A patient whom somebody may see in some way."""

    id: int
    pseudonym: str
    name: str
    zone: ZoneInfo
    simulated: bool
    organisation_id: int
    basis: Basis


def pseudonym_of(db: Connection, patient_id: int) -> str | None:
    """The pseudonym of a patient, whoever asks; None when there is no such patient."""
    pseudonym: str | None = db.scalar(select(patient.c.pseudonym).where(patient.c.id == patient_id))
    return pseudonym


def grounds(db: Connection, person: Person, now_ms: int, patient_id: int | None = None) -> list[Patient]:
    """The patients to whom this person has any basis at this moment (UTC ms), each with the strongest; by name.

    Only people and patients of one organisation ever meet, whatever a relation says.
    """
    found: dict[int, Patient] = {}
    for basis in OPEN_TO[Role(person.role)]:
        query = _query(person, now_ms, basis)
        if patient_id is not None:
            query = query.where(patient.c.id == patient_id)
        for row in db.execute(query):
            someone = Patient(
                row.id, row.pseudonym, row.name, ZoneInfo(row.zone), row.simulated, row.organisation_id, basis
            )
            found.setdefault(row.id, someone)
    return sorted(found.values(), key=lambda one: (one.name, one.id))


def _query(person: Person, now_ms: int, basis: Basis) -> Select[Any]:
    c = patient.c
    return select(c.id, c.pseudonym, c.name, c.zone, c.simulated, c.organisation_id).where(
        c.organisation_id == person.organisation_id, _holds(person, now_ms, basis)
    )


def _holds(person: Person, now_ms: int, basis: Basis) -> ColumnElement[bool]:
    match basis:
        case Basis.CARE:
            relation = care_relation.c
            in_care = select(relation.patient_id).where(relation.user_id == person.id, caring_now(now_ms))
            return patient.c.id.in_(in_care)
        case Basis.EMERGENCY:
            access = emergency_access.c
            taken = select(access.patient_id).where(
                access.user_id == person.id, access.start_ms <= now_ms, access.end_ms > now_ms
            )
            return patient.c.id.in_(taken)
        case Basis.SELF:
            return patient.c.id == person.patient_id
        case Basis.ADMINISTRATION:
            return true()


def caring_now(now_ms: int) -> ColumnElement[bool]:
    """Which rows of `care_relation` are in force."""
    relation = care_relation.c
    return (relation.start_ms <= now_ms) & (relation.end_ms.is_(None) | (relation.end_ms > now_ms))
