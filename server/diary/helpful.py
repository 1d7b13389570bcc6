"""Whether reminders helped, as the patient says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, func, select

from server.store.tables import reminder, reminder_answer
from server.store.upsert import upsert


@dataclass(frozen=True)
class GivenReminder:
    """A reminder that was given at `utc_ms`, by the clip's own identity. `helpful` None: not answered."""

    clip: str
    boot: str
    start_ms: int
    utc_ms: int
    response: str
    helpful: bool | None


def given_between(db: Connection, patient_id: int, first_ms: int, end_ms: int) -> list[GivenReminder]:
    """The patient's reminders from `first_ms` to before `end_ms` (UTC), the newest first, each once."""
    told, said = reminder.c, reminder_answer.c
    same = and_(
        said.patient_id == told.patient_id,
        said.clip == told.clip,
        said.boot == told.boot,
        said.start_ms == told.start_ms,
    )
    rows = db.execute(
        select(told.clip, told.boot, told.start_ms, told.utc_ms, told.reason, told.response, said.helpful)
        .select_from(reminder.outerjoin(reminder_answer, same))
        .where(told.patient_id == patient_id, told.utc_ms >= first_ms, told.utc_ms < end_ms)
        .order_by(told.rev)
    )
    newest = {(row.clip, row.boot, row.start_ms): row for row in rows}  # told again, it is told better
    found = [
        GivenReminder(row.clip, row.boot, row.start_ms, row.utc_ms, row.response, row.helpful)
        for row in newest.values()
        if row.reason == "given"
    ]
    return sorted(found, key=lambda one: one.utc_ms, reverse=True)


def keep_answer(
    db: Connection, patient_id: int, clip: str, boot: str, start_ms: int, *, helpful: bool, now_ms: int
) -> bool:
    """Keep what the patient says of a reminder; a later word replaces the one before. False for a reminder that this
    patient was not given."""
    told = reminder.c
    mine = select(told.id).where(
        told.patient_id == patient_id, told.clip == clip, told.boot == boot, told.start_ms == start_ms
    )
    if db.scalar(mine.where(told.reason == "given").limit(1)) is None:
        return False
    statement = upsert(db, reminder_answer).values(
        patient_id=patient_id, clip=clip, boot=boot, start_ms=start_ms, helpful=helpful, at_ms=now_ms
    )
    db.execute(
        statement.on_conflict_do_update(
            index_elements=["patient_id", "clip", "boot", "start_ms"], set_={"helpful": helpful, "at_ms": now_ms}
        )
    )
    return True


def helpful_counts(
    db: Connection, patient_ids: Collection[int], first_ms: int, end_ms: int
) -> dict[int, tuple[int, int]]:
    """(answered, of those helpful) by patient, of answers given from `first_ms` to before `end_ms` (UTC)."""
    said = reminder_answer.c
    rows = db.execute(
        select(said.patient_id, func.count(), func.sum(case((said.helpful, 1), else_=0)))
        .where(said.patient_id.in_(patient_ids), said.at_ms >= first_ms, said.at_ms < end_ms)
        .group_by(said.patient_id)
    )
    return {patient_id: (answered, int(yes)) for patient_id, answered, yes in rows}
