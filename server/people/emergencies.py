"""Emergency access: a therapist helps a patient who is in a colleague's care. It ends by itself, and is never quiet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, insert, select, update

from server.store.tables import emergency_access, patient, user_account

LASTS_MS: Final = 4 * 3_600_000
"""How long it lasts: a session of treatment and its notes, not a way to work."""
SHOWN_MS: Final = 30 * 24 * 3_600_000
"""For how long after its end it is shown to administrators; the audit keeps it longer."""
SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 500


TOO_MANY: Final = (
    "Several patients were tried within the hour. An administrator of your practice can put a patient into your care "
    "at once."
)


class EmergencyError(ValueError):
    """It cannot be given so; the message says why."""


@dataclass(frozen=True)
class Emergency:
    """Somebody's emergency access to a patient, [start_ms, end_ms) UTC. `ended_by`: who ended it before its time."""

    id: int
    user_id: int
    user: str
    patient_id: int
    patient: str
    pseudonym: str
    reason: str
    start_ms: int
    end_ms: int
    ended_by: str | None


def read_reason(reason: str) -> str:
    """A reason as it is kept. Raises EmergencyError."""
    plain = " ".join(reason.split())
    if not SHORTEST_REASON <= len(plain) <= LONGEST_REASON:
        raise EmergencyError(f"say why, in {SHORTEST_REASON} to {LONGEST_REASON} characters")
    return plain


def find_patient(db: Connection, organisation_id: int, wanted: str) -> tuple[int, str]:
    """Number and pseudonym of the one patient with this pseudonym or whole name. Raises EmergencyError."""
    plain = " ".join(wanted.split()).casefold()
    rows = db.execute(select(patient.c.id, patient.c.pseudonym, patient.c.name).where(_at(organisation_id)))
    # Compared here: SQLite knows capitals of ASCII alone.
    found = [(row.id, row.pseudonym) for row in rows if plain in (row.pseudonym.casefold(), row.name.casefold())]
    if not found:
        raise EmergencyError("there is no patient of this name or number here; write it in full")
    if len(found) > 1:
        raise EmergencyError("there is more than one patient of this name; write the number, such as P-1a2b3c4d")
    return found[0]


def take_access(db: Connection, user_id: int, patient_id: int, reason: str, now_ms: int) -> int:
    """Give access from now on; returns until when (UTC ms). It replaces one that is in force. Raises EmergencyError."""
    plain = read_reason(reason)
    c = emergency_access.c
    in_force = (c.user_id == user_id) & (c.patient_id == patient_id) & (c.end_ms > now_ms)
    db.execute(update(emergency_access).where(in_force).values(end_ms=now_ms, ended_by=user_id))
    end_ms = now_ms + LASTS_MS
    db.execute(
        insert(emergency_access).values(
            user_id=user_id, patient_id=patient_id, reason=plain, start_ms=now_ms, end_ms=end_ms
        )
    )
    return end_ms


def end_access(db: Connection, access_id: int, *, ended_by: int, now_ms: int) -> None:
    """End it now, if it is in force."""
    c = emergency_access.c
    db.execute(
        update(emergency_access).where(c.id == access_id, c.end_ms > now_ms).values(end_ms=now_ms, ended_by=ended_by)
    )


def of_organisation(db: Connection, organisation_id: int, now_ms: int) -> list[Emergency]:
    """Those of the last 30 days, the newest first."""
    shown = emergency_access.c.end_ms > now_ms - SHOWN_MS
    return _rows(db, _query().where(_at(organisation_id), shown))


def of_person(db: Connection, user_id: int, now_ms: int) -> list[Emergency]:
    """Those of one person that are in force."""
    c = emergency_access.c
    return _rows(db, _query().where(c.user_id == user_id, c.end_ms > now_ms))


def _at(organisation_id: int) -> ColumnElement[bool]:
    return patient.c.organisation_id == organisation_id


def _query() -> Select[Any]:
    c = emergency_access.c
    ender = user_account.alias()
    return (
        select(
            c.id,
            c.user_id,
            user_account.c.name.label("user"),
            c.patient_id,
            patient.c.name.label("patient"),
            patient.c.pseudonym,
            c.reason,
            c.start_ms,
            c.end_ms,
            ender.c.name.label("ended_by"),
        )
        .join(user_account, user_account.c.id == c.user_id)
        .join(patient, patient.c.id == c.patient_id)
        .join(ender, ender.c.id == c.ended_by, isouter=True)
        .order_by(c.start_ms.desc(), c.id.desc())
    )


def _rows(db: Connection, query: Select[Any]) -> list[Emergency]:
    return [Emergency(*row) for row in db.execute(query)]
