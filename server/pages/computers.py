"""The computers of a patient: connect one with a one-time code, see them, disconnect one."""

from __future__ import annotations

import logging
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.web import Door, SignedIn, desk_of
from server.enrolment.service import Offer
from server.pages.qr import qr_code
from server.pages.render import page
from server.pages.words import when
from server.paths import PatientId

router: Final = APIRouter(include_in_schema=False)
log: Final = logging.getLogger(__name__)

GatewayId = Annotated[str, Path(max_length=40)]


@router.get("/patients/{patient_id}/computers")
def computers(door: Door, request: Request, patient_id: PatientId) -> HTMLResponse:
    """The patient's computers."""
    return _page(door, request, patient_id)


@router.post("/patients/{patient_id}/computers/code")
def new_code(door: Door, request: Request, patient_id: PatientId) -> HTMLResponse:
    """Make a code and show it, this once: it is not kept."""
    offer = door.care.offer_code(patient_id)
    log.info("account %d made a code for a computer of patient %d", door.person.id, patient_id)
    return _page(door, request, patient_id, offer=offer)


@router.post("/patients/{patient_id}/computers/{gateway}/disconnect")
def disconnect(door: Door, request: Request, patient_id: PatientId, gateway: GatewayId) -> Response:
    """Disconnect a computer for good."""
    door.care.disconnect(patient_id, gateway)
    log.info("account %d disconnected gateway %s of patient %d", door.person.id, gateway[:16], patient_id)
    desk_of(request).tell_broker()
    return RedirectResponse(f"/patients/{patient_id}/computers", 303)


def _page(door: SignedIn, request: Request, patient_id: int, *, offer: Offer | None = None) -> HTMLResponse:
    desk = desk_of(request)
    someone = door.care.patient(patient_id)
    line = command_line(request, offer.code, secure=desk.rules.secure) if offer else ""
    known = door.care.computers(patient_id)
    until = door.care.open_code_until(patient_id)
    context = {
        "patient": someone,
        "now_ms": door.now_ms,
        "possible": desk.doorkeeper is not None,
        "offer": offer,
        "command": line,
        "qr": qr_code(line) if offer else "",
        "open_until": when(until, someone.zone),
        "connected": [(one, when(one.enrolled_ms, someone.zone)) for one in known if one.revoked_ms is None],
        "former": [(one, when(one.revoked_ms, someone.zone)) for one in known if one.revoked_ms is not None],
    }
    return page("computers.html", context, door=door)


def command_line(request: Request, code: str, *, secure: bool) -> str:
    """The line to type, with this server's address as the therapist's browser knows it."""
    scheme = "https" if secure else request.url.scheme
    return f"plumbline gateway enrol {code} --server {scheme}://{request.url.netloc}"
