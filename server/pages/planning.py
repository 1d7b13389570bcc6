"""A patient's plan: the form, one's draft, where to begin from, and what the clips have."""

from __future__ import annotations

from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from gateway import messages
from server.access.acts import Act
from server.access.web import Door, SignedIn
from server.language import N_
from server.language import gettext as _
from server.pages import plan_form
from server.pages.plan_preview import Panel, panel
from server.pages.plan_words import STATES, calibration_words, differences, drift_words, plan_words
from server.pages.render import fragment, page
from server.pages.routes import header
from server.pages.words import moment
from server.paths import PatientId, TemplateKey
from server.plans.drafts import FIELDS
from server.plans.templates import Template, begin_with
from server.plans.types import InvalidPlanError, PlanState, PlanVersion
from server.plans.validating import validate
from server.problems import not_found

router: Final = APIRouter(include_in_schema=False)
ON_ITS_WAY_MS: Final = 10 * 60_000
"""How long a new version may be on its way before the page says more than that it is."""
_NOT_CHANGED: Final = N_("The plan was not changed")
_NO_PREVIEW: Final = N_("There is no preview of this yet")
_CHANGED: Final = N_("The plan was changed meanwhile. Compare with the versions below, then send again.")


@router.get("/patients/{patient_id}/plan")
def plan_page(
    door: Door, patient_id: PatientId, template: Annotated[str | None, Query(max_length=40)] = None
) -> HTMLResponse:
    """The plan, ready to be changed: from a template where one was chosen, else from one's draft, else as it is."""
    newest = door.care.plan(patient_id).newest
    if template is not None:
        door.care.demand(Act.CHANGE_PLAN, patient_id)
        chosen = _template(door, template)
        fields = begin_with(chosen, _fields(newest.plan if newest else None))
        return _plan_page(door, patient_id, plan_form.draft_of_fields(fields, ""), begun_with=chosen.name)
    saved = door.care.draft(patient_id) if door.care.may(Act.CHANGE_PLAN, patient_id) else None
    if saved is not None:
        return _plan_page(door, patient_id, plan_form.draft_of_fields(saved.fields, saved.reason))
    return _plan_page(door, patient_id, plan_form.draft_of(newest.plan) if newest else plan_form.first_draft())


@router.post("/patients/{patient_id}/plan")
async def change_plan(door: Door, request: Request, patient_id: PatientId) -> Response:
    """Write a new version, pending until the clip confirms it; or keep the form as a draft or as a template, or show
    what the last days would have been under it."""
    form = await request.form()
    draft, fields = plan_form.read_form(form)
    wanted = {name: str(form.get(name, "")) for name in ("do", "based_on", "template_name", "template_purpose")}
    doing = {"draft": _save_draft, "template": _save_template, "preview": _preview}.get(wanted["do"], _change_plan)
    return await run_in_threadpool(doing, door, patient_id, draft, fields, wanted)


def _change_plan(
    door: SignedIn, patient_id: int, draft: plan_form.Draft, fields: dict[str, object], wanted: dict[str, str]
) -> Response:
    door.care.demand(Act.CHANGE_PLAN, patient_id)
    newest = door.care.plan(patient_id).newest
    if wanted["based_on"] != str(newest.version if newest else 0):
        draft.errors[""] = _(_CHANGED)
    if not draft.errors:
        try:
            door.care.change_plan(patient_id, fields, draft.values["reason"])
        except InvalidPlanError as refusal:
            plan_form.add_refusal(draft, refusal)
        else:
            return RedirectResponse(f"/patients/{patient_id}", 303)
    return _plan_page(door, patient_id, draft, status=422)


def _save_draft(
    door: SignedIn, patient_id: int, draft: plan_form.Draft, fields: dict[str, object], wanted: dict[str, str]
) -> Response:
    based_on = int(wanted["based_on"]) if wanted["based_on"].isdecimal() and len(wanted["based_on"]) < 6 else 0
    try:
        door.care.save_draft(
            patient_id, plan_form.as_typed(draft, fields), reason=draft.values["reason"], based_on=based_on
        )
    except InvalidPlanError as refusal:
        plan_form.add_refusal(draft, refusal)
        return _plan_page(door, patient_id, draft, status=422)
    return RedirectResponse(f"/patients/{patient_id}/plan", 303)


def _save_template(
    door: SignedIn, patient_id: int, draft: plan_form.Draft, fields: dict[str, object], wanted: dict[str, str]
) -> Response:
    door.care.demand(Act.CHANGE_PLAN, patient_id)
    draft.errors.pop("reason", None)
    if not draft.errors:
        try:
            door.office.save_template(wanted["template_name"], wanted["template_purpose"], fields)
        except InvalidPlanError as refusal:
            plan_form.add_refusal(draft, refusal)
        else:
            return RedirectResponse(f"/patients/{patient_id}/plan/templates", 303)
    return _plan_page(door, patient_id, draft, status=422, sent=wanted)


def _preview(
    door: SignedIn, patient_id: int, draft: plan_form.Draft, fields: dict[str, object], wanted: dict[str, str]
) -> Response:
    door.care.demand(Act.CHANGE_PLAN, patient_id)
    draft.errors.pop("reason", None)
    if not draft.errors:
        try:
            found = door.care.preview_plan(patient_id, fields)
        except InvalidPlanError as refusal:
            plan_form.add_refusal(draft, refusal)
        else:
            return _plan_page(door, patient_id, draft, sent=wanted, preview=panel(found))
    return _plan_page(door, patient_id, draft, status=422, sent=wanted)


@router.post("/patients/{patient_id}/plan/draft/drop")
def drop_draft(door: Door, patient_id: PatientId) -> Response:
    """Forget one's draft."""
    door.care.drop_draft(patient_id)
    return RedirectResponse(f"/patients/{patient_id}/plan", 303)


@router.get("/patients/{patient_id}/plan/templates")
def templates_page(door: Door, patient_id: PatientId) -> HTMLResponse:
    """Where a plan can begin from, and what each would change."""
    door.care.demand(Act.CHANGE_PLAN, patient_id)
    someone = door.care.patient(patient_id)
    newest = door.care.plan(patient_id).newest
    before = newest.plan if newest else None
    shown = [(template, _would_change(template, before)) for template in door.office.templates()]
    context = {
        "patient": someone,
        "own": [one for one in shown if one[0].own],
        "catalogue": [one for one in shown if not one[0].own],
    }
    return page("plan_templates.html", context, door=door)


@router.post("/patients/{patient_id}/plan/templates/{key}/remove")
def remove_template(door: Door, patient_id: PatientId, key: TemplateKey) -> Response:
    """Take away one of one's organisation's own."""
    door.care.demand(Act.CHANGE_PLAN, patient_id)
    door.office.remove_template(key)
    return RedirectResponse(f"/patients/{patient_id}/plan/templates", 303)


@router.get("/patients/{patient_id}/plan/state")
def plan_state(door: Door, patient_id: PatientId) -> HTMLResponse:
    """The plan's state alone, asked for again and again while it is pending."""
    state = door.care.plan(patient_id)
    response = HTMLResponse(fragment("plan_state.html", {"plan": state}))
    response.headers["x-plan-waiting"] = "yes" if state.waiting else "no"
    return response


def _template(door: SignedIn, key: str) -> Template:
    for template in door.office.templates():
        if template.key == key:
            return template
    raise not_found("template")


def _fields(plan: messages.Plan | None) -> dict[str, object]:
    return (plan or messages.Plan(version=1)).model_dump(mode="json", include=set(FIELDS))


def _would_change(template: Template, before: messages.Plan | None) -> str:
    fields = begin_with(template, _fields(before))
    try:
        plan = validate({**fields, "version": 1})
    except InvalidPlanError as refusal:
        return _("Does not fit this plan as it is: {why}").format(why=refusal)
    return differences(plan, before) if before else plan_words(plan)


def _plan_page(
    door: SignedIn,
    patient_id: int,
    draft: plan_form.Draft,
    *,
    status: int = 200,
    begun_with: str = "",
    sent: dict[str, str] | None = None,
    preview: Panel | None = None,
) -> HTMLResponse:
    """`sent`: what else than the plan's fields came with the form, to be shown again."""
    someone = door.care.patient(patient_id)
    state = door.care.plan(patient_id)
    may_change = door.care.may(Act.CHANGE_PLAN, patient_id)
    saved = door.care.draft(patient_id) if may_change else None
    context = {
        **header(door, someone),
        "draft": draft,
        "saved": saved,
        "saved_when": when(saved.changed_ms if saved else None, someone.zone),
        "overtaken": saved is not None and saved.based_on != (state.newest.version if state.newest else 0),
        "begun_with": begun_with,
        "preview": preview,
        "errors_title": _(_NO_PREVIEW if (sent or {}).get("do") == "preview" else _NOT_CHANGED),
        "based_on": (sent or {}).get("based_on", state.newest.version if state.newest else 0),
        "template_name": (sent or {}).get("template_name", ""),
        "template_purpose": (sent or {}).get("template_purpose", ""),
        "may_change": may_change,
        "modes": plan_form.MODES,
        "day_names": plan_form.DAYS,
        "short_days": plan_form.SHORT_DAYS,
        "triggers": plan_form.TRIGGERS,
        "probes": plan_form.PROBES,
        "switches": plan_form.SWITCHES,
        "when_fields": plan_form.WHEN,
        "reminder_fields": plan_form.REMINDERS,
        "goal_fields": plan_form.GOALS,
        "drift": [
            drift_words(one, state, someone.zone, door.now_ms)
            for one in state.drift
            if door.now_ms - one.since_ms >= ON_ITS_WAY_MS
        ],
        "reports": _reports(state, someone.zone),
        "history": _history(state, someone.zone),
    }
    return page("plan.html", context, door=door, status=status)


def when(t_ms: int | None, zone: ZoneInfo) -> str:
    """A moment in `zone`, a dash for none."""
    return "–" if t_ms is None else moment(t_ms, zone)


def _reports(state: PlanState, zone: ZoneInfo) -> list[dict[str, object]]:
    return [
        {
            "report": one,
            "plan": "–" if one.plan_version is None else one.plan_version or _("none yet"),
            "plan_since": when(one.plan_since_ms, zone),
            "calibration": calibration_words(one, zone),
        }
        for one in state.reports
    ]


def _history(state: PlanState, zone: ZoneInfo) -> list[dict[str, object]]:
    def line(version: PlanVersion, older: PlanVersion | None) -> dict[str, object]:
        return {
            "version": version,
            "state": _(STATES[version.state]),
            "written": when(version.created_ms, zone),
            "confirmed": when(version.confirmed_ms, zone),
            "changes": differences(version.plan, older.plan if older else None),
        }

    older = (*state.history[1:], None)
    return [line(version, before) for version, before in zip(state.history, older, strict=False)]
