"""Who may send what for whom: patients, gateways, and which clip a patient wears from when to when."""

from __future__ import annotations

import re
import secrets
from typing import Final

from sqlalchemy import Connection, Engine, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from server.ingest.assigning import begin_wearing, hold_assignments
from server.ingest.handing_over import hand_over
from server.store import UnknownPatientError, writing
from server.store.tables import assignment, gateway, patient
from server.store.tables.people import FIRST_ORGANISATION
from server.summaries.calendar import zone_info

_ID: Final = re.compile(r"[0-9a-f]{16}")


class EnrolmentError(ValueError):
    """What was asked contradicts what is enrolled; the message says how."""


def enrol_patient(
    engine: Engine,
    *,
    name: str,
    zone: str,
    now_ms: int,
    pseudonym: str | None = None,
    simulated: bool = False,
    organisation_id: int = FIRST_ORGANISATION,
) -> int:
    """A new patient; returns the id. Without a pseudonym one is drawn. Raises UnknownZoneError, EnrolmentError."""
    pseudonym = pseudonym or draw_pseudonym()
    try:
        with writing(engine) as connection:
            return add_patient(
                connection,
                name=name,
                zone=zone,
                now_ms=now_ms,
                pseudonym=pseudonym,
                simulated=simulated,
                organisation_id=organisation_id,
            )
    except IntegrityError as error:
        raise EnrolmentError(f"the pseudonym {pseudonym} is taken") from error


def draw_pseudonym() -> str:
    """A pseudonym that says nothing about anybody."""
    return f"P-{secrets.token_hex(4)}"


def add_patient(
    connection: Connection,
    *,
    name: str,
    zone: str,
    now_ms: int,
    pseudonym: str,
    organisation_id: int,
    simulated: bool = False,
) -> int:
    """`enrol_patient` inside the caller's transaction. Raises UnknownZoneError, EnrolmentError, IntegrityError where
    the pseudonym is taken."""
    zone_info(zone)
    row = {
        "pseudonym": pseudonym,
        "name": _named(name, "patient"),
        "zone": zone,
        "simulated": simulated,
        "created_ms": now_ms,
        "organisation_id": organisation_id,
    }
    made: int = connection.execute(insert(patient).values(row).returning(patient.c.id)).scalar_one()
    return made


def enrol_gateway(engine: Engine, gateway_id: str, *, name: str, now_ms: int, mqtt_hash: str | None = None) -> None:
    """A new gateway; `mqtt_hash` is what a broker kept by this server checks its password against. Raises
    EnrolmentError."""
    if not _ID.fullmatch(gateway_id):
        raise EnrolmentError("a gateway's id is 16 hexadecimal digits in lower case")
    name = _named(name, "gateway")
    try:
        with writing(engine) as connection:
            connection.execute(insert(gateway).values(id=gateway_id, name=name, created_ms=now_ms, mqtt_hash=mqtt_hash))
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
    for it (None: any enrolled gateway). What it has told of since then becomes the patient's. See `begin_wearing`,
    `hand_over`.

    Raises EnrolmentError, UnknownPatientError.
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
        hold_assignments(connection)
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
        worn_by_others = (assignment.c.clip == clip, assignment.c.patient_id != patient_id)
        still_then = or_(assignment.c.end_ms.is_(None), assignment.c.end_ms > start_ms)
        connection.execute(update(assignment).where(*worn_by_others, still_then).values(end_ms=start_ms))
        begin_wearing(connection, clip, patient_id, start_ms=start_ms, gateway_id=gateway_id, now_ms=now_ms)
        hand_over(connection, clip, patient_id, start_ms, now_ms)
