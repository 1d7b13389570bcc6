"""The overview of a patient: four weeks as pictures, notes, and what went with each plan."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.acts import Act
from server.access.web import Door, SignedIn
from server.notes.service import LONGEST, NoteError
from server.pages.charts import bundle, vega
from server.pages.effects import effect_rows
from server.pages.period import span_words
from server.pages.pictures import picture_context
from server.pages.render import page
from server.pages.routes import header
from server.paths import PatientId

router: Final = APIRouter(include_in_schema=False)

NoteId = Annotated[int, Path(ge=1, lt=2**31)]


@router.get("/patients/{patient_id}/overview")
def overview(door: Door, patient_id: PatientId) -> HTMLResponse:
    """Four weeks to yesterday."""
    return _overview(door, patient_id)


def _overview(
    door: SignedIn, patient_id: int, *, typed: str = "", problem: str = "", of: int | None = None
) -> HTMLResponse:
    care = door.care
    sees_notes = care.may(Act.SEE_NOTES, patient_id)
    acts = (Act.SEE_TRENDS, Act.SEE_PLAN, Act.SEE_COMPUTERS, *((Act.SEE_NOTES,) if sees_notes else ()))
    someone = care.enter(patient_id, *acts)
    picture = care.picture(patient_id)
    head = header(door, someone)
    in_force = care.plan(patient_id).in_force
    angle = in_force.plan.angle_deg if in_force is not None else None
    context = {
        **head,
        **picture_context(picture, angle),
        "span": span_words(picture.period.recent.first, picture.period.recent.last),
        "day": care.today(someone).isoformat(),
        "charts": bundle.address(),
        "charts_config": vega.config(),
        "sees_notes": sees_notes,
        "notes": care.notes(patient_id) if sees_notes else [],
        "may_note": care.may(Act.WRITE_NOTE, patient_id),
        "longest": LONGEST,
        "typed": typed,
        "note_problem": problem,
        "note_of": of,
        "may_report": care.may(Act.MAKE_REPORT, patient_id),
    }
    return page("overview.html", context, door=door, status=422 if problem else 200)


@router.post("/patients/{patient_id}/notes")
async def write_note(door: Door, request: Request, patient_id: PatientId) -> Response:
    """A new note."""
    text = str((await request.form()).get("text", ""))
    return await run_in_threadpool(_note, door, patient_id, text, None)


@router.post("/patients/{patient_id}/notes/{note_id}")
async def correct_note(door: Door, request: Request, patient_id: PatientId, note_id: NoteId) -> Response:
    """Say a note of one's own anew."""
    text = str((await request.form()).get("text", ""))
    return await run_in_threadpool(_note, door, patient_id, text, note_id)


def _note(door: SignedIn, patient_id: int, text: str, corrects: int | None) -> Response:
    try:
        door.care.write_note(patient_id, text, corrects)
    except NoteError as error:
        return _overview(door, patient_id, typed=text, problem=str(error), of=corrects)
    return RedirectResponse(f"/patients/{patient_id}/overview#notes", 303)


@router.get("/patients/{patient_id}/plans")
def plans(door: Door, patient_id: PatientId) -> HTMLResponse:
    """Every plan there was, and what was different after each."""
    care = door.care
    someone = care.enter(patient_id, Act.SEE_TRENDS, Act.SEE_PLAN, Act.SEE_COMPUTERS)
    context = {
        **header(door, someone),
        "rows": effect_rows(care.plan_effects(patient_id), someone.zone),
        "day": care.today(someone).isoformat(),
    }
    return page("plans.html", context, door=door)
