"""Which local days must be summarised again."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from sqlalchemy import Connection, select

from server.store.tables import stale_day
from server.store.upsert import upsert
from server.summaries.zone_history import zones_of
from server.summaries.zones import Zones


def mark_stale(connection: Connection, days: Iterable[tuple[int, date]]) -> None:
    """Mark (patient id, local date) pairs, inside the caller's transaction."""
    # Sorted: two transactions take their row locks in the same order.
    rows = [{"patient_id": number, "date": day.isoformat(), "marks": 1} for number, day in sorted(set(days))]
    if rows:
        more = {"marks": stale_day.c.marks + 1}
        statement = upsert(connection, stale_day)
        connection.execute(statement.on_conflict_do_update(index_elements=["patient_id", "date"], set_=more), rows)


def mark_spans(connection: Connection, spans: Iterable[tuple[int, int, int]]) -> None:
    """Mark the local days that (patient id, start, end) reach into; UTC milliseconds, half open."""
    by_patient: dict[int, list[tuple[int, int]]] = {}
    for patient_id, start_ms, end_ms in spans:
        by_patient.setdefault(patient_id, []).append((start_ms, max(start_ms, end_ms - 1)))
    zones = zones_of(connection, by_patient)
    mark_stale(
        connection,
        {(patient_id, day) for patient_id, told in by_patient.items() for day in _days(zones[patient_id], told)},
    )


def stale_days(connection: Connection, patient_ids: Collection[int], first: date, last: date) -> dict[int, set[date]]:
    """The days of each patient, from `first` to `last`, both included, that are marked; who has none is missing."""
    rows = connection.execute(
        select(stale_day.c.patient_id, stale_day.c.date).where(
            stale_day.c.patient_id.in_(patient_ids), stale_day.c.date.between(first.isoformat(), last.isoformat())
        )
    )
    found: dict[int, set[date]] = {}
    for row in rows:
        found.setdefault(row.patient_id, set()).add(date.fromisoformat(row.date))
    return found


def _days(zones: Zones, spans: Iterable[tuple[int, int]]) -> set[date]:
    """The local days of spans, ends included."""
    found: set[date] = set()
    marked_to = None
    for first_ms, last_ms in sorted(spans):
        if marked_to is not None and last_ms < marked_to:
            continue
        day = zones.day_at(first_ms if marked_to is None else max(first_ms, marked_to))
        while True:
            found.add(day)
            marked_to = zones.bounds(day)[1]
            if last_ms < marked_to:
                break
            day += timedelta(days=1)
    return found
