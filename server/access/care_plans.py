"""A patient's plan."""

from __future__ import annotations

from collections.abc import Mapping

from server.access.acts import Act
from server.access.entrance import Entrance
from server.plans.service import add_plan, plan_state
from server.plans.types import PlanState, PlanVersion


class CarePlans(Entrance):
    """What was prescribed."""

    def plan(self, patient_id: int) -> PlanState:
        """A patient's plan and its versions. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_PLAN, patient_id)
        return plan_state(self._engine, patient_id)

    def change_plan(self, patient_id: int, fields: Mapping[str, object], reason: str) -> PlanVersion:
        """A new version of a patient's plan, pending. Raises InvalidPlanError, and ProblemError 404 or 403."""
        with self._writing(Act.CHANGE_PLAN, patient_id) as (db, _):
            return add_plan(db, patient_id, fields, author_id=self._person.id, reason=reason, now_ms=self._now_ms)
