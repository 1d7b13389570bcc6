"""Who may send what for whom: patients, gateways, and which clip a patient wears from when to when."""

from __future__ import annotations

import re
import secrets
from typing import Final

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway import messages
from server.plans.service import add_plan, newest_plan
from server.store import UnknownPatientError, writing
from server.store.tables import assignment, clip_status, gateway, patient
from server.summaries.calendar import zone_info

_ID: Final = re.compile(r"[0-9a-f]{16}")


class EnrolmentError(ValueError):
    """What was asked contradicts what is enrolled; the message says how."""


def enrol_patient(
    engine: Engine, *, name: str, zone: str, now_ms: int, pseudonym: str | None = None, simulated: bool = False
) -> int:
    """A new patient; returns the id. Without a pseudonym one is drawn. Raises UnknownZoneError, EnrolmentError."""
    zone_info(zone)
    name = _named(name, "patient")
    pseudonym = pseudonym or f"P-{secrets.token_hex(4)}"
    try:
        with writing(engine) as connection:
            done = connection.execute(
                insert(patient)
                .values(pseudonym=pseudonym, name=name, zone=zone, simulated=simulated, created_ms=now_ms)
                .returning(patient.c.id)
            )
            patient_id: int = done.scalar_one()
            return patient_id
    except IntegrityError as error:
        raise EnrolmentError(f"the pseudonym {pseudonym} is taken") from error


def enrol_gateway(engine: Engine, gateway_id: str, *, name: str, now_ms: int) -> None:
    """A new gateway. Raises EnrolmentError."""
    if not _ID.fullmatch(gateway_id):
        raise EnrolmentError("a gateway's id is 16 hexadecimal digits in lower case")
    name = _named(name, "gateway")
    try:
        with writing(engine) as connection:
            connection.execute(insert(gateway).values(id=gateway_id, name=name, created_ms=now_ms))
    except IntegrityError as error:
        raise EnrolmentError(f"the gateway {gateway_id} is enrolled already") from error


def _named(name: str, what: str) -> str:
    if not name.strip():
        raise EnrolmentError(f"a {what} needs a name")
    return name.strip()


def assign_clip(
    engine: Engine, clip: str, patient_id: int, *, start_ms: int, now_ms: int, gateway_id: str | None = None
) -> None:
    """From `start_ms` on the patient wears the clip, and whoever wore it before does not; only `gateway_id` may write
    for it (None: any enrolled gateway).

    A clip takes only a rising plan version: when it reports one that the patient's plan does not exceed, the plan is
    issued again under a version that does. Raises EnrolmentError, UnknownPatientError.
    """
    if not _ID.fullmatch(clip):
        raise EnrolmentError("a clip's id is 16 hexadecimal digits in lower case")
    with writing(engine) as connection:
        if connection.scalar(select(patient.c.id).where(patient.c.id == patient_id)) is None:
            raise UnknownPatientError(f"no patient {patient_id}")
        if gateway_id is not None and (
            connection.scalar(select(gateway.c.id).where(gateway.c.id == gateway_id)) is None
        ):
            raise EnrolmentError(f"the gateway {gateway_id} is not enrolled")
        later = connection.scalar(
            select(func.count())
            .select_from(assignment)
            .where(
                assignment.c.clip == clip,
                assignment.c.patient_id != patient_id,
                assignment.c.start_ms >= start_ms,
            )
        )
        if later:
            raise EnrolmentError("another patient wears the clip from then or later")
        connection.execute(
            update(assignment)
            .where(assignment.c.clip == clip, assignment.c.patient_id != patient_id, assignment.c.end_ms.is_(None))
            .values(end_ms=start_ms)
        )
        connection.execute(
            insert(assignment).values(clip=clip, gateway=gateway_id, patient_id=patient_id, start_ms=start_ms)
        )
        _issue_again(connection, clip, patient_id, now_ms)


def _issue_again(connection: Connection, clip: str, patient_id: int, now_ms: int) -> None:
    plan: messages.Plan | None = newest_plan(connection, patient_id)
    reported = connection.scalar(select(func.max(clip_status.c.plan_version)).where(clip_status.c.clip == clip))
    if plan is not None and reported is not None and reported > plan.version:
        add_plan(
            connection,
            patient_id,
            plan.model_dump(),
            author_id=None,
            reason="Issued again for another clip",
            now_ms=now_ms,
        )
