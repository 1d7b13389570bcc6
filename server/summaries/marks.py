"""Days that somebody says are not representative (ill, on leave, a clip lent): kept as history, taken back by a newer
word. A marked day keeps its figures; weeks and trends leave it out and say so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, insert, select

from server.store import UnknownPatientError
from server.store.tables import day_mark, patient, user_account
from server.summaries.zone_history import zones_of_one

MAX_REASON: Final = 200
MIN_REASON: Final = 3


class MarkError(ValueError):
    """The day cannot be marked so; the message says why and what to do."""


@dataclass(frozen=True)
class DayMark:
    """What `author` (None: an account that is gone) said of a day at `created_ms`, UTC."""

    date: date
    representative: bool
    reason: str
    author: str | None
    created_ms: int


def mark_day(
    connection: Connection,
    patient_id: int,
    day: date,
    *,
    representative: bool,
    reason: str,
    author_id: int | None,
    now_ms: int,
) -> None:
    """Say that a local day is not representative, and why, or that it is after all (a reason is not needed then).

    Raises MarkError, UnknownPatientError.
    """
    reason = " ".join(reason.split())
    if len(reason) > MAX_REASON:
        raise MarkError(f"A reason has at most {MAX_REASON} characters; this one has {len(reason)}.")
    if not representative and len(reason) < MIN_REASON:
        raise MarkError(f"Say why the day is not representative, in {MIN_REASON} characters or more.")
    # Locked, so that of two marks made at once the newest is the one that counts.
    if connection.scalar(select(patient.c.id).where(patient.c.id == patient_id).with_for_update()) is None:
        raise UnknownPatientError(f"no patient {patient_id}")
    if day > zones_of_one(connection, patient_id).day_at(now_ms):
        raise MarkError("The day has not come yet. Mark it when it has.")
    before = marks_between(connection, patient_id, day, day).get(day)
    if representative and before is None:
        raise MarkError("The day counts already.")
    connection.execute(
        insert(day_mark).values(
            patient_id=patient_id,
            date=day.isoformat(),
            representative=representative,
            reason=reason,
            author_id=author_id,
            created_ms=now_ms,
        )
    )


def marks_between(connection: Connection, patient_id: int, first: date, last: date) -> dict[date, DayMark]:
    """The marks in force on the days `first` to `last`, both included: of days that are not representative."""
    return marks_of(connection, [patient_id], first, last).get(patient_id, {})


def marks_of(
    connection: Connection, patient_ids: Collection[int], first: date, last: date
) -> dict[int, dict[date, DayMark]]:
    """`marks_between` of many patients; who has none is missing."""
    newest = {(patient_id, mark.date): mark for patient_id, mark in _marks(connection, patient_ids, first, last)}
    found: dict[int, dict[date, DayMark]] = {}
    for (patient_id, day), mark in newest.items():
        if not mark.representative:
            found.setdefault(patient_id, {})[day] = mark
    return found


def mark_history(connection: Connection, patient_id: int, day: date) -> tuple[DayMark, ...]:
    """All that was said of a day, the newest first."""
    return tuple(mark for _, mark in reversed(_marks(connection, [patient_id], day, day)))


def _marks(connection: Connection, patient_ids: Collection[int], first: date, last: date) -> list[tuple[int, DayMark]]:
    """Of each patient, in the order in which they were made."""
    rows = connection.execute(
        select(day_mark, user_account.c.name.label("author"))
        .join(user_account, user_account.c.id == day_mark.c.author_id, isouter=True)
        .where(day_mark.c.patient_id.in_(patient_ids))
        .where(day_mark.c.date.between(first.isoformat(), last.isoformat()))
        .order_by(day_mark.c.id)
    )
    return [
        (
            row.patient_id,
            DayMark(date.fromisoformat(row.date), row.representative, row.reason, row.author, row.created_ms),
        )
        for row in rows
    ]
