"""What the clips of a patient have, beside what is prescribed.

Several gateways may tell of one clip, and those without a link to it tell what they knew last. A clip is as the gateway
says that had a link to it last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, func, select, tuple_

from server.plans.types import ClipReport, Drift
from server.store.tables import assignment, clip_status, gateway, plan_delivery


def reports_of(connection: Connection, patient_ids: Collection[int]) -> dict[int, tuple[ClipReport, ...]]:
    """What gateways in use last told of the clips that these patients wear, by patient; of each by clip, the latest
    first. Who wears none that was told of is missing."""
    told = clip_status.c
    worn = (
        select(assignment.c.patient_id, assignment.c.clip)
        .where(assignment.c.patient_id.in_(patient_ids), assignment.c.end_ms.is_(None))
        .distinct()
        .subquery()
    )
    rows = connection.execute(
        select(
            worn.c.patient_id,
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
        .join(worn, worn.c.clip == told.clip)
        .join(gateway, gateway.c.id == told.gateway)
        .where(gateway.c.revoked_ms.is_(None))
    ).all()
    found: dict[int, list[ClipReport]] = {}
    for row in sorted(rows, key=lambda row: (row.clip, -row.linked_ms, -row.seen_ms, row.gateway)):
        mine = found.setdefault(row.patient_id, [])
        told_by = {name: value for name, value in row._mapping.items() if name != "patient_id"}
        mine.append(ClipReport(**told_by, latest=not mine or mine[-1].clip != row.clip))
    return {patient_id: tuple(mine) for patient_id, mine in found.items()}


Newest = tuple[int, int]
"""Number of a patient's newest version, and when it was written, UTC ms."""


def drifts_of(
    connection: Connection, newest: Mapping[int, Newest], reports: Mapping[int, Sequence[ClipReport]]
) -> dict[int, tuple[Drift, ...]]:
    """The clips that, by their latest report, do not have their patient's newest version; by patient."""
    apart = {
        patient_id: [
            report for report in reports.get(patient_id, ()) if report.latest and report.plan_version != number
        ]
        for patient_id, (number, _) in newest.items()
    }
    drifted = {patient_id: found for patient_id, found in apart.items() if found}
    if not drifted:
        return {}
    tried = plan_delivery.c
    sent = {
        (row.patient_id, row.clip): (row.times, row.last_ms)
        for row in connection.execute(
            select(tried.patient_id, tried.clip, tried.times, tried.last_ms).where(
                tuple_(tried.patient_id, tried.version).in_([(one, newest[one][0]) for one in drifted])
            )
        )
    }
    return {
        patient_id: tuple(
            _drift(report, newest[patient_id][1], sent.get((patient_id, report.clip), (0, None))) for report in found
        )
        for patient_id, found in drifted.items()
    }


def _drift(report: ClipReport, written_ms: int, sent: tuple[int, int | None]) -> Drift:
    since_ms = max(written_ms, report.plan_since_ms or 0)
    return Drift(report.clip, report.gateway, report.plan_version, report.seen_ms, since_ms, *sent)
