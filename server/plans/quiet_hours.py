"""Quiet hours that the patient chooses: a version of the plan that differs in nothing else.

The clip knows one plan, and by its version every reminder says what it was given under; so the patient's quiet hours
travel, are confirmed and are remembered as the therapist's changes are.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from server.plans.service import add_plan, newest_plan
from server.plans.types import InvalidPlanError, PlanVersion

REASON: Final = "Quiet hours, chosen by the patient"
NO_PLAN: Final = "there is no plan yet"


def change_quiet_hours(
    db: Connection, patient_id: int, start: str | None, end: str | None, *, author_id: int, now_ms: int
) -> PlanVersion:
    """The newest plan with reminders held back from `start` to `end` (both None: no more), pending. Raises
    InvalidPlanError where they do not lie within the plan's window, and without a plan."""
    plan = newest_plan(db, patient_id)
    if plan is None:
        raise InvalidPlanError((("", NO_PLAN),))
    fields = {**plan.model_dump(exclude={"version", "zone"}), "quiet_start": start, "quiet_end": end}
    return add_plan(db, patient_id, fields, author_id=author_id, reason=REASON, now_ms=now_ms)
