"""Which local days must be summarised again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection

from server.store.tables import stale_day
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


def days_touched(zone: str, start_ms: int, end_ms: int) -> set[date]:
    """The local dates that [start_ms, end_ms), shorter than a day, reaches into."""
    return {local_date(zone, start_ms), local_date(zone, max(start_ms, end_ms - 1))}
