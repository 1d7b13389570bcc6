"""What was measured, by local day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from server.access.acts import Act
from server.access.web import Door
from server.api import models
from server.api.etag import UNCHANGED, IfNoneMatch, answer
from server.api.needs import needs
from server.api.paging import LINK, Page, lead_on
from server.api.prefix import PREFIX
from server.paths import Day, FromDay, PatientId
from server.summaries import types as summaries

MOST_DAYS: Final = 92
router: Final = APIRouter(prefix=PREFIX, tags=["days"])


@router.get(
    "/patients/{patient_id}/days",
    response_model=list[models.DaySummary],
    responses={**UNCHANGED, 200: {"headers": {**UNCHANGED[200]["headers"], **LINK}}},
    openapi_extra=needs(Act.SEE_DAY),
)
def days(
    door: Door,
    request: Request,
    response: Response,
    patient_id: PatientId,
    wanted: IfNoneMatch,
    first: FromDay,
    count: Annotated[int, Query(alias="days", ge=1, le=MOST_DAYS, description="How many days.")] = 28,
) -> Response:
    """Local days in figures, one after the other; `Link` leads on until the patient's present day. Without `from` the
    last one is that day."""
    found, today = door.care.days(patient_id, first, count)
    if (last := date.fromisoformat(found[-1].date)) < today:
        lead_on(request, response, **{"from": (last + timedelta(days=1)).isoformat()})
    return answer([summary_of(day) for day in found], wanted, response)


@router.get(
    "/patients/{patient_id}/days/{day}",
    response_model=models.DaySummary,
    responses=UNCHANGED,
    openapi_extra=needs(Act.SEE_DAY),
)
def day_summary(door: Door, response: Response, patient_id: PatientId, day: Day, wanted: IfNoneMatch) -> Response:
    """A local day in figures, coverage first."""
    return answer(summary_of(door.care.day(patient_id, day).summary), wanted, response)


@router.get(
    "/patients/{patient_id}/days/{day}/episodes", responses={200: {"headers": LINK}}, openapi_extra=needs(Act.SEE_DAY)
)
def episodes(door: Door, patient_id: PatientId, day: Day, page: Page) -> list[models.Episode]:
    """The episodes of a local day, in order of their start, by which parts go on."""
    found = sorted(door.care.day(patient_id, day).episodes, key=lambda one: one.start_ms)
    return [models.Episode.model_validate(item) for item in page.part(found, lambda one: one.start_ms)]


@router.get(
    "/patients/{patient_id}/days/{day}/reminders", responses={200: {"headers": LINK}}, openapi_extra=needs(Act.SEE_DAY)
)
def reminders(door: Door, patient_id: PatientId, day: Day, page: Page) -> list[models.Reminder]:
    """The reminders of a local day and the response to each, in order of time, by which parts go on."""
    found = sorted(door.care.day(patient_id, day).reminders, key=lambda one: one.utc_ms)
    return [models.Reminder.model_validate(item) for item in page.part(found, lambda one: one.utc_ms)]


@router.get(
    "/patients/{patient_id}/days/{day}/identities", responses={200: {"headers": LINK}}, openapi_extra=needs(Act.SEE_DAY)
)
def identities(door: Door, patient_id: PatientId, day: Day, page: Page) -> list[models.Identity]:
    """Identity and revision of every record that begins in a local day, as the clips' judges told them, in order of
    time, by which parts go on."""
    found = sorted(door.care.identities(patient_id, day), key=lambda one: one.utc_ms)
    return [models.Identity.model_validate(item) for item in page.part(found, lambda one: one.utc_ms)]


def summary_of(summary: summaries.DaySummary) -> models.DaySummary:
    """A day as the API tells it."""
    shared = {name: getattr(summary, name) for name in models.DaySummary.model_fields if name != "figures"}
    return models.DaySummary(**shared, figures=figures_of(summary))


def figures_of(summary: summaries.DaySummary) -> models.Figures | None:
    """The figures of a day above the floor of coverage."""
    if not summary.enough:
        return None
    return models.Figures(
        slouched_share=summary.slouched_share,
        p10_deg=summary.p10,
        p50_deg=summary.p50,
        p90_deg=summary.p90,
        spread_deg=summary.spread,
        shifts_per_hour=summary.shifts_per_hour,
        breaks_per_hour=summary.breaks_per_hour,
        longest_still_s=summary.longest_still_s,
        longest_still_start_ms=summary.longest_still_start_ms,
        longest_still_cut=summary.longest_still_cut,
        response_rate=summary.response_rate,
    )
