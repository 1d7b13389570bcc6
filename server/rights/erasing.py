"""Erasing a patient: what is deleted, what is kept to refuse what comes late, and counting again afterwards."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, and_, insert, or_, select, update

from server.ingest.assigning import hold_assignments
from server.rights.holdings import remaining, remove, worn_by
from server.rights.tombstones import Erased, Tombstones, Worn
from server.store import UnknownPatientError, reading, writing
from server.store.tables import (
    assignment,
    clip_event,
    clip_status,
    enrolment,
    episode,
    erased_wearing,
    erasure,
    erasure_order,
    gateway,
    patient,
    reminder,
)

OWN_NAME: Final = "Computer of an erased patient"


@dataclass(frozen=True)
class Erasing:
    """An erasure that was begun: `gone` counts the rows that were deleted, by table. Its transaction must be committed
    and then `count_again` called."""

    id: int
    patient_id: int
    worn: tuple[Worn, ...]
    gone: Mapping[str, int]

    @property
    def rows(self) -> int:
        """How many rows were deleted."""
        return sum(self.gone.values())


def erase(
    db: Connection, patient_id: int, *, at_ms: int, actor: str, tombstones: Tombstones | None, told: Sequence[Worn] = ()
) -> Erasing:
    """Delete everything about a patient in the caller's transaction. `told` is what a tombstone knows besides of the
    clips that they wore.

    The tombstone is on the disk before this returns: should the caller's transaction fail after that, the server
    completes the erasure when it starts again. None where there is one already. Raises UnknownPatientError,
    TombstoneError.
    """
    # In the order of those who take records in: assignments, the patient, the computers. Whoever keeps what they refuse
    # holds the same rows, and so comes before all of this or after it.
    hold_assignments(db)
    worn_by(db, patient_id, lock=True)
    row = db.execute(select(patient).where(patient.c.id == patient_id).with_for_update()).mappings().one_or_none()
    if row is None:
        raise UnknownPatientError(f"no patient {patient_id}")
    worn = tuple(dict.fromkeys((*worn_by(db, patient_id, lock=True), *told)))
    own, others = _computers(db, patient_id, sorted({one.clip for one in worn}))
    held = select(gateway.c.id).where(gateway.c.id.in_(own)).order_by(gateway.c.id)
    db.execute(held.with_for_update(key_share=True)).all()
    erasure_id = note(db, row["pseudonym"], worn, at_ms=at_ms, actor=actor, organisation_id=row["organisation_id"])
    gone = remove(db, patient_id, worn)
    _order(db, erasure_id, worn, own, others)
    db.execute(update(gateway).where(gateway.c.id.in_(own)).values(name=OWN_NAME, status_json=None))
    if not worn:  # there is nothing on them to erase
        still = and_(gateway.c.id.in_(own), gateway.c.revoked_ms.is_(None))
        db.execute(update(gateway).where(still).values(revoked_ms=at_ms, online=False))
    db.execute(update(erasure).where(erasure.c.id == erasure_id).values(gone_json=json.dumps(gone)))
    if tombstones is not None:
        tombstones.add([Erased(pseudonym=row["pseudonym"], at_ms=at_ms, actor=actor, worn=worn)])
    return Erasing(erasure_id, patient_id, worn, gone)


def note(
    db: Connection, pseudonym: str, worn: Sequence[Worn], *, at_ms: int, actor: str, organisation_id: int | None
) -> int:
    """Keep what late records of an erased patient are known by; returns the erasure's id. Again it only adds what is
    new of `worn`."""
    erasure_id = db.scalar(select(erasure.c.id).where(erasure.c.pseudonym == pseudonym))
    if erasure_id is None:
        values = {"pseudonym": pseudonym, "organisation_id": organisation_id, "at_ms": at_ms, "actor": actor}
        erasure_id = db.execute(insert(erasure).values(**values, gone_json="{}").returning(erasure.c.id)).scalar_one()
    c = erased_wearing.c
    known = {
        (row.clip, row.start_ms, row.end_ms)
        for row in db.execute(select(c.clip, c.start_ms, c.end_ms).where(c.erasure_id == erasure_id))
    }
    new = [one for one in worn if (one.clip, one.start_ms, one.end_ms) not in known]
    if new:
        db.execute(
            insert(erased_wearing),
            [{"erasure_id": erasure_id, "erased_ms": at_ms, **one.model_dump()} for one in new],
        )
    return int(erasure_id)


def count_again(engine: Engine, done: Erasing, now_ms: int) -> Mapping[str, int]:
    """What is found of the patient after the erasure was committed: nothing, unless something went wrong. Kept with the
    erasure, so that its report says what was seen and not what was meant."""
    with reading(engine) as db:
        found = remaining(db, done.patient_id, done.worn)
    with writing(engine) as db:
        db.execute(
            update(erasure).where(erasure.c.id == done.id).values(left_json=json.dumps(found), counted_ms=now_ms)
        )
    return found


def _computers(db: Connection, patient_id: int, clips: Sequence[str]) -> tuple[list[str], list[str]]:
    """The computers that may hold data of the patient: those that are theirs alone, and others."""
    own = set(
        db.scalars(
            select(enrolment.c.gateway).where(enrolment.c.patient_id == patient_id, enrolment.c.gateway.is_not(None))
        )
    )
    told = select(assignment.c.gateway).where(assignment.c.patient_id == patient_id, assignment.c.gateway.is_not(None))
    heard = select(clip_status.c.gateway).where(clip_status.c.clip.in_(clips))
    sent = [
        select(table.c.gateway).where(table.c.patient_id == patient_id) for table in (episode, reminder, clip_event)
    ]
    named = {name for query in (told, heard, *sent) for name in db.scalars(query.distinct())}
    known = set(db.scalars(select(gateway.c.id).where(or_(gateway.c.id.in_(named), gateway.c.id.in_(own)))))
    return sorted(own & known), sorted((named - own) & known)


def _order(db: Connection, erasure_id: int, worn: Sequence[Worn], own: Sequence[str], others: Sequence[str]) -> None:
    """What each of these computers is to erase. Again it only adds what is new."""
    c = erasure_order.c
    known: set[tuple[str, str]] = {
        (row.gateway, row.clip) for row in db.execute(select(c.gateway, c.clip).where(c.erasure_id == erasure_id))
    }
    clips = sorted({one.clip for one in worn})
    new: list[dict[str, object]] = [
        {"erasure_id": erasure_id, "gateway": name, "clip": clip, "own": mine, "command": new_command()}
        for names, mine in ((own, True), (others, False))
        for name in names
        for clip in clips
        if (name, clip) not in known
    ]
    if new:
        db.execute(insert(erasure_order), new)


def new_command() -> str:
    """An id for a command, as `server.plans.commands` draws them."""
    return secrets.token_urlsafe(12)


def erasure_of(db: Connection, erasure_id: int) -> RowMapping | None:
    """The row of an erasure."""
    return db.execute(select(erasure).where(erasure.c.id == erasure_id)).mappings().one_or_none()
