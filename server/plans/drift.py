"""What the clips of a patient have, beside what is prescribed.

Several gateways may tell of one clip, and those without a link to it tell what they knew last. A clip is as the gateway
says that had a link to it last.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from server.plans.types import ClipReport, Drift
from server.store.tables import assignment, clip_status, gateway, plan_delivery


def reports_of(connection: Connection, patient_id: int) -> tuple[ClipReport, ...]:
    """What gateways in use last told of the clips that the patient wears, by clip, the latest first."""
    told = clip_status.c
    worn = select(assignment.c.clip).where(assignment.c.patient_id == patient_id, assignment.c.end_ms.is_(None))
    rows = connection.execute(
        select(
            told.clip,
            told.gateway,
            told.plan_version,
            told.plan_since_ms,
            told.calibration_version,
            told.calibration_since_ms,
            told.calibration_before,
            told.seen_ms,
            func.coalesce(told.linked_ms, told.seen_ms).label("linked_ms"),
        )
        .join(gateway, gateway.c.id == told.gateway)
        .where(gateway.c.revoked_ms.is_(None), told.clip.in_(worn))
    ).all()
    found: list[ClipReport] = []
    for row in sorted(rows, key=lambda row: (row.clip, -row.linked_ms, -row.seen_ms, row.gateway)):
        found.append(ClipReport(*row, latest=not found or found[-1].clip != row.clip))
    return tuple(found)


def drift_of(
    connection: Connection, patient_id: int, newest: int, written_ms: int, reports: Sequence[ClipReport]
) -> tuple[Drift, ...]:
    """The clips that, by their latest report, do not have version `newest`, which was written at `written_ms`."""
    apart = [report for report in reports if report.latest and report.plan_version != newest]
    if not apart:
        return ()
    sent = {
        row.clip: row
        for row in connection.execute(
            select(plan_delivery.c.clip, plan_delivery.c.times, plan_delivery.c.last_ms).where(
                plan_delivery.c.patient_id == patient_id, plan_delivery.c.version == newest
            )
        )
    }
    return tuple(
        Drift(
            report.clip,
            report.gateway,
            report.plan_version,
            report.seen_ms,
            max(written_ms, report.plan_since_ms or 0),
            sent[report.clip].times if report.clip in sent else 0,
            sent[report.clip].last_ms if report.clip in sent else None,
        )
        for report in apart
    )
