"""Which version of a plan a day is told by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, bindparam, select

from gateway import messages
from server.store.tables import plan


@dataclass(frozen=True)
class Prescribed:
    """A version of a plan, and when it was made and confirmed by the clip, UTC ms."""

    version: int
    body_json: str
    created_ms: int
    confirmed_ms: int | None

    def read(self) -> messages.Plan:
        """The plan."""
        return read_plan(self.body_json)


@lru_cache(maxsize=1024)
def read_plan(body_json: str) -> messages.Plan:
    """The plan in a stored `body_json`: read once, for a version never changes."""
    return messages.Plan.model_validate_json(body_json)


_VERSIONS: Final = (
    select(plan.c.patient_id, plan.c.version, plan.c.body_json, plan.c.created_ms, plan.c.confirmed_ms)
    .where(plan.c.patient_id.in_(bindparam("patients", expanding=True)))
    .order_by(plan.c.patient_id, plan.c.version.desc())
)


def prescribed(connection: Connection, patient_ids: Iterable[int]) -> dict[int, list[Prescribed]]:
    """The versions of these patients' plans, the newest first."""
    rows = connection.execute(_VERSIONS, {"patients": list(patient_ids)})
    found: dict[int, list[Prescribed]] = {}
    for patient_id, *version in rows:
        found.setdefault(patient_id, []).append(Prescribed(*version))
    return found


def plan_of_day(versions: Sequence[Prescribed], told: AbstractSet[int], end_ms: int) -> messages.Plan | None:
    """The plan in force on a day that ends at `end_ms`: the newest version that the day's epochs were judged with
    (`told`); for a day without any, the newest that was confirmed, or else made, before the day's end."""
    judged = (one for one in versions if one.version in told)
    confirmed = (one for one in versions if one.confirmed_ms is not None and one.confirmed_ms < end_ms)
    made = (one for one in versions if one.created_ms < end_ms)
    found = next(judged, None) or next(confirmed, None) or next(made, None)
    return None if found is None else found.read()
