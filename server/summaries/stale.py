"""Which local days must be summarised again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, select

from server.store.tables import patient, stale_day
from server.store.upsert import upsert
from server.summaries.calendar import local_date


def mark_stale(connection: Connection, days: Iterable[tuple[int, date]]) -> None:
    """Mark (patient id, local date) pairs, inside the caller's transaction."""
    for patient_id, day in sorted(set(days)):  # sorted: two transactions take their row locks in the same order
        statement = upsert(connection, stale_day).values(patient_id=patient_id, date=day.isoformat(), marks=1)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["patient_id", "date"], set_={"marks": stale_day.c.marks + 1}
            )
        )


def mark_spans(connection: Connection, spans: Iterable[tuple[int, int, int]]) -> None:
    """Mark the local days that (patient id, start, end) reach into; UTC milliseconds, half open, shorter than a day."""
    wanted = set(spans)
    zones = {
        row.id: row.zone
        for row in connection.execute(
            select(patient.c.id, patient.c.zone).where(patient.c.id.in_({span[0] for span in wanted}))
        )
    }
    mark_stale(
        connection,
        {
            (patient_id, local_date(zones[patient_id], instant))
            for patient_id, start_ms, end_ms in wanted
            for instant in (start_ms, max(start_ms, end_ms - 1))
        },
    )
