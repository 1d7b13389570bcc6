"""What an erasure did, and what it waits for, as the store says now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select

from server.rights.outstanding import Outstanding, outstanding
from server.store.tables import erasure


@dataclass(frozen=True)
class Report:
    """An erasure. `gone` counts deleted rows by table; `left` those found when counted again at `counted_ms`, None
    where it was not counted again. Complete from `completed_ms` on; until then `outstanding` says what for."""

    id: int
    pseudonym: str
    at_ms: int
    actor: str
    gone: Mapping[str, int]
    left: Mapping[str, int] | None
    counted_ms: int | None
    completed_ms: int | None
    outstanding: tuple[Outstanding, ...]

    @property
    def rows(self) -> int:
        """How many rows were deleted."""
        return sum(self.gone.values())

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.left:
            return "rows left"
        if self.completed_ms is not None:
            return "complete"
        return "waiting for computers" if self.outstanding else "being counted"


def reports(db: Connection, organisation_id: int | None = None) -> list[Report]:
    """Every erasure, of one organisation where given, the newest first."""
    query = select(erasure).order_by(erasure.c.at_ms.desc(), erasure.c.id.desc())
    if organisation_id is not None:
        query = query.where(erasure.c.organisation_id == organisation_id)
    return [_report(db, row) for row in db.execute(query).mappings().all()]


def report(db: Connection, erasure_id: int, organisation_id: int) -> Report | None:
    """One erasure of an organisation."""
    query = select(erasure).where(erasure.c.id == erasure_id, erasure.c.organisation_id == organisation_id)
    row = db.execute(query).mappings().one_or_none()
    return None if row is None else _report(db, row)


def _report(db: Connection, row: RowMapping) -> Report:
    return Report(
        row["id"],
        row["pseudonym"],
        row["at_ms"],
        row["actor"],
        json.loads(row["gone_json"]),
        None if row["left_json"] is None else json.loads(row["left_json"]),
        row["counted_ms"],
        row["completed_ms"],
        tuple(outstanding(db, row["id"])),
    )
