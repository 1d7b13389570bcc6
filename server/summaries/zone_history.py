"""In which zones patients have lived, from the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from server.store import UnknownPatientError
from server.store.tables import patient, patient_zone, user_account
from server.summaries.zones import Zones

EVER_MS: Final = 0
"""`start_ms` of the zone lived in before any change."""


@dataclass(frozen=True)
class ZonePeriod:
    """A zone that a patient lived in from `start_ms` on (EVER_MS: always before), and who said so when."""

    start_ms: int
    zone: str
    author: str | None
    created_ms: int | None


LIVED: Final = (
    select(patient.c.id, patient.c.zone, patient_zone.c.start_ms, patient_zone.c.zone.label("lived"))
    .join(patient_zone, patient_zone.c.patient_id == patient.c.id, isouter=True)
    .where(patient.c.id.in_(bindparam("patients", expanding=True)))
    .order_by(patient.c.id, patient_zone.c.start_ms)
)
"""Where `patients` lived, for `zones_in`."""


def zones_of(connection: Connection, patient_ids: Iterable[int]) -> dict[int, Zones]:
    """The zones of these patients; one that does not exist is missing."""
    return zones_in(connection.execute(LIVED, {"patients": list(patient_ids)}))


def zones_in(rows: Iterable[Row[Any]]) -> dict[int, Zones]:
    """The zones that the rows of LIVED tell of."""
    found: dict[int, Zones] = {}
    for row in rows:
        before = found.get(row.id)
        if before is None:
            found[row.id] = Zones(row.zone if row.lived is None else row.lived)
        else:
            found[row.id] = Zones(before.first, (*before.changes, (row.start_ms, row.lived)))
    return found


def zones_of_one(connection: Connection, patient_id: int) -> Zones:
    """The zones of a patient. Raises UnknownPatientError."""
    found = zones_of(connection, [patient_id]).get(patient_id)
    if found is None:
        raise UnknownPatientError(f"no patient {patient_id}")
    return found


def zone_periods(connection: Connection, patient_id: int) -> tuple[ZonePeriod, ...]:
    """Where a patient lived from when on, the latest first. Raises UnknownPatientError."""
    rows = connection.execute(
        select(patient_zone, user_account.c.name.label("author"))
        .join(user_account, user_account.c.id == patient_zone.c.author_id, isouter=True)
        .where(patient_zone.c.patient_id == patient_id)
        .order_by(patient_zone.c.start_ms.desc())
    ).all()
    if not rows:
        return (ZonePeriod(EVER_MS, zones_of_one(connection, patient_id).first, None, None),)
    return tuple(ZonePeriod(row.start_ms, row.zone, row.author, row.created_ms) for row in rows)
