"""Everything that is held about one patient, found by the tables' own references: what is exported, erased, counted.

A row is a patient's when deleting the patient would take it along (ON DELETE CASCADE, over any number of steps), so
that a table made later is covered without being named here. Some tables know a clip only; what the patient wore when
says which of their rows are the patient's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    ForeignKeyConstraint,
    RowMapping,
    Table,
    and_,
    delete,
    false,
    func,
    or_,
    select,
    tuple_,
    union,
)

from server.rights.tombstones import Worn
from server.store.tables import assignment, enrolment, erasure_order, metadata, patient, quarantine

TIME_OF: Final = {"alarm": "last_ms", "boot_span": "low_ms", "clip_status": "seen_ms", "unreadable": "received_ms"}
"""The tables that know a clip and no patient, and what says when a row of theirs was (UTC ms)."""


def scopes(patient_id: int) -> dict[Table, ColumnElement[bool]]:
    """Which rows of which tables are this patient's, the referring tables after those they refer to."""
    found: dict[Table, ColumnElement[bool]] = {patient: patient.c.id == patient_id}
    for table in metadata.sorted_tables:
        ways = [
            _refers(constraint, found[constraint.referred_table], patient_id)
            for constraint in table.foreign_key_constraints
            if constraint.ondelete == "CASCADE"
            and constraint.referred_table in found
            and constraint.referred_table is not table
        ]
        if ways:
            found[table] = or_(*ways)
    return found


def _refers(constraint: ForeignKeyConstraint, where: ColumnElement[bool], patient_id: int) -> ColumnElement[bool]:
    own = [element.parent for element in constraint.elements]
    if constraint.referred_table is patient:  # so that it also finds rows whose patient is gone
        return own[0] == patient_id
    referred = select(*(element.column for element in constraint.elements)).where(where)
    return tuple_(*own).in_(referred) if len(own) > 1 else own[0].in_(referred)


def worn_by(db: Connection, patient_id: int, *, lock: bool) -> list[Worn]:
    """Which clips the patient wore when. With `lock` nobody takes their records in until the end of the transaction."""
    query = (
        select(assignment.c.clip, assignment.c.start_ms, assignment.c.end_ms)
        .where(assignment.c.patient_id == patient_id)
        .order_by(assignment.c.id)
    )
    rows = db.execute(query.with_for_update() if lock else query)
    return [Worn(clip=row.clip, start_ms=row.start_ms, end_ms=row.end_ms) for row in rows]


def told_by_clips(db: Connection, patient_id: int) -> dict[Table, ColumnElement[bool]]:
    """Which rows of the tables of `TIME_OF` are this patient's."""
    found = _by_clip(db, patient_id, worn_by(db, patient_id, lock=False))
    return {table: where for table, where in found.items() if table is not quarantine}


def remove(db: Connection, patient_id: int, worn: Sequence[Worn]) -> dict[str, int]:
    """Delete all of it, and say how many rows of which table that were."""
    gone: dict[str, int] = {}
    for table, where in _by_clip(db, patient_id, worn).items():
        gone[table.name] = db.execute(delete(table).where(where)).rowcount
    for table, where in reversed(scopes(patient_id).items()):
        gone[table.name] = db.execute(delete(table).where(where)).rowcount
    return {name: count for name, count in sorted(gone.items()) if count}


def remaining(db: Connection, patient_id: int, worn: Sequence[Worn]) -> dict[str, int]:
    """How many rows of which table are (still) there."""
    found = {**_by_clip(db, patient_id, worn), **scopes(patient_id)}
    counts = {
        table.name: db.scalar(select(func.count()).select_from(table).where(where)) or 0
        for table, where in found.items()
    }
    return {name: count for name, count in sorted(counts.items()) if count}


def _by_clip(db: Connection, patient_id: int, worn: Sequence[Worn]) -> dict[Table, ColumnElement[bool]]:
    """Rows that name a clip: all, where nobody else has ever worn it, else those of the patient's time."""
    clips = sorted({one.clip for one in worn})
    theirs = set(
        db.scalars(select(assignment.c.clip).where(assignment.c.clip.in_(clips), assignment.c.patient_id != patient_id))
    )
    alone = [clip for clip in clips if clip not in theirs]
    times = [one for one in worn if one.clip in theirs]
    found: dict[Table, ColumnElement[bool]] = {quarantine: quarantine.c.id.in_(_refused(db, patient_id, clips))}
    for name, time in TIME_OF.items():
        table = metadata.tables[name]
        found[table] = or_(table.c.clip.in_(alone), _during(table.c.clip, table.c[time], times))
    return found


def _during(clip: ColumnElement[Any], at_ms: ColumnElement[Any], worn: Sequence[Worn]) -> ColumnElement[bool]:
    return or_(
        false(),
        *(
            and_(clip == one.clip, at_ms >= one.start_ms, *([] if one.end_ms is None else [at_ms < one.end_ms]))
            for one in worn
        ),
    )


def _refused(db: Connection, patient_id: int, clips: Sequence[str]) -> list[int]:
    """What was refused and is kept for inspection: all from computers that are the patient's alone, and what speaks of
    the patient's clips, unless somebody else is known to have worn the clip then."""
    c, order = quarantine.c, erasure_order.c
    own = union(
        select(enrolment.c.gateway).where(enrolment.c.patient_id == patient_id, enrolment.c.gateway.is_not(None)),
        select(order.gateway).where(order.own, order.clip.in_(clips)),
    )
    found = list(db.scalars(select(c.id).where(c.gateway.in_(own))))
    worn = assignment.c
    others = db.execute(select(assignment).where(worn.clip.in_(clips), worn.patient_id != patient_id)).mappings().all()
    for clip in clips:
        query = select(c.id, c.payload).where(func.lower(c.payload).contains(clip, autoescape=True))
        theirs = [row for row in others if row["clip"] == clip]
        found += [row.id for row in db.execute(query) if not _is_anothers(row.payload, clip, theirs)]
    return found


def _is_anothers(payload: str, clip: str, others: Sequence[RowMapping]) -> bool:
    """Whether it is surely somebody else's: of another clip, or of a time in which they wore this one."""
    try:
        record = json.loads(payload)
    except ValueError:
        return False
    if not isinstance(record, dict):
        return False
    if record.get("clip", clip) != clip:
        return True
    utc_ms = record.get("utc_ms")
    return isinstance(utc_ms, int) and any(
        row["start_ms"] <= utc_ms and (row["end_ms"] is None or utc_ms < row["end_ms"]) for row in others
    )
