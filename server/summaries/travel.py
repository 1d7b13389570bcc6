"""A patient moves to another zone."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from server.store.tables import patient, patient_zone
from server.store.upsert import upsert
from server.summaries.calendar import zone_info
from server.summaries.painting import MINUTE_MS
from server.summaries.stale import mark_stale
from server.summaries.zone_history import EVER_MS, zones_of_one
from server.summaries.zones import Zones

MAX_DAYS_BACK: Final = 400
"""How long ago a change may lie: so many days are made again."""


class ZoneChangeError(ValueError):
    """The change cannot be made; the message says why and what to do."""


def set_zone(
    connection: Connection, patient_id: int, zone: str, *, start_ms: int, author_id: int | None, now_ms: int
) -> None:
    """From `start_ms` on, to the minute, until the next change that is known, the patient lives in `zone`. The days
    since then are made again, those before stay as they are. Plans keep their zone: they are prescriptions, and what
    the clip has.

    Raises UnknownZoneError, ZoneChangeError, UnknownPatientError.
    """
    zone_info(zone)
    start_ms -= start_ms % MINUTE_MS
    if start_ms > now_ms:
        raise ZoneChangeError("A change of zone can be entered once it has happened. Enter it on the day, or later.")
    _within_reach(start_ms, now_ms)
    before = _locked(connection, patient_id)
    if before.at(start_ms) == zone:
        raise ZoneChangeError(f"The patient was in {zone} then already.")
    if not before.changes:
        statement = upsert(connection, patient_zone).values(
            patient_id=patient_id, start_ms=EVER_MS, zone=before.first, author_id=None, created_ms=now_ms
        )
        connection.execute(statement.on_conflict_do_nothing())
    same = and_(patient_zone.c.patient_id == patient_id, patient_zone.c.start_ms == start_ms)
    connection.execute(delete(patient_zone).where(same))
    if before.at(start_ms - 1) != zone:
        connection.execute(
            insert(patient_zone).values(
                patient_id=patient_id, start_ms=start_ms, zone=zone, author_id=author_id, created_ms=now_ms
            )
        )
    _follow(connection, patient_id, before, start_ms, now_ms)


def take_back_zone(connection: Connection, patient_id: int, start_ms: int, *, now_ms: int) -> None:
    """The change at `start_ms` did not happen: the zone before it goes on. Raises ZoneChangeError, also when there is
    none."""
    before = _locked(connection, patient_id)
    if start_ms not in {start for start, _ in before.changes}:
        raise ZoneChangeError("No change of zone is known at that time. Look at the list again.")
    _within_reach(start_ms, now_ms)
    connection.execute(
        delete(patient_zone).where(patient_zone.c.patient_id == patient_id, patient_zone.c.start_ms == start_ms)
    )
    _follow(connection, patient_id, before, start_ms, now_ms)


def _within_reach(start_ms: int, now_ms: int) -> None:
    if start_ms <= max(EVER_MS, now_ms - MAX_DAYS_BACK * 86_400_000):
        raise ZoneChangeError(f"A change of zone can be entered for the last {MAX_DAYS_BACK} days.")


def _locked(connection: Connection, patient_id: int) -> Zones:
    connection.execute(select(patient.c.id).where(patient.c.id == patient_id).with_for_update())
    return zones_of_one(connection, patient_id)


def _follow(connection: Connection, patient_id: int, before: Zones, start_ms: int, now_ms: int) -> None:
    """Bring the patient's present zone up to date, and mark the days that have other bounds now."""
    last = select(func.max(patient_zone.c.start_ms)).where(patient_zone.c.patient_id == patient_id).scalar_subquery()
    newest = connection.scalar(
        select(patient_zone.c.zone).where(patient_zone.c.patient_id == patient_id, patient_zone.c.start_ms == last)
    )
    connection.execute(update(patient).where(patient.c.id == patient_id).values(zone=newest))
    after = zones_of_one(connection, patient_id)
    first = min(zones.day_at(start_ms) for zones in (before, after))
    last_day = max(zones.day_at(now_ms) for zones in (before, after))
    days = [first + timedelta(days=number) for number in range((last_day - first).days + 1)]
    mark_stale(connection, [(patient_id, day) for day in days])
