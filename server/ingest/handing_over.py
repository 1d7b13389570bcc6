"""A clip turns out to have been with somebody else since some time ago: what it told of since then is theirs."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select, update

from server.ingest.epochs import EpochBook
from server.store.tables import clip_event, episode, reminder
from server.summaries.stale import mark_spans

_EVENTS: Final = (episode, reminder, clip_event)


def hand_over(connection: Connection, clip: str, patient_id: int, from_ms: int, now_ms: int) -> None:
    """Give the patient every stored record of the clip that begins at `from_ms` (UTC ms) or later, and have the days of
    both summarised again. Whose records without a time are cannot be known: they stay."""
    book = EpochBook(connection, now_ms)
    book.move(clip, patient_id, from_ms)
    book.flush()
    touched = set(book.touched)
    for table in _EVENTS:
        theirs = (table.c.clip == clip, table.c.utc_ms >= from_ms, table.c.patient_id != patient_id)
        for row in connection.execute(select(table.c.patient_id, table.c.utc_ms).where(*theirs)):
            touched |= {(row.patient_id, row.utc_ms, row.utc_ms), (patient_id, row.utc_ms, row.utc_ms)}
        connection.execute(update(table).where(*theirs).values(patient_id=patient_id))
    mark_spans(connection, touched)
