"""Which records must not be stored, nor kept for inspection: of a patient who was erased, or withdrew consent."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, RowMapping, select

from server.rights.consenting import Statement, refused
from server.store.tables import assignment, consent, erased_wearing, erasure_order

_CLIP: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
_AT_ONCE: Final = 500


class Withdrawn:
    """What must be refused of the clips that were ever assigned so. Read it after those assignments were locked, so
    that an erasure which came first is seen."""

    def __init__(
        self, connection: Connection, clips: Iterable[str], assignments: Sequence[RowMapping], now_ms: int
    ) -> None:
        self._now_ms = now_ms
        self._erased: dict[str, list[RowMapping]] = defaultdict(list)
        wanted = select(erased_wearing).where(erased_wearing.c.clip.in_(sorted(set(clips))))
        for row in connection.execute(wanted).mappings():
            self._erased[row["clip"]].append(row)
        self._worn: dict[str, list[RowMapping]] = defaultdict(list)
        for row in assignments:
            self._worn[row["clip"]].append(row)
        self._said = _said(connection, sorted({row["patient_id"] for row in assignments}))
        # Most clips were never worn by anybody who was erased or said no: of these nothing is refused.
        no = {patient for patient, said in self._said.items() if any(one.kind == "withdrawn" for one in said)}
        self._doubtful = {*self._erased, *(row["clip"] for row in assignments if row["patient_id"] in no)}

    def __call__(self, clip: str, utc_ms: int | None) -> bool:
        """Whether a record of this clip and time must be refused. Without a time: when it might be."""
        if clip not in self._doubtful:
            return False
        worn = [row for row in self._worn.get(clip, ()) if utc_ms is None or _within(row, utc_ms)]
        if any(refused(self._said.get(row["patient_id"], ()), utc_ms, self._now_ms) for row in worn):
            return True
        erased = self._erased.get(clip, ())
        if utc_ms is None:
            return bool(erased)
        # While nobody else wears the clip, or did, it may be with them.
        return any(not worn or (utc_ms < row["erased_ms"] and _within(row, utc_ms)) for row in erased)


def _within(row: RowMapping, utc_ms: int) -> bool:
    return bool(row["start_ms"] <= utc_ms and (row["end_ms"] is None or utc_ms < row["end_ms"]))


def _said(connection: Connection, patient_ids: Sequence[int]) -> dict[int, list[Statement]]:
    found: dict[int, list[Statement]] = defaultdict(list)
    c = consent.c
    if patient_ids:
        query = select(c.patient_id, c.at_ms, c.kind, c.how).where(c.patient_id.in_(patient_ids))
        for row in connection.execute(query):
            found[row.patient_id].append(Statement(row.at_ms, row.kind, row.how))
    return found


def clips_named(connection: Connection, payload: str) -> set[str]:
    """The clips that somebody wears, or wore, and that a payload names which could not be read."""
    named, c = sorted(set(_CLIP.findall(payload.lower()))), assignment.c
    return {
        clip
        for at in range(0, len(named), _AT_ONCE)
        for clip in connection.scalars(select(c.clip).where(c.clip.in_(named[at : at + _AT_ONCE])).distinct())
    }


class Unkept:
    """Which payloads of some gateways are not kept for inspection when they are refused. Read it after those gateways,
    and the assignments of the clips that are named, were locked, so that an erasure which came first is seen; one that
    comes later finds what was kept."""

    def __init__(self, connection: Connection, gateways: Iterable[str]) -> None:
        self._connection = connection
        c = erasure_order.c
        query = select(c.gateway).where(c.gateway.in_(sorted(set(gateways))), c.own).distinct()
        self._own = set(connection.scalars(query))

    def __call__(self, gateway_id: str, payload: str, *, read: bool) -> bool:
        """Whether it may be an erased patient's: the gateway was theirs alone; or, where it could not be `read`, it
        names a clip that they wore."""
        if gateway_id in self._own:
            return True
        named = [] if read else sorted(set(_CLIP.findall(payload.lower())))
        c = erased_wearing.c
        return any(
            self._connection.execute(select(c.id).where(c.clip.in_(named[at : at + _AT_ONCE])).limit(1)).first()
            for at in range(0, len(named), _AT_ONCE)
        )
