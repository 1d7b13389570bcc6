"""Plans: made by a therapist, sent until the clip confirms them, never changed.

Versions rise for each patient, and above any version that the patient's clips have reported, because a clip takes only
a rising version, also when it has changed hands.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, func, insert, select, update

from gateway import messages
from server.plans.drift import drifts_of, reports_of
from server.plans.limits import MAX_VERSION
from server.plans.types import LONGEST_REASON, InvalidPlanError, PlanState, PlanVersion
from server.plans.validating import validate
from server.store import UnknownPatientError, reading, writing
from server.store.tables import assignment, clip_status, patient, plan, user_account
from server.summaries.prescribed import read_plan
from server.summaries.stale import mark_spans


def create_plan(
    engine: Engine,
    patient_id: int,
    fields: Mapping[str, object],
    *,
    author_id: int | None,
    reason: str,
    now_ms: int,
) -> PlanVersion:
    """A new version, pending. `fields` are those of `messages.Plan`; `version` and `zone` are set here (the zone is the
    patient's), and so is the seed unless it is given: each patient keeps their own, so that fading and silent days go
    on where they are. An unconfirmed version before it is superseded at once, a confirmed one when this one is
    confirmed.

    Raises InvalidPlanError, UnknownPatientError.
    """
    with writing(engine) as connection:
        return add_plan(connection, patient_id, fields, author_id=author_id, reason=reason, now_ms=now_ms)


def add_plan(
    connection: Connection,
    patient_id: int,
    fields: Mapping[str, object],
    *,
    author_id: int | None,
    reason: str,
    now_ms: int,
) -> PlanVersion:
    """`create_plan` inside the caller's transaction."""
    # Locked, so that two forms sent at once get two versions.
    zone = connection.scalar(select(patient.c.zone).where(patient.c.id == patient_id).with_for_update())
    if zone is None:
        raise UnknownPatientError(f"no patient {patient_id}")
    reason = reason.replace("\x00", "").strip()  # which PostgreSQL has no place for
    if len(reason) > LONGEST_REASON:
        raise InvalidPlanError((("reason", f"at most {LONGEST_REASON} characters"),))
    before = newest_plan(connection, patient_id)
    seed = before.seed if before else secrets.randbelow(1 << 16)
    body = validate({"seed": seed, **fields, "version": _next_version(connection, patient_id), "zone": zone})
    connection.execute(
        update(plan)
        .where(plan.c.patient_id == patient_id, plan.c.confirmed_ms.is_(None), plan.c.superseded_ms.is_(None))
        .values(superseded_ms=now_ms)
    )
    connection.execute(
        insert(plan).values(
            patient_id=patient_id,
            version=body.version,
            body_json=body.model_dump_json(),
            author_id=author_id,
            reason=reason,
            created_ms=now_ms,
        )
    )
    mark_spans(connection, [(patient_id, now_ms, now_ms)])
    return _versions(connection, plan.c.patient_id == patient_id)[0]


def _next_version(connection: Connection, patient_id: int) -> int:
    newest = connection.scalar(select(func.max(plan.c.version)).where(plan.c.patient_id == patient_id))
    clips = select(assignment.c.clip).where(assignment.c.patient_id == patient_id, assignment.c.end_ms.is_(None))
    reported = connection.scalar(
        select(func.max(clip_status.c.plan_version)).where(
            clip_status.c.clip.in_(clips), clip_status.c.plan_version < MAX_VERSION
        )
    )
    return max(newest or 0, reported or 0) + 1


def plan_state(engine: Engine, patient_id: int) -> PlanState:
    """The patient's plan as it stands. A patient without any has `newest` None."""
    with reading(engine) as connection:
        return state_of(connection, patient_id)


def state_of(connection: Connection, patient_id: int) -> PlanState:
    """`plan_state` inside the caller's transaction."""
    return states_of(connection, [patient_id])[patient_id]


def states_of(connection: Connection, patient_ids: Collection[int]) -> dict[int, PlanState]:
    """The plans of all these patients as they stand, with as many questions as for one."""
    histories: dict[int, list[PlanVersion]] = {patient_id: [] for patient_id in patient_ids}
    for version in _versions(connection, plan.c.patient_id.in_(patient_ids)):
        histories[version.patient_id].append(version)
    reports = reports_of(connection, patient_ids)
    newest = {patient_id: (told[0].version, told[0].created_ms) for patient_id, told in histories.items() if told}
    drifts = drifts_of(connection, newest, reports)
    return {
        patient_id: PlanState(
            history[0] if history else None,
            next((version for version in history if version.confirmed_ms is not None), None),
            tuple(history),
            drifts.get(patient_id, ()),
            reports.get(patient_id, ()),
        )
        for patient_id, history in histories.items()
    }


def _versions(connection: Connection, condition: ColumnElement[bool]) -> tuple[PlanVersion, ...]:
    rows = connection.execute(
        select(plan, user_account.c.name.label("author"))
        .join(user_account, user_account.c.id == plan.c.author_id, isouter=True)
        .where(condition)
        .order_by(plan.c.patient_id, plan.c.version.desc())
    )
    return tuple(_version(row) for row in rows.mappings())


def _version(row: RowMapping) -> PlanVersion:
    return PlanVersion(
        row["patient_id"],
        read_plan(row["body_json"]),
        row["author_id"],
        row["author"],
        row["reason"],
        row["created_ms"],
        row["sent_ms"],
        row["confirmed_ms"],
        row["superseded_ms"],
    )


def newest_plan(connection: Connection, patient_id: int) -> messages.Plan | None:
    """The version that the patient's clips should have."""
    body = connection.scalar(
        select(plan.c.body_json).where(plan.c.patient_id == patient_id).order_by(plan.c.version.desc()).limit(1)
    )
    return None if body is None else messages.Plan.model_validate_json(body)


def confirm(connection: Connection, patient_id: int, version: int, now_ms: int) -> bool:
    """A clip of the patient reports `version`. True when that was news. Every older version is superseded by it."""
    row = connection.execute(
        select(plan.c.confirmed_ms).where(plan.c.patient_id == patient_id, plan.c.version == version)
    ).one_or_none()
    newer = connection.scalar(
        select(func.max(plan.c.version)).where(
            plan.c.patient_id == patient_id, plan.c.version > version, plan.c.confirmed_ms.is_not(None)
        )
    )
    if row is None or row.confirmed_ms is not None or newer is not None:
        return False
    connection.execute(
        update(plan)
        .where(plan.c.patient_id == patient_id, plan.c.version < version, plan.c.superseded_ms.is_(None))
        .values(superseded_ms=now_ms)
    )
    connection.execute(
        update(plan)
        .where(plan.c.patient_id == patient_id, plan.c.version == version)
        .values(confirmed_ms=now_ms, superseded_ms=None, sent_ms=func.coalesce(plan.c.sent_ms, now_ms))
    )
    mark_spans(connection, [(patient_id, now_ms, now_ms)])
    return True


def pending(connection: Connection) -> tuple[PlanVersion, ...]:
    """The versions that have never been handed to the broker, over all patients."""
    return _versions(connection, plan.c.sent_ms.is_(None) & plan.c.superseded_ms.is_(None))


def mark_sent(connection: Connection, versions: Iterable[tuple[int, int]], now_ms: int) -> None:
    """(patient id, version) pairs have been handed to the broker for the first time."""
    for patient_id, version in versions:
        connection.execute(
            update(plan)
            .where(plan.c.patient_id == patient_id, plan.c.version == version, plan.c.sent_ms.is_(None))
            .values(sent_ms=now_ms)
        )
