"""Clips that a patient's computer tells of: nobody's becomes the patient's, somebody else's stays theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from server.ingest.assigning import begin_wearing, hold_assignments
from server.store.tables import assignment, enrolment, erased_wearing, gateway

BEFORE_MS: Final = 24 * 3_600_000
"""How long before the first word of a clip its records may have begun, where its computer does not say when it was
paired: the line may have been down meanwhile."""


def adopt(
    connection: Connection,
    gateway_id: str,
    clips: Iterable[str],
    now_ms: int,
    paired_ms: Mapping[str, int | None] = MappingProxyType({}),
) -> list[str]:
    """Assign those of the clips that nobody wears now, or that the patient wears with another computer, to the patient
    whose computer this is; returns them.

    Where the patient wears the clip already, this computer may tell of all that time: the clip's journal has one reader
    position, wherever it is read. Otherwise it is the patient's from when it was paired (`paired_ms`, by clip), however
    long the line was down since: what is on it from before that is of whoever had it then. Where the computer does not
    say, from `BEFORE_MS` ago. In no case from before the computer was connected, or somebody's time with the clip ended
    or they were erased. Does nothing for a gateway that is revoked or no patient's.
    """
    owner = connection.execute(
        select(enrolment.c.patient_id, gateway.c.created_ms)
        .join(gateway, gateway.c.id == enrolment.c.gateway)
        .where(gateway.c.id == gateway_id, gateway.c.revoked_ms.is_(None))
    ).one_or_none()
    wanted = sorted(set(clips))
    if owner is None or not wanted:
        return []
    if not _free(connection, wanted, owner.patient_id, gateway_id, now_ms):
        return []
    hold_assignments(connection)
    free = _free(connection, wanted, owner.patient_id, gateway_id, now_ms)
    for clip, rows in free.items():
        mine = [row.start_ms for row in rows if _in_force(row, now_ms)]
        ends = [row.end_ms for row in rows if row.end_ms is not None]
        erased = select(erased_wearing.c.erased_ms).where(erased_wearing.c.clip == clip)
        ends += connection.scalars(erased)
        told = paired_ms.get(clip)
        since = now_ms - BEFORE_MS if told is None or told > now_ms else told
        start_ms = min(mine) if mine else max(owner.created_ms, since, *ends)
        begin_wearing(connection, clip, owner.patient_id, start_ms=start_ms, gateway_id=gateway_id, now_ms=now_ms)
    return list(free)


def _in_force(row: Row[Any], now_ms: int) -> bool:
    return row.end_ms is None or row.end_ms > now_ms


def _free(
    connection: Connection, clips: Sequence[str], patient_id: int, gateway_id: str, now_ms: int
) -> dict[str, list[Row[Any]]]:
    """Those of the clips that are to be assigned, each with its assignments so far."""
    told: dict[str, list[Row[Any]]] = {clip: [] for clip in clips}
    for row in connection.execute(select(assignment).where(assignment.c.clip.in_(clips))):
        told[row.clip].append(row)
    return {
        clip: rows
        for clip, rows in told.items()
        if all(
            row.patient_id == patient_id and row.gateway not in (None, gateway_id)
            for row in rows
            if _in_force(row, now_ms)
        )
    }
