"""What was prescribed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter

from gateway import messages
from server.access.acts import Act
from server.access.web import Door, SignedIn
from server.api import models
from server.api.prefix import PREFIX
from server.paths import PatientId
from server.plans.types import InvalidPlanError
from server.problems import FieldError, ProblemError

router: Final = APIRouter(prefix=PREFIX, tags=["plan"])


@router.get("/patients/{patient_id}/plan")
def plan(door: Door, patient_id: PatientId) -> models.PlanState:
    """The plan, its state and its versions, the newest first."""
    return models.PlanState.model_validate(door.care.plan(patient_id))


@router.post("/patients/{patient_id}/plan", status_code=201)
def change_plan(door: Door, patient_id: PatientId, change: models.PlanChange) -> models.PlanVersion:
    """Write a new version of the plan. It is pending until the clip confirms it."""
    door.care.demand(Act.CHANGE_PLAN, patient_id)
    fields = _merged(door, patient_id, change.plan)
    try:
        made = door.care.change_plan(patient_id, fields, change.reason)
    except InvalidPlanError as error:
        raise _invalid(
            [FieldError(f"plan.{name}" if name else "plan", words) for name, words in error.problems]
        ) from error
    return models.PlanVersion.model_validate(made)


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
