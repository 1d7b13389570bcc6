"""How taking in goes, for administrators: what somebody should look at, and what was refused."""

from __future__ import annotations

from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.web import Door
from server.pages import words
from server.pages.operation_words import ALARMS, KINDS, REASONS
from server.pages.places import OPERATION
from server.pages.render import page
from server.paths import EntryId

router: Final = APIRouter(include_in_schema=False)

Note = Annotated[str, Form(max_length=300)]


@router.get(OPERATION)
def operation(door: Door) -> HTMLResponse:
    """Alarms and refusals of the organisation's gateways."""
    found = door.office.operation()
    context = {
        "open_alarms": [one for one in found.alarms if one.acknowledged_ms is None],
        "former_alarms": [one for one in found.alarms if one.acknowledged_ms is not None],
        "open_entries": [one for one in found.entries if one.acknowledged_ms is None],
        "former_entries": [one for one in found.entries if one.acknowledged_ms is not None],
        "tallies": found.tallies,
        "words": ALARMS,
        "reasons": REASONS,
        "kinds": KINDS,
        "moment": moment,
        "now_ms": door.now_ms,
    }
    return page("operation.html", context, door=door)


@router.post(f"{OPERATION}/alarms/{{entry_id}}")
def acknowledge_alarm(door: Door, entry_id: EntryId, note: Note = "") -> Response:
    """Say that one has looked at an alarm."""
    door.office.acknowledge_alarm(entry_id, note)
    return RedirectResponse(OPERATION, 303)


@router.post(f"{OPERATION}/refused/{{entry_id}}")
def acknowledge_entry(door: Door, entry_id: EntryId, note: Note = "") -> Response:
    """Say that one has looked at something that was refused."""
    door.office.acknowledge_entry(entry_id, note)
    return RedirectResponse(f"{OPERATION}#refused", 303)


@router.post(f"{OPERATION}/refused/{{entry_id}}/content")
def content(door: Door, entry_id: EntryId) -> HTMLResponse:
    """Something that was refused, as it came; written into the trail."""
    return page(
        "operation_content.html", {"number": entry_id, "content": door.office.refused_content(entry_id)}, door=door
    )


def moment(t_ms: int) -> str:
    """A moment, for people of any zone."""
    return f"{words.moment(t_ms, ZoneInfo('UTC'))} UTC"
