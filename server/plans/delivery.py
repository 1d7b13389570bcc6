"""Which version was sent for which clip, and what a clip's report means.

A clip takes only a rising version and reports nothing but its number. So a number says that the clip has this patient's
plan only when that version was sent for this clip: a clip that comes from somebody else may have a version of theirs
with the same number, or with a higher one, under which it would never take the patient's. Then the plan is issued again
under a number above.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select

from server.plans.limits import MAX_VERSION
from server.plans.service import add_plan, confirm, newest_plan
from server.store.tables import plan_delivery
from server.store.upsert import upsert

REISSUED: Final = "Issued again: the clip had another plan under this number"


def note_delivery(connection: Connection, sent: Iterable[tuple[str, int, int]], now_ms: int) -> None:
    """(clip, patient id, version) are about to be sent. Written before they are: what a clip has was never unknown."""
    for clip, patient_id, version in sorted(set(sent)):
        statement = upsert(connection, plan_delivery).values(
            clip=clip, patient_id=patient_id, version=version, first_ms=now_ms, last_ms=now_ms, times=1
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["clip", "patient_id", "version"],
                set_={"last_ms": now_ms, "times": plan_delivery.c.times + 1},
            )
        )


def was_sent(connection: Connection, clip: str, patient_id: int, version: int) -> bool:
    """Whether this version was ever sent for this clip."""
    where = (plan_delivery.c.clip == clip, plan_delivery.c.patient_id == patient_id, plan_delivery.c.version == version)
    return connection.scalar(select(plan_delivery.c.times).where(*where)) is not None


def take_report(connection: Connection, clip: str, patient_id: int, version: int, now_ms: int) -> None:
    """A clip of the patient reports a version: confirm it if it is the patient's; if it is not, and keeps the clip from
    taking what is prescribed, issue that again under a higher number."""
    if was_sent(connection, clip, patient_id, version):
        confirm(connection, patient_id, version, now_ms)
        return
    plan = newest_plan(connection, patient_id)
    if plan is not None and plan.version <= version < MAX_VERSION:
        add_plan(connection, patient_id, plan.model_dump(), author_id=None, reason=REISSUED, now_ms=now_ms)
