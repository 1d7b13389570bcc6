"""The routes of /api/v1. They only translate; `Care` decides what may be seen."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from gateway import messages
from server.access import care as domain
from server.access.arriving import arrival_of, second_factor_wanted
from server.access.forms import form_token
from server.access.rules import AccessRules
from server.access.sessions import close_session, find_open
from server.access.signing_in import Halfway, Opened, answer_code, sign_in
from server.access.web import Door, Holder, Known, SignedIn, desk_of, drop_cookie, set_cookie
from server.api import models
from server.paths import Day, PatientId
from server.plans.types import InvalidPlanError
from server.problems import MEDIA_TYPE, FieldError, ProblemError, not_signed_in
from server.summaries import types as summaries

PREFIX: Final = "/api/v1"
_PROBLEM: Final[dict[int | str, dict[str, Any]]] = {
    code: {"description": words, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
    for code, words in {401: "Not signed in", 404: "Not in one's care", 422: "Cannot be used; says why"}.items()
}
router: Final = APIRouter(prefix=PREFIX, responses=_PROBLEM)


@router.get("/health", tags=["server"])
def health(request: Request) -> models.Health:
    """Whether the server works. Needs no session."""
    desk = desk_of(request)
    desk.ask_database()
    return models.Health(status="ok", utc_ms=desk.clock(), version=version("plumbline"))


@router.post("/session", tags=["session"], status_code=201, response_model=models.Session)
async def open_session(
    request: Request, credentials: models.Credentials, response: Response
) -> models.Session | Response:
    """Sign in. The session is the cookie of the answer. Takes JSON only: a form of another site cannot send that.

    Where the account has a second factor the answer is a problem 401 of the type
    `urn:plumbline:problem:second-factor`, with a cookie for `POST /api/v1/session/factor` and, under `factors`, what
    can be shown there.
    """
    desk = desk_of(request)
    outcome = await sign_in(desk, email=credentials.email, password=credentials.password, arrival=arrival_of(request))
    if isinstance(outcome, Halfway):
        wanted = second_factor_wanted(outcome).as_json()
        set_cookie(wanted, desk.rules, desk.rules.step_cookie, outcome.step)
        return wanted
    return await _signed_in(request, response, outcome)


@router.post("/session/factor", tags=["session"], status_code=201)
async def show_factor(request: Request, factor: models.Factor, response: Response) -> models.Session:
    """The second step of a sign-in: a code of the authenticator app, or a recovery code."""
    opened = await answer_code(desk_of(request), code=factor.code, arrival=arrival_of(request))
    return await _signed_in(request, response, opened)


async def _signed_in(request: Request, response: Response, opened: Opened) -> models.Session:
    desk = desk_of(request)
    now_ms = desk.session_clock()
    found = await run_in_threadpool(find_open, desk.engine, opened.token, now_ms, desk.rules)
    if found is None:
        raise not_signed_in()
    set_cookie(response, desk.rules, desk.rules.session_cookie, opened.token)
    drop_cookie(response, desk.rules, desk.rules.step_cookie)
    return _session(Known(*found, opened.token, form_token(opened.token), now_ms), desk.rules)


def _session(holder: Known, rules: AccessRules) -> models.Session:
    person = holder.person
    return models.Session(
        name=person.name,
        email=person.email,
        role=person.role,
        form_token=holder.form_token,
        second_factor_missing=holder.must_set_up(rules),
    )


@router.get("/session", tags=["session"])
def session(holder: Holder, request: Request) -> models.Session:
    """Who has signed in."""
    return _session(holder, desk_of(request).rules)


@router.delete("/session", tags=["session"], status_code=204)
def end_session(holder: Holder, request: Request, response: Response) -> None:
    """Sign out."""
    desk = desk_of(request)
    close_session(desk.engine, holder.token)
    drop_cookie(response, desk.rules, desk.rules.session_cookie)


@router.get("/patients", tags=["patients"])
def patients(door: Door) -> list[models.Patient]:
    """Everybody in one's care, by name."""
    mine = door.care.patients()
    clips = door.care.all_clips()
    return [_patient(door, someone, clips.get(someone.id, [])) for someone in mine]


@router.get("/patients/{patient_id}", tags=["patients"])
def patient(door: Door, patient_id: PatientId) -> models.Patient:
    """One patient."""
    someone = door.care.patient(patient_id)
    return _patient(door, someone, door.care.clips(patient_id))


@router.get("/patients/{patient_id}/days/{day}", tags=["days"])
def day_summary(door: Door, patient_id: PatientId, day: Day) -> models.DaySummary:
    """A local day in figures, coverage first."""
    return _summary(door.care.day(patient_id, day).summary)


@router.get("/patients/{patient_id}/days/{day}/episodes", tags=["days"])
def episodes(door: Door, patient_id: PatientId, day: Day) -> list[models.Episode]:
    """The episodes of a local day, in order of time."""
    return [models.Episode.model_validate(item) for item in door.care.day(patient_id, day).episodes]


@router.get("/patients/{patient_id}/days/{day}/reminders", tags=["days"])
def reminders(door: Door, patient_id: PatientId, day: Day) -> list[models.Reminder]:
    """The reminders of a local day and the response to each, in order of time."""
    return [models.Reminder.model_validate(item) for item in door.care.day(patient_id, day).reminders]


@router.get("/patients/{patient_id}/days/{day}/identities", tags=["days"])
def identities(door: Door, patient_id: PatientId, day: Day) -> list[models.Identity]:
    """Identity and revision of every record that begins in a local day, as the clips' judges told them."""
    return [models.Identity.model_validate(item) for item in door.care.identities(patient_id, day)]


@router.get("/patients/{patient_id}/plan", tags=["plan"])
def plan(door: Door, patient_id: PatientId) -> models.PlanState:
    """The plan, its state and its versions, the newest first."""
    return models.PlanState.model_validate(door.care.plan(patient_id))


@router.post("/patients/{patient_id}/plan", tags=["plan"], status_code=201)
def change_plan(door: Door, patient_id: PatientId, change: models.PlanChange) -> models.PlanVersion:
    """Write a new version of the plan. It is pending until the clip confirms it."""
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


def _patient(door: SignedIn, someone: domain.Patient, clips: list[Any]) -> models.Patient:
    return models.Patient(
        id=someone.id,
        pseudonym=someone.pseudonym,
        name=someone.name,
        zone=someone.zone.key,
        today=door.care.today(someone).isoformat(),
        simulated=someone.simulated,
        clips=[models.Clip.model_validate(clip) for clip in clips],
    )


def _summary(summary: summaries.DaySummary) -> models.DaySummary:
    figures = models.Figures(
        slouched_share=summary.slouched_share,
        p10_deg=summary.p10,
        p50_deg=summary.p50,
        p90_deg=summary.p90,
        shifts_per_hour=summary.shifts_per_hour,
        response_rate=summary.response_rate,
    )
    shared = {name: getattr(summary, name) for name in models.DaySummary.model_fields if name != "figures"}
    return models.DaySummary(**shared, figures=figures if summary.enough else None)
