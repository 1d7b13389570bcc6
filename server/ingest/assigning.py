"""The beginning of a patient's time with a clip."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, text

from server.plans.delivery import take_report
from server.store.tables import assignment, clip_status


def hold_assignments(connection: Connection) -> None:
    """Until the end of the transaction nobody else assigns a clip, so that what was looked up stays true."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(text("LOCK TABLE assignment IN SHARE ROW EXCLUSIVE MODE"))


def begin_wearing(
    connection: Connection, clip: str, patient_id: int, *, start_ms: int, gateway_id: str | None, now_ms: int
) -> None:
    """From `start_ms` on the patient wears the clip, told of by `gateway_id` (None: any). Whoever wore it before is the
    caller's concern.

    A clip takes only a rising plan version: when it reports one that the patient's plan does not exceed, and that was
    not sent to it as this patient's, the plan is issued again under a version that does.
    """
    connection.execute(
        insert(assignment).values(clip=clip, gateway=gateway_id, patient_id=patient_id, start_ms=start_ms)
    )
    reported = connection.scalar(select(func.max(clip_status.c.plan_version)).where(clip_status.c.clip == clip))
    if reported is not None:
        take_report(connection, clip, patient_id, reported, now_ms)
