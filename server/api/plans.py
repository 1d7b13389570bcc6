"""What was prescribed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Response

from gateway import messages
from server.access.acts import Act, Duty
from server.access.web import Door, SignedIn
from server.api import models
from server.api.needs import needs
from server.api.prefix import PREFIX
from server.api.problem import problems
from server.paths import PatientId, TemplateKey
from server.plans.drafts import FIELDS, OutdatedDraftError
from server.plans.types import Draft, InvalidPlanError
from server.preview.week import DayUnderPlan
from server.problems import FieldError, ProblemError, not_found

router: Final = APIRouter(prefix=PREFIX, tags=["plan"])


@router.get("/patients/{patient_id}/plan", openapi_extra=needs(Act.SEE_PLAN))
def plan(door: Door, patient_id: PatientId) -> models.PlanState:
    """The plan, its state and its versions, the newest first."""
    return models.PlanState.model_validate(door.care.plan(patient_id))


@router.post("/patients/{patient_id}/plan", status_code=201, openapi_extra=needs(Act.SEE_PLAN, Act.CHANGE_PLAN))
def change_plan(door: Door, patient_id: PatientId, change: models.PlanChange) -> models.PlanVersion:
    """Write a new version of the plan. It is pending until the clip confirms it."""
    door.care.demand(Act.CHANGE_PLAN, patient_id)
    fields = _merged(door, patient_id, change.plan)
    try:
        made = door.care.change_plan(patient_id, fields, change.reason)
    except InvalidPlanError as error:
        raise _refused(error) from error
    return models.PlanVersion.model_validate(made)


@router.post("/patients/{patient_id}/plan/preview", openapi_extra=needs(Act.SEE_PLAN, Act.SEE_DAY))
def preview_plan(door: Door, patient_id: PatientId, change: models.PlanChange) -> models.PlanPreview:
    """The last seven days and today so far, as they would have been under a changed plan. Nothing is changed by it."""
    door.care.enter(patient_id, Act.SEE_PLAN, Act.SEE_DAY)
    fields = _merged(door, patient_id, change.plan)
    try:
        found = door.care.preview_plan(patient_id, fields)
    except InvalidPlanError as error:
        raise _refused(error) from error
    return models.PlanPreview(
        days=tuple(_day_under_plan(day) for day in found.days),
        given_a_day=found.given_a_day,
        recorded_a_day=found.recorded_a_day,
        slouched_share=found.slouched_share,
        slouched_then_share=found.slouched_then_share,
        off_by=found.off_by,
    )


def _merged(door: SignedIn, patient_id: int, changes: Mapping[str, object]) -> dict[str, object]:
    known = messages.Plan.model_fields.keys() - {"version", "zone"}
    unknown = sorted(changes.keys() - known)
    if unknown:
        allowed = ", ".join(sorted(known))
        raise _invalid([FieldError(f"plan.{name}", f"no such field; there are {allowed}") for name in unknown])
    newest = door.care.plan(patient_id).newest
    before = newest.plan.model_dump(exclude={"version", "zone"}) if newest else {}
    return {**before, **changes}


def _invalid(errors: list[FieldError]) -> ProblemError:
    return ProblemError(
        422, "The plan cannot be used", "Change the fields named under errors and send it again.", errors
    )


@router.get("/patients/{patient_id}/plan/draft", openapi_extra=needs(Act.SEE_PLAN, Act.CHANGE_PLAN))
def draft(door: Door, patient_id: PatientId) -> models.PlanDraft:
    """One's own draft."""
    found = door.care.draft(patient_id)
    if found is None:
        raise not_found("draft")
    return _told(found)


@router.put("/patients/{patient_id}/plan/draft", openapi_extra=needs(Act.SEE_PLAN, Act.CHANGE_PLAN))
def save_draft(door: Door, patient_id: PatientId, change: models.PlanDraftChange) -> models.PlanDraft:
    """Keep a draft, in place of the one before. It may be unusable; `problems` says what would have to change."""
    door.care.demand(Act.CHANGE_PLAN, patient_id)
    newest = door.care.plan(patient_id).newest
    before = newest.plan.model_dump(mode="json", include=set(FIELDS)) if newest else {}
    try:
        saved = door.care.save_draft(
            patient_id, {**before, **change.plan}, reason=change.reason, based_on=newest.version if newest else 0
        )
    except InvalidPlanError as error:
        raise _refused(error) from error
    return _told(saved)


@router.delete(
    "/patients/{patient_id}/plan/draft",
    status_code=204,
    response_class=Response,
    openapi_extra=needs(Act.CHANGE_PLAN),
)
def drop_draft(door: Door, patient_id: PatientId) -> None:
    """Forget one's draft."""
    door.care.drop_draft(patient_id)


@router.post(
    "/patients/{patient_id}/plan/draft/send",
    status_code=201,
    responses=problems(409, 422),
    openapi_extra=needs(Act.CHANGE_PLAN),
)
def send_draft(door: Door, patient_id: PatientId) -> models.PlanVersion:
    """Make a version of one's draft. It is pending until the clip confirms it."""
    try:
        return models.PlanVersion.model_validate(door.care.send_draft(patient_id))
    except OutdatedDraftError as error:
        detail = "Another version was written since the draft was begun. Read it, save the draft again and send it."
        raise ProblemError(409, "The plan was changed meanwhile", detail) from error
    except InvalidPlanError as error:
        raise _refused(error) from error


@router.get("/plan-templates", openapi_extra=needs(Duty.USE_TEMPLATES))
def templates(door: Door) -> list[models.PlanTemplate]:
    """One's organisation's own beginnings of plans, then the catalogue."""
    return [models.PlanTemplate.model_validate(one) for one in door.office.templates()]


@router.post("/plan-templates", status_code=201, openapi_extra=needs(Duty.USE_TEMPLATES))
def save_template(door: Door, wanted: models.PlanTemplateWish) -> models.PlanTemplate:
    """Save a template for one's organisation."""
    try:
        made = door.office.save_template(wanted.name, wanted.purpose, wanted.plan)
    except InvalidPlanError as error:
        raise _refused(error) from error
    return models.PlanTemplate.model_validate(made)


@router.delete(
    "/plan-templates/{key}", status_code=204, response_class=Response, openapi_extra=needs(Duty.USE_TEMPLATES)
)
def remove_template(door: Door, key: TemplateKey) -> None:
    """Take away one of one's organisation's own. Plans made from it stay."""
    door.office.remove_template(key)


def _day_under_plan(day: DayUnderPlan) -> models.PlanPreviewDay:
    shared = {name: getattr(day, name) for name in models.PlanPreviewDay.model_fields if name != "date"}
    return models.PlanPreviewDay(date=day.date.isoformat(), **shared)


def _told(found: Draft) -> models.PlanDraft:
    return models.PlanDraft(
        plan=dict(found.fields),  # type: ignore[arg-type]  # they came as JSON
        reason=found.reason,
        based_on=found.based_on,
        changed_ms=found.changed_ms,
        problems=[models.FieldProblem(field=_place(name), detail=words) for name, words in found.problems],
    )


def _refused(error: InvalidPlanError) -> ProblemError:
    return _invalid([FieldError(_place(name), words) for name, words in error.problems])


def _place(name: str) -> str:
    if name in ("reason", "name", "purpose"):
        return name
    return f"plan.{name}" if name else "plan"
