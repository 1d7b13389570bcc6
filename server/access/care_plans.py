"""A patient's plan."""

from __future__ import annotations

from collections.abc import Mapping

from server.access.acts import Act
from server.access.entrance import Entrance
from server.plans.drafts import NoDraftError, draft_of, drop_draft, save_draft, send_draft
from server.plans.service import add_plan, plan_state
from server.plans.types import Draft, PlanState, PlanVersion
from server.preview.service import week_under
from server.preview.week import Preview
from server.problems import not_found
from server.store.engine import reading
from server.summaries.effects import Effect, effects


class CarePlans(Entrance):
    """What was prescribed."""

    def plan(self, patient_id: int) -> PlanState:
        """A patient's plan and its versions. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_PLAN, patient_id)
        return plan_state(self._engine, patient_id)

    def plan_effects(self, patient_id: int) -> list[Effect]:
        """What was different after each version. Raises ProblemError 404 or 403."""
        self.enter(patient_id, Act.SEE_PLAN, Act.SEE_TRENDS)
        return effects(self._engine, patient_id, plan_state(self._engine, patient_id).history, self._now_ms)

    def change_plan(self, patient_id: int, fields: Mapping[str, object], reason: str) -> PlanVersion:
        """A new version of a patient's plan, pending; one's draft is done with. Raises InvalidPlanError, and
        ProblemError 404 or 403."""
        with self._writing(Act.CHANGE_PLAN, patient_id) as (db, _):
            drop_draft(db, patient_id, self._person.id)
            return add_plan(db, patient_id, fields, author_id=self._person.id, reason=reason, now_ms=self._now_ms)

    def preview_plan(self, patient_id: int, fields: Mapping[str, object]) -> Preview:
        """The last days under the plan of these fields; changes nothing. Raises InvalidPlanError, and ProblemError 404
        or 403."""
        self.enter(patient_id, Act.SEE_PLAN, Act.SEE_DAY)
        return week_under(self._engine, patient_id, fields, self._now_ms)

    def draft(self, patient_id: int) -> Draft | None:
        """One's own draft for a patient, None without one. Raises ProblemError 404 or 403."""
        self.demand(Act.CHANGE_PLAN, patient_id)
        self._enter(Act.SEE_PLAN, patient_id)
        with reading(self._engine) as db:
            return draft_of(db, patient_id, self._person.id)

    def save_draft(self, patient_id: int, fields: Mapping[str, object], *, reason: str, based_on: int) -> Draft:
        """Keep what one has so far, usable or not. Raises InvalidPlanError for what can be no draft, and ProblemError
        404 or 403."""
        with self._writing(Act.CHANGE_PLAN, patient_id, "draft saved") as (db, _):
            return save_draft(
                db, patient_id, self._person.id, fields, reason=reason, based_on=based_on, now_ms=self._now_ms
            )

    def drop_draft(self, patient_id: int) -> None:
        """Forget one's draft. Raises ProblemError 404 without one, and 404 or 403."""
        with self._writing(Act.CHANGE_PLAN, patient_id, "draft dropped") as (db, _):
            if not drop_draft(db, patient_id, self._person.id):
                raise not_found("draft")

    def send_draft(self, patient_id: int) -> PlanVersion:
        """Make a version of one's draft, pending. Raises InvalidPlanError, OutdatedDraftError, and ProblemError 404
        without a draft, and 404 or 403."""
        with self._writing(Act.CHANGE_PLAN, patient_id, "draft sent") as (db, _):
            try:
                return send_draft(db, patient_id, self._person.id, now_ms=self._now_ms)
            except NoDraftError as error:
                raise not_found("draft") from error
