"""An administrator's pages: accounts, invitations, emergency access; patients' records and who cares for them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.accounts import AccountError
from server.access.acts import Duty, Role
from server.access.my_account import MyAccount
from server.access.web import Door, Holder, SignedIn, desk_of
from server.language import N_
from server.pages.places import PEOPLE, RECORDS
from server.pages.render import page
from server.pages.zones import zones
from server.paths import PatientId
from server.people.invitations import InvitationError
from server.people.links import Link
from server.summaries.calendar import UnknownZoneError

router: Final = APIRouter(include_in_schema=False, prefix=PEOPLE)
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Text = Annotated[str, Form(max_length=300)]

ROLES: Final = {
    Role.THERAPIST: (N_("Therapist"), N_("sees and treats those in their care")),
    Role.ADMINISTRATOR: (N_("Administrator"), N_("looks after people and records, sees no measurements")),
    Role.PATIENT: (N_("Patient"), N_("sees their own days and plan")),
}


@router.get("")
def people(door: Door) -> HTMLResponse:
    """Everybody of the organisation."""
    return _people(door)


@router.post("/name")
def rename_organisation(door: Door, name: Text = "") -> Response:
    """Call the organisation otherwise."""
    try:
        door.office.rename_organisation(name)
    except AccountError as error:
        return _people(door, error=str(error))
    return RedirectResponse(PEOPLE, 303)


@router.post("/invitations")
def invite(door: Door, request: Request, email: Text = "", role: Text = "") -> HTMLResponse:
    """Invite a colleague; the link is shown this once."""
    try:
        link = door.office.invite(email, role)
    except InvitationError as error:
        return _people(door, error=str(error), email=email, role=role)
    return _people(door, link=_shown(request, door, "invitation", link, email))


@router.post("/invitations/{invitation_id}/revoke")
def revoke_invitation(door: Door, invitation_id: Number) -> Response:
    """Take an invitation back."""
    door.office.revoke_invitation(invitation_id)
    return RedirectResponse(PEOPLE, 303)


@router.post("/accounts/{account_id}/recovery")
def recovery_link(door: Door, holder: Holder, request: Request, account_id: Number) -> HTMLResponse:
    """Make a link with which somebody sets a new password; it is shown this once."""
    if door.office.may(Duty.MANAGE_PEOPLE):
        MyAccount(desk_of(request), holder).require_fresh()
    name, link = door.office.recovery_link(account_id)
    return _people(door, link=_shown(request, door, "recovery", link, name))


@router.post("/accounts/{account_id}/factors")
def forget_factors(door: Door, holder: Holder, request: Request, account_id: Number) -> Response:
    """Take the second factors of somebody away who has lost them."""
    if door.office.may(Duty.MANAGE_PEOPLE):
        MyAccount(desk_of(request), holder).require_fresh()
    door.office.forget_factors(account_id)
    return RedirectResponse(PEOPLE, 303)


@router.post("/accounts/{account_id}/disable")
def disable(door: Door, account_id: Number) -> Response:
    """Let nobody sign in with an account any more."""
    door.office.disable(account_id)
    return RedirectResponse(PEOPLE, 303)


@router.post("/accounts/{account_id}/enable")
def enable(door: Door, account_id: Number) -> Response:
    """Let its owner sign in again."""
    door.office.enable(account_id)
    return RedirectResponse(PEOPLE, 303)


@router.post("/emergencies/{emergency_id}/end")
def end_emergency(door: Door, emergency_id: Number) -> Response:
    """End somebody's emergency access."""
    door.office.end_emergency(emergency_id)
    return RedirectResponse(PEOPLE, 303)


@router.get("/patients")
def records(door: Door) -> HTMLResponse:
    """Every patient's record."""
    return _records(door)


@router.post("/patients")
def add_patient(door: Door, name: Text = "", zone: Text = "") -> Response:
    """Make a record."""
    try:
        number = door.office.add_patient(name, zone)
    except (AccountError, UnknownZoneError) as error:
        return _records(door, error=str(error), name=name, zone=zone)
    return RedirectResponse(f"{RECORDS}/{number}", 303)


@router.get("/patients/{patient_id}")
def record(door: Door, patient_id: PatientId) -> HTMLResponse:
    """A patient's record, and who cares for them."""
    return _record(door, patient_id)


@router.post("/patients/{patient_id}")
def rename_patient(door: Door, patient_id: PatientId, name: Text = "") -> Response:
    """Call a patient otherwise."""
    try:
        door.care.rename(patient_id, name)
    except AccountError as error:
        return _record(door, patient_id, error=str(error))
    return RedirectResponse(f"{RECORDS}/{patient_id}", 303)


@router.post("/patients/{patient_id}/carers/{carer_id}/begin")
def begin_care(door: Door, patient_id: PatientId, carer_id: Number) -> Response:
    """From now on a therapist cares for the patient."""
    door.care.begin_care(patient_id, carer_id)
    return RedirectResponse(f"{RECORDS}/{patient_id}", 303)


@router.post("/patients/{patient_id}/carers/{carer_id}/end")
def end_care(door: Door, patient_id: PatientId, carer_id: Number) -> Response:
    """From now on no longer."""
    door.care.end_care(patient_id, carer_id)
    return RedirectResponse(f"{RECORDS}/{patient_id}", 303)


@router.post("/patients/{patient_id}/invitation")
def invite_patient(door: Door, request: Request, patient_id: PatientId, email: Text = "") -> HTMLResponse:
    """Invite the patient to an account of their own; the link is shown this once."""
    try:
        link = door.care.invite(patient_id, email)
    except InvitationError as error:
        return _record(door, patient_id, error=str(error), email=email)
    return _record(door, patient_id, link=_shown(request, door, "invitation", link, email))


def _people(
    door: SignedIn,
    *,
    error: str = "",
    email: str = "",
    role: str = Role.THERAPIST,
    link: dict[str, object] | None = None,
) -> HTMLResponse:
    office = door.office
    accounts = office.accounts()
    emergencies = office.emergencies()
    context = {
        "organisation": office.organisation(),
        "accounts": [one for one in accounts if not one.disabled],
        "disabled": [one for one in accounts if one.disabled],
        "invitations": office.invitations(),
        "in_force": [one for one in emergencies if one.end_ms > door.now_ms],
        "past": [one for one in emergencies if one.end_ms <= door.now_ms],
        "roles": ROLES,
        "error": error,
        "email": email,
        "chosen": role,
        "link": link,
        "now_ms": door.now_ms,
    }
    return page("people.html", context, door=door, status=422 if error else 200)


def _records(door: SignedIn, *, error: str = "", name: str = "", zone: str = "") -> HTMLResponse:
    everybody = door.office.records()
    common = max((one.zone for one in everybody), key=[one.zone for one in everybody].count, default="")
    context = {"records": everybody, "zones": zones(), "error": error, "name": name, "zone": zone or common}
    return page("records.html", context, door=door, status=422 if error else 200)


def _record(
    door: SignedIn,
    patient_id: int,
    *,
    error: str = "",
    email: str = "",
    link: dict[str, object] | None = None,
) -> HTMLResponse:
    carers = door.care.carers(patient_id)
    context = {
        "patient": door.care.patient(patient_id),
        "carers": [one for one in carers if one.since_ms is not None],
        "others": [one for one in carers if one.since_ms is None],
        "account": door.care.account(patient_id),
        "error": error,
        "email": email,
        "link": link,
        "now_ms": door.now_ms,
    }
    return page("record.html", context, door=door, status=422 if error else 200)


def _shown(request: Request, door: SignedIn, kind: str, link: Link, whom: str) -> dict[str, object]:
    base = desk_of(request).rules.public_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
    return {"kind": kind, "url": f"{base}/{kind}/{link.token}", "whom": whom, "left_ms": link.expires_ms - door.now_ms}
