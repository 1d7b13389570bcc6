"""The therapist's pages. Routes only translate: what may be seen is decided by `Care`, what is said by its builders."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.acts import Act
from server.access.care import Patient
from server.access.web import Door, SignedIn
from server.pages import patients as patient_list
from server.pages import plan_form
from server.pages.day import day_context
from server.pages.places import RECORDS
from server.pages.plan_words import STATES, differences
from server.pages.render import fragment, page
from server.paths import Day, PatientId
from server.plans.types import InvalidPlanError, PlanState, PlanVersion

router: Final = APIRouter(include_in_schema=False)


@router.get("/patients")
def patients(door: Door) -> HTMLResponse:
    """Everybody in my care, those first who need a look."""
    everybody = door.care.overview()
    rows = [patient_list.row(one, door.now_ms) for one in everybody]
    context = {
        "total": len(rows),
        "live": sum(row.clip is not None and row.clip.live for row in rows),
        "groups": patient_list.grouped(rows),
        "legend": patient_list.legend([one.day for one in everybody]),
    }
    return page("patients.html", context, door=door)


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
    someone = care.patient(patient_id)
    view = care.day(patient_id, day)
    context = {**_header(door, someone), **day_context(view, someone.zone, day, care.today(someone))}
    return page("day.html", context, door=door)


@router.get("/patients/{patient_id}/plan")
def plan_page(door: Door, patient_id: PatientId) -> HTMLResponse:
    """The plan, ready to be changed."""
    newest = door.care.plan(patient_id).newest
    draft = plan_form.draft_of(newest.plan) if newest else plan_form.first_draft()
    return _plan_page(door, patient_id, draft)


@router.post("/patients/{patient_id}/plan")
async def change_plan(door: Door, request: Request, patient_id: PatientId) -> Response:
    """Write a new version, pending until the clip confirms it."""
    form = await request.form()
    draft, fields = plan_form.read_form(form)
    return await run_in_threadpool(_change_plan, door, patient_id, draft, fields, str(form.get("based_on", "")))


def _change_plan(
    door: SignedIn, patient_id: int, draft: plan_form.Draft, fields: dict[str, object], based_on: str
) -> Response:
    door.care.demand(Act.CHANGE_PLAN, patient_id)
    newest = door.care.plan(patient_id).newest
    if based_on != str(newest.version if newest else 0):
        draft.errors[""] = "The plan was changed meanwhile. Compare with the versions below, then send again."
    if not draft.errors:
        try:
            door.care.change_plan(patient_id, fields, draft.values["reason"])
        except InvalidPlanError as refusal:
            plan_form.add_refusal(draft, refusal)
        else:
            return RedirectResponse(f"/patients/{patient_id}", 303)
    return _plan_page(door, patient_id, draft, status=422)


@router.get("/patients/{patient_id}/plan/state")
def plan_state(door: Door, patient_id: PatientId) -> HTMLResponse:
    """The plan's state alone, asked for again and again while it is pending."""
    state = door.care.plan(patient_id)
    response = HTMLResponse(fragment("plan_state.html", {"plan": state}))
    response.headers["x-plan-waiting"] = "yes" if state.waiting else "no"
    return response


def _plan_page(door: SignedIn, patient_id: int, draft: plan_form.Draft, *, status: int = 200) -> HTMLResponse:
    someone = door.care.patient(patient_id)
    state = door.care.plan(patient_id)
    context = {
        **_header(door, someone),
        "draft": draft,
        "modes": plan_form.MODES,
        "day_names": plan_form.DAYS,
        "triggers": plan_form.TRIGGERS,
        "probes": plan_form.PROBES,
        "switches": plan_form.SWITCHES,
        "when_fields": plan_form.WHEN,
        "reminder_fields": plan_form.REMINDERS,
        "goal_fields": plan_form.GOALS,
        "history": _history(state, someone.zone),
    }
    return page("plan.html", context, door=door, status=status)


def _header(door: SignedIn, someone: Patient) -> dict[str, object]:
    state = door.care.plan(someone.id)
    shown = state.in_force or state.newest
    clips = door.care.clips(someone.id)
    return {
        "patient": someone,
        "plan": state,
        "shown_plan": shown.plan if shown else None,
        "clip": clips[0] if clips else None,
        "now_ms": door.now_ms,
    }


def _history(state: PlanState, zone: ZoneInfo) -> list[dict[str, object]]:
    def when(t_ms: int | None) -> str:
        if t_ms is None:
            return "–"
        return datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(zone).strftime("%-d %b %Y, %H:%M")

    def line(version: PlanVersion, older: PlanVersion | None) -> dict[str, object]:
        return {
            "version": version,
            "state": STATES[version.state],
            "written": when(version.created_ms),
            "confirmed": when(version.confirmed_ms),
            "changes": differences(version.plan, older.plan if older else None),
        }

    older = (*state.history[1:], None)
    return [line(version, before) for version, before in zip(state.history, older, strict=False)]
