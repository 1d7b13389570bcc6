"""Drafts: what an author has begun for a patient and not sent. One is open a patient and author, until it is sent or
dropped. It may be unusable: it is held against the limits whenever it is read, and must pass them to be sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, RowMapping, delete, select

from gateway import messages
from server.plans.service import add_plan, newest_plan
from server.plans.types import LONGEST_REASON, SHORTEST_REASON, Draft, InvalidPlanError, PlanVersion
from server.plans.validating import validate
from server.store import UnknownPatientError
from server.store.tables import patient, plan_draft
from server.store.upsert import upsert

FIELDS: Final = frozenset(messages.Plan.model_fields.keys() - {"version", "zone", "seed"})
"""What an author decides; the rest is set when a version is written."""
_LARGEST: Final = 4000
"""Characters of a draft's fields as JSON: several times what a plan needs."""


class NoDraftError(LookupError):
    """The author has no draft for this patient."""


class OutdatedDraftError(ValueError):
    """Another version was written since the draft was begun."""


def save_draft(
    connection: Connection,
    patient_id: int,
    author_id: int,
    fields: Mapping[str, object],
    *,
    reason: str,
    based_on: int,
    now_ms: int,
) -> Draft:
    """Keep what the author has so far, in place of what was kept before. `fields` may be unusable, but must be JSON, of
    the plan's names, and not endless.

    Raises InvalidPlanError for what can be no draft, and UnknownPatientError.
    """
    try:
        text = json.dumps(dict(fields), allow_nan=False)
    except ValueError as error:
        raise InvalidPlanError((("", "not a number is no number of a plan"),)) from error
    problems = [(name, "there is no such field") for name in sorted(fields.keys() - FIELDS)]
    if len(text) > _LARGEST:
        problems.append(("", "this is longer than any plan"))
    if len(reason) > LONGEST_REASON:
        problems.append(("reason", f"at most {LONGEST_REASON} characters"))
    if problems:
        raise InvalidPlanError(tuple(problems))
    if connection.scalar(select(patient.c.id).where(patient.c.id == patient_id)) is None:
        raise UnknownPatientError(f"no patient {patient_id}")
    values = {
        "fields_json": text,
        "reason": reason.replace("\x00", ""),
        "based_on": based_on,
        "changed_ms": now_ms,
    }
    statement = upsert(connection, plan_draft).values(patient_id=patient_id, author_id=author_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["patient_id", "author_id"], set_=values))
    return _read(connection, patient_id, author_id)


def draft_of(connection: Connection, patient_id: int, author_id: int) -> Draft | None:
    """The author's draft for this patient, None without one."""
    row = _row(connection, patient_id, author_id)
    return None if row is None else _draft(row)


def drop_draft(connection: Connection, patient_id: int, author_id: int) -> bool:
    """Forget the author's draft for this patient; False without one."""
    done = connection.execute(
        delete(plan_draft).where(plan_draft.c.patient_id == patient_id, plan_draft.c.author_id == author_id)
    )
    return done.rowcount == 1


def send_draft(connection: Connection, patient_id: int, author_id: int, *, now_ms: int) -> PlanVersion:
    """Make a version of the draft, and drop it.

    Raises NoDraftError, OutdatedDraftError when somebody else has written a version meanwhile, InvalidPlanError, and
    UnknownPatientError.
    """
    # Locked before the newest version is looked up, so that of two sent at once the later is told of the other.
    connection.execute(select(patient.c.id).where(patient.c.id == patient_id).with_for_update())
    draft = _read(connection, patient_id, author_id)
    newest = newest_plan(connection, patient_id)
    if draft.based_on != (newest.version if newest else 0):
        raise OutdatedDraftError("another version was written since the draft was begun")
    if draft.problems:
        raise InvalidPlanError(draft.problems)
    made = add_plan(connection, patient_id, draft.fields, author_id=author_id, reason=draft.reason, now_ms=now_ms)
    drop_draft(connection, patient_id, author_id)
    return made


def _row(connection: Connection, patient_id: int, author_id: int) -> RowMapping | None:
    where = (plan_draft.c.patient_id == patient_id, plan_draft.c.author_id == author_id)
    return connection.execute(select(plan_draft).where(*where)).mappings().one_or_none()


def _read(connection: Connection, patient_id: int, author_id: int) -> Draft:
    row = _row(connection, patient_id, author_id)
    if row is None:
        raise NoDraftError("there is no draft")
    return _draft(row)


def _draft(row: RowMapping) -> Draft:
    fields = json.loads(row["fields_json"])
    return Draft(fields, row["reason"], row["based_on"], row["changed_ms"], _problems(fields, row["reason"]))


def _problems(fields: Mapping[str, object], reason: str) -> tuple[tuple[str, str], ...]:
    problems: tuple[tuple[str, str], ...] = ()
    try:
        validate({**fields, "version": 1})
    except InvalidPlanError as refusal:
        problems = refusal.problems
    if len(reason.strip()) < SHORTEST_REASON:
        problems += (("reason", f"must be {SHORTEST_REASON} to {LONGEST_REASON} characters"),)
    return problems
