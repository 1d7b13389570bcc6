"""Urgent signs: a short check that is offered, never forced; any yes shows at once what to do, and tells the
therapist."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Path
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.acts import Act
from server.access.web import Door, SignedIn
from server.diary.red_flags import LIST, UnknownQuestionError
from server.language import gettext as _
from server.pages.places import OWN
from server.pages.render import page
from server.pages.themselves import themselves
from server.pages.words import clock
from server.paths import PatientId

router: Final = APIRouter(include_in_schema=False)
AnswerId = Annotated[int, Path(ge=1, lt=2**31)]


@router.get(f"{OWN}/urgent")
def questions(door: Door) -> HTMLResponse:
    """The questions."""
    return _questions(door)


@router.post(f"{OWN}/urgent")
def answer(door: Door, yes: Annotated[list[str] | None, Form(max_length=20)] = None) -> Response:
    """Keep what applies, and lead to the advice."""
    try:
        made = door.care.answer_red_flags(themselves(door), yes or [])
    except UnknownQuestionError:
        return _questions(door, _("The questions have changed. Please answer these."), 422)
    return RedirectResponse(f"{OWN}/urgent/{made.id}", 303)


@router.get(f"{OWN}/urgent/{{answer_id}}")
def advice(door: Door, answer_id: AnswerId) -> HTMLResponse:
    """What to do."""
    number = themselves(door)
    found = door.care.red_flag_answer(number, answer_id)
    zone = door.care.patient(number).zone
    context = {
        "answer": found,
        "at": clock(found.at_ms, zone),
        "seen": clock(found.seen_ms, zone) if found.seen_ms is not None else "",
    }
    return page("urgent_advice.html", context, door=door)


@router.post("/patients/{patient_id}/red-flags/{answer_id}/seen")
def seen(door: Door, patient_id: PatientId, answer_id: AnswerId) -> Response:
    """Note that one has seen what the patient answered."""
    door.care.acknowledge_red_flags(patient_id, answer_id)
    return RedirectResponse(f"/patients/{patient_id}", 303)


def _questions(door: SignedIn, error: str = "", status: int = 200) -> HTMLResponse:
    door.care.enter(themselves(door), Act.SEE_DIARY)
    return page("urgent.html", {"questions": LIST, "error": error}, door=door, status=status)
