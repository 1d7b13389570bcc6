"""Emergency access, as the therapist who needs it takes and ends it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.web import Door, SignedIn, desk_of
from server.pages.places import EMERGENCY, PATIENTS
from server.pages.render import page
from server.people.emergencies import LASTS_MS, LONGEST_REASON, SHORTEST_REASON, EmergencyError
from server.problems import ProblemError

router: Final = APIRouter(include_in_schema=False, prefix=EMERGENCY)


@router.get("")
def emergency(door: Door) -> HTMLResponse:
    """What it is, one's own that is in force, and the form."""
    return _page(door)


@router.post("")
def take(
    door: Door,
    request: Request,
    patient: Annotated[str, Form(max_length=300)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take access to one patient."""
    try:
        number = door.office.take_emergency_access(patient, reason, desk_of(request).emergency_attempts)
    except EmergencyError as error:
        return _page(door, error=str(error), patient=patient, reason=reason)
    except ProblemError as problem:
        if problem.status != 429:
            raise
        response = _page(door, error=problem.detail, status=problem.status, patient=patient, reason=reason)
        response.headers.update(problem.headers)
        return response
    return RedirectResponse(f"{PATIENTS}/{number}", 303)


@router.post("/{emergency_id}/end")
def end(door: Door, emergency_id: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> Response:
    """End it before its time."""
    door.office.end_own_emergency(emergency_id)
    return RedirectResponse(EMERGENCY, 303)


def _page(door: SignedIn, *, error: str = "", status: int = 422, patient: str = "", reason: str = "") -> HTMLResponse:
    context = {
        "in_force": door.office.own_emergencies(),
        "hours": LASTS_MS // 3_600_000,
        "shortest": SHORTEST_REASON,
        "longest": LONGEST_REASON,
        "error": error,
        "patient": patient,
        "reason": reason,
        "now_ms": door.now_ms,
    }
    return page("emergency.html", context, door=door, status=status if error else 200)
