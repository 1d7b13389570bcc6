"""A patient's data and rights: consent, who looked, everything as a file, erasure and what became of it."""

from __future__ import annotations

from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from starlette.responses import Response

from server.access.acts import Act
from server.access.care_rights import NotConfirmedError
from server.access.web import Door, SignedIn, desk_of
from server.downloads import zip_file
from server.language import N_
from server.language import gettext as _
from server.pages.act_words import act_words
from server.pages.places import ERASURES, OWN, PATIENTS, RECORDS
from server.pages.render import page
from server.pages.words import when
from server.paths import PatientId
from server.problems import not_allowed
from server.rights.consents import ConsentError

router: Final = APIRouter(include_in_schema=False)
ErasureId = Annotated[int, Path(ge=1, lt=2**31)]
GatewayId = Annotated[str, Path(max_length=40)]
Text = Annotated[str, Form(max_length=100)]
_SHOWN: Final = 40
_WAYS: Final = {
    "account": N_("in their own account"),
    "paper": N_("on paper"),
    "spoken": N_("by word"),
    "restored": N_("see backups"),
}
_BASES: Final = {
    "care": N_("in care"),
    "self": N_("the patient"),
    "emergency": N_("emergency access"),
    "administration": N_("administration"),
}

KINDS: Final = {
    "alarm": N_("alarms about the patient's clip"),
    "assignment": N_("times with a clip"),
    "boot_span": N_("switching on of the clip"),
    "care_relation": N_("who treated the patient"),
    "clip_event": N_("other events of the clip"),
    "clip_status": N_("what the clip told of itself"),
    "command": N_("what the clip was asked to do"),
    "consent": N_("consent"),
    "daily": N_("days in figures"),
    "day_mark": N_("marked days"),
    "emergency_access": N_("emergency access"),
    "enrolment": N_("codes for computers"),
    "episode": N_("episodes"),
    "epoch_hour": N_("hours of measurements"),
    "invitation": N_("invitations"),
    "pain_entry": N_("pain that was noted"),
    "patient": N_("record with the name"),
    "patient_zone": N_("time zones"),
    "plan": N_("plans"),
    "plan_delivery": N_("deliveries of plans"),
    "plan_draft": N_("drafts of plans"),
    "quarantine": N_("what could not be taken in"),
    "red_flag_answer": N_("answers about urgent signs"),
    "reminder": N_("reminders"),
    "reminder_answer": N_("answers about reminders"),
    "session": N_("signed-in browsers"),
    "stale_day": N_("days to be made again"),
    "unplaced_epoch": N_("minutes without a time"),
    "unreadable": N_("what was unreadable on the clip"),
    "user_account": N_("account"),
}
"""Tables in words; another goes by its own name."""


@router.get("/patients/{patient_id}/rights")
def rights(door: Door, patient_id: PatientId) -> HTMLResponse:
    """A patient's data and rights."""
    return _page(door, patient_id)


@router.get(f"{OWN}/rights")
def own_rights(door: Door) -> HTMLResponse:
    """One's own data and rights."""
    if door.person.patient_id is None:
        raise not_allowed()
    return _page(door, door.person.patient_id)


@router.post("/patients/{patient_id}/consent")
def give_consent(
    door: Door, request: Request, patient_id: PatientId, version: Text = "", how: Text = "", signed_on: Text = ""
) -> Response:
    """Note that consent is given."""
    try:
        door.care.give_consent(patient_id, version, how == "paper", signed_on, desk_of(request).tombstones)
    except ConsentError as error:
        return _page(door, patient_id, error=str(error), status=422)
    return RedirectResponse(f"/patients/{patient_id}/rights", 303)


@router.post("/patients/{patient_id}/consent/withdraw")
def withdraw_consent(door: Door, request: Request, patient_id: PatientId) -> Response:
    """Note that consent is withdrawn."""
    door.care.withdraw_consent(patient_id, desk_of(request).tombstones)
    return RedirectResponse(f"/patients/{patient_id}/rights", 303)


@router.get("/patients/{patient_id}/export")
def export(door: Door, patient_id: PatientId) -> StreamingResponse:
    """Everything that is held about a patient."""
    return zip_file(lambda file: door.care.export(patient_id, file))


@router.post("/patients/{patient_id}/erase")
def erase(door: Door, request: Request, patient_id: PatientId, typed: Text = "") -> Response:
    """Erase a patient for good."""
    try:
        made = door.care.erase(patient_id, typed, desk_of(request).tombstones)
    except NotConfirmedError as error:
        return _page(door, patient_id, error=str(error), status=422, unconfirmed=True)
    desk_of(request).tell_broker()
    return RedirectResponse(f"{ERASURES}/{made}", 303)


@router.get(ERASURES)
def erasures(door: Door) -> HTMLResponse:
    """Every erasure of the organisation."""
    found = [(one, when(one.at_ms, ZoneInfo("UTC"))) for one in door.office.erasures()]
    return page("erasures.html", {"erasures": found}, door=door)


@router.get(f"{ERASURES}/{{erasure_id}}")
def erasure(door: Door, erasure_id: ErasureId) -> HTMLResponse:
    """What was erased and what is outstanding."""
    found = door.office.erasure(erasure_id)
    zone = ZoneInfo("UTC")
    context = {
        "report": found,
        "now_ms": door.now_ms,
        "when": when(found.at_ms, zone),
        "counted": when(found.counted_ms, zone),
        "completed": when(found.completed_ms, zone),
        "gone": [(_(KINDS.get(name, name.replace("_", " "))), count) for name, count in found.gone.items()],
    }
    return page("erasure.html", context, door=door)


@router.post(f"{ERASURES}/{{erasure_id}}/computers/{{gateway}}/disconnect")
def give_up(door: Door, request: Request, erasure_id: ErasureId, gateway: GatewayId) -> Response:
    """Wait no more for a computer of an erased patient: it is disconnected for good."""
    door.office.give_up_computer(erasure_id, gateway)
    desk_of(request).tell_broker()
    return RedirectResponse(f"{ERASURES}/{erasure_id}", 303)


def _page(
    door: SignedIn, patient_id: int, *, error: str = "", status: int = 200, unconfirmed: bool = False
) -> HTMLResponse:
    door.care.enter(patient_id, Act.SEE_RIGHTS, Act.SEE_RECORD, Act.SEE_AUDIT)
    state = door.care.consent(patient_id)
    someone = door.care.patient(patient_id)
    told = door.care.looks(patient_id)

    def shown(actor: str) -> str:
        return told.names.get(actor, _("the server") if actor == "-" else actor)

    looks: list[dict[str, Any]] = [
        {
            "who": shown(one.actor),
            "basis": _(_BASES[one.basis]) if one.basis in _BASES else "",
            "done": [act_words(act) for act in one.done],
            "not_done": [act_words(act) for act in one.not_done],
            "when": when(one.last_ms, someone.zone),
        }
        for one in told.looks
    ]
    said = [
        {
            "given": one.kind == "given",
            "version": one.version,
            "how": _(_WAYS[one.how]),
            "signed_on": one.signed_on,
            "who": shown(one.actor) if one.actor else "",
            "when": when(one.at_ms, someone.zone),
        }
        for one in state.said
    ]
    itself = someone.basis == "self"
    context = {
        "patient": someone,
        "itself": itself,
        "here": f"{OWN}/rights" if itself else RECORDS if someone.basis == "administration" else PATIENTS,
        "back": OWN
        if itself
        else f"{RECORDS}/{patient_id}"
        if someone.basis == "administration"
        else f"/patients/{patient_id}",
        "consent": state,
        "said": said,
        "viewers": [(one.name, when(one.until_ms, someone.zone)) for one in door.care.viewers(patient_id)],
        "looks": looks[:_SHOWN],
        "more_looks": looks[_SHOWN:],
        "may_export": door.care.may(Act.EXPORT, patient_id),
        "may_erase": door.care.may(Act.ERASE, patient_id),
        "error": error,
        "unconfirmed": unconfirmed,
    }
    return page("rights.html", context, door=door, status=status)
