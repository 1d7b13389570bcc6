"""What the line refused, and what somebody should look at: of the gateways of one's organisation."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response

from server.access.acts import Duty
from server.access.web import Door
from server.api import models
from server.api.needs import needs
from server.api.paging import LINK, Page
from server.api.prefix import PREFIX
from server.paths import EntryId

router: Final = APIRouter(prefix=PREFIX, tags=["operation"])


@router.get("/alarms", responses={200: {"headers": LINK}}, openapi_extra=needs(Duty.SEE_OPERATION))
def alarms(door: Door, page: Page) -> list[models.Alarm]:
    """Open alarms and those that were acknowledged lately, in order of their numbers."""
    found = sorted(door.office.operation().alarms, key=lambda one: one.id)
    return [models.Alarm.model_validate(one) for one in page.part(found, lambda one: one.id)]


@router.post(
    "/alarms/{entry_id}/acknowledgement",
    status_code=204,
    response_class=Response,
    openapi_extra=needs(Duty.MANAGE_OPERATION),
)
def acknowledge_alarm(door: Door, entry_id: EntryId, said: models.Acknowledgement) -> None:
    """Say that one has looked at an alarm that is open."""
    door.office.acknowledge_alarm(entry_id, said.note)


@router.get("/refused", responses={200: {"headers": LINK}}, openapi_extra=needs(Duty.SEE_OPERATION))
def refused(door: Door, page: Page) -> list[models.Refused]:
    """What is kept of what was refused, in order of their numbers; no measurements."""
    found = sorted(door.office.operation().entries, key=lambda one: one.id)
    return [models.Refused.model_validate(one) for one in page.part(found, lambda one: one.id)]


@router.get("/refused/counts", openapi_extra=needs(Duty.SEE_OPERATION))
def refused_counts(door: Door) -> list[models.RefusedCount]:
    """How often each reason occurred, by gateway, also of what is not kept any more."""
    return [models.RefusedCount.model_validate(one) for one in door.office.operation().tallies]


@router.post(
    "/refused/{entry_id}/acknowledgement",
    status_code=204,
    response_class=Response,
    openapi_extra=needs(Duty.MANAGE_OPERATION),
)
def acknowledge_refused(door: Door, entry_id: EntryId, said: models.Acknowledgement) -> None:
    """Say that one has looked at something that was refused; what else is refused for its reason then counts as new."""
    door.office.acknowledge_entry(entry_id, said.note)
