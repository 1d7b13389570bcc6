"""Pages of weeks and of four weeks, which days count, and where the patient lives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.acts import Act
from server.access.web import Door, SignedIn
from server.language import gettext as _
from server.pages.period import period_context, span_words
from server.pages.render import page
from server.pages.words import WEEKDAY_MOMENT, moment
from server.pages.zones import zones as offered_zones
from server.paths import Day, PatientId, ToDay
from server.summaries.calendar import UnknownZoneError, local_instant
from server.summaries.marks import MarkError
from server.summaries.periods import BEFORE_DAYS, WEEK_DAYS, week_of
from server.summaries.travel import ZoneChangeError
from server.summaries.zone_history import EVER_MS

router: Final = APIRouter(include_in_schema=False)

StartMs = Annotated[int, Path(gt=0, lt=2**53)]


@router.get("/patients/{patient_id}/weeks")
def present_week(door: Door, patient_id: PatientId) -> Response:
    """To the patient's present week."""
    door.care.demand(Act.SEE_TRENDS, patient_id)
    today = door.care.today(door.care.patient(patient_id))
    return RedirectResponse(f"/patients/{patient_id}/weeks/{today}", 303)


@router.get("/patients/{patient_id}/weeks/{day}")
def week(door: Door, patient_id: PatientId, day: Day) -> HTMLResponse:
    """The week that a day lies in."""
    period = door.care.week(patient_id, day)
    number = period.recent.first.isocalendar().week
    context = period_context(
        period,
        _("Week {number}").format(number=number),
        lambda last: f"/patients/{patient_id}/weeks/{last}",
        step=WEEK_DAYS,
        newest=week_of(period.today)[1],
    )
    return _page(door, patient_id, {**context, "view": "week", "this": _("This week")})


@router.get("/patients/{patient_id}/trends")
def four_weeks(door: Door, patient_id: PatientId, last: ToDay) -> HTMLResponse:
    """Four weeks, to yesterday or to a day that was asked for."""
    period = door.care.four_weeks(patient_id, last)
    context = period_context(
        period,
        _("Four weeks"),
        lambda last: f"/patients/{patient_id}/trends?to={last}",
        step=BEFORE_DAYS,
        newest=period.today - timedelta(days=1),
    )
    return _page(door, patient_id, {**context, "view": "trends", "this": _("These four weeks")})


def _page(door: SignedIn, patient_id: int, context: dict[str, object]) -> HTMLResponse:
    return page("period.html", {**context, "patient": door.care.patient(patient_id)}, door=door)


@router.post("/patients/{patient_id}/days/{day}/mark")
async def mark(door: Door, request: Request, patient_id: PatientId, day: Day) -> Response:
    """Leave a day out of weeks and trends, or let it count again; then back to it."""
    form = await request.form()
    counts, reason = form.get("representative") == "yes", str(form.get("reason", ""))
    problem = await run_in_threadpool(_mark, door, patient_id, day, counts, reason)
    if problem is None:
        return RedirectResponse(f"/patients/{patient_id}/days/{day}#mark", 303)
    context = {
        "patient": await run_in_threadpool(door.care.patient, patient_id),
        "day": day,
        "day_words": span_words(day, day),
        "problem": problem,
        "reason": reason,
    }
    return page("mark.html", context, door=door, status=422)


def _mark(door: SignedIn, patient_id: int, day: date, counts: bool, reason: str) -> str | None:
    try:
        door.care.mark_day(patient_id, day, representative=counts, reason=reason)
    except MarkError as error:
        return str(error)
    return None


@router.get("/patients/{patient_id}/zone")
def zone(door: Door, patient_id: PatientId) -> HTMLResponse:
    """Where the patient lives, and lived."""
    return _zone_page(door, patient_id)


@router.post("/patients/{patient_id}/zone")
async def set_zone(door: Door, request: Request, patient_id: PatientId) -> Response:
    """The patient has moved."""
    form = await request.form()
    typed = {name: str(form.get(name, "")).strip() for name in ("zone", "date", "time")}
    return await run_in_threadpool(_set_zone, door, patient_id, typed)


def _set_zone(door: SignedIn, patient_id: int, typed: dict[str, str]) -> Response:
    door.care.demand(Act.CHANGE_ZONE, patient_id)
    try:
        at = datetime.strptime(f"{typed['date']} {typed['time']}", "%Y-%m-%d %H:%M")  # noqa: DTZ007 - the zone is apart
        start_ms = local_instant(typed["zone"], at.date(), 60 * at.hour + at.minute)
        door.care.set_zone(patient_id, typed["zone"], start_ms)
    except (UnknownZoneError, ZoneChangeError) as error:
        return _zone_page(door, patient_id, typed, str(error))
    except ValueError:
        return _zone_page(door, patient_id, typed, _("Give the date and the time of arrival."))
    return RedirectResponse(f"/patients/{patient_id}/zone", 303)


@router.post("/patients/{patient_id}/zone/{start_ms}/take-back")
def take_back_zone(door: Door, patient_id: PatientId, start_ms: StartMs) -> Response:
    """A change of zone did not happen."""
    try:
        door.care.take_back_zone(patient_id, start_ms)
    except ZoneChangeError as error:
        return _zone_page(door, patient_id, problem=str(error))
    return RedirectResponse(f"/patients/{patient_id}/zone", 303)


def _zone_page(door: SignedIn, patient_id: int, typed: dict[str, str] | None = None, problem: str = "") -> HTMLResponse:
    care = door.care
    periods = care.zones(patient_id)
    someone = care.patient(patient_id)
    now = datetime.fromtimestamp(door.now_ms / 1000, UTC).astimezone(someone.zone)
    plan_zone = None
    if care.may(Act.SEE_PLAN, patient_id):
        state = care.plan(patient_id)
        newest = state.newest
        plan_zone = newest.plan.zone if newest is not None and newest.plan.zone != someone.zone.key else None
    context = {
        "patient": someone,
        "periods": [
            (one, _("always before") if one.start_ms == EVER_MS else _since(one.start_ms, one.zone)) for one in periods
        ],
        "changeable": {one.start_ms for one in periods if one.start_ms != EVER_MS},
        "may_change": care.may(Act.CHANGE_ZONE, patient_id),
        "plan_zone": plan_zone,
        "may_plan": care.may(Act.CHANGE_PLAN, patient_id),
        "sees_days": care.may(Act.SEE_DAY, patient_id),
        "offered": offered_zones(),
        "typed": typed or {"zone": "", "date": f"{now:%Y-%m-%d}", "time": ""},
        "problem": problem,
        "earliest": f"{now - timedelta(days=399):%Y-%m-%d}",
        "latest": f"{now + timedelta(days=1):%Y-%m-%d}",
    }
    return page("zone.html", context, door=door, status=422 if problem else 200)


def _since(start_ms: int, zone: str) -> str:
    return _("since {when}").format(when=moment(start_ms, ZoneInfo(zone), WEEKDAY_MOMENT))
