"""The therapist's pages. Routes only translate: what may be seen is decided by `Care`, what is said by its builders."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.acts import Act
from server.access.care import Patient
from server.access.web import Door, SignedIn
from server.pages.day import day_context
from server.pages.day_diary import diary_context
from server.pages.places import RECORDS
from server.pages.render import page
from server.pages.timeline import whole_day
from server.paths import Day, PatientId

router: Final = APIRouter(include_in_schema=False)


@router.get("/patients/{patient_id}")
def patient(door: Door, patient_id: PatientId) -> Response:
    """To the patient's present day, or to their record for who has no part in the treatment."""
    if not door.care.may(Act.SEE_DAY, patient_id):
        door.care.patient(patient_id)
        return RedirectResponse(f"{RECORDS}/{patient_id}", 303)
    today = door.care.today(door.care.patient(patient_id))
    return RedirectResponse(f"/patients/{patient_id}/days/{today}", 303)


@router.get("/patients/{patient_id}/days/{day}")
def day_page(door: Door, patient_id: PatientId, day: Day) -> HTMLResponse:
    """A local day of a patient."""
    care = door.care
    someone = care.enter(patient_id, Act.SEE_DAY, Act.SEE_PLAN, Act.SEE_COMPUTERS, Act.SEE_DIARY)
    view = care.day(patient_id, day)
    told = care.marks(patient_id, day)
    context = {
        **header(door, someone),
        **day_context(view, ZoneInfo(view.summary.zone), day, care.today(someone)),
        **whole_day(view, care.rest_of_day(patient_id, day), ZoneInfo(view.summary.zone)),
        **diary_context(care.diary(patient_id, day), care.unseen_red_flags(patient_id), someone.zone),
        "may_acknowledge": care.may(Act.ACKNOWLEDGE_RED_FLAGS, patient_id),
        "mark": told[0] if told and not told[0].representative else None,
        "may_mark": care.may(Act.MARK_DAY, patient_id),
    }
    return page("day.html", context, door=door)


def header(door: SignedIn, someone: Patient) -> dict[str, object]:
    """What the head of a patient's pages shows."""
    state = door.care.plan(someone.id)
    shown = state.in_force or state.newest
    clips = door.care.clips(someone.id)
    return {
        "patient": someone,
        "plan": state,
        "shown_plan": shown.plan if shown else None,
        "consent_now": door.care.consent_now(someone.id),
        "clip": clips[0] if clips else None,
        "now_ms": door.now_ms,
    }
