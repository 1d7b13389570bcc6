"""Getting started: connect a computer, wear the clip, calibrate; each step says by itself whether it is done."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from server.access.acts import Act
from server.access.web import Door
from server.pages import clip_words
from server.pages.places import OWN
from server.pages.render import page
from server.pages.themselves import themselves

router: Final = APIRouter(include_in_schema=False, prefix=OWN)


@router.get("/start")
def start(door: Door) -> HTMLResponse:
    """The steps, and which are done."""
    number = themselves(door)
    someone = door.care.enter(number, Act.SEE_COMPUTERS)
    computers = [one for one in door.care.computers(number) if one.revoked_ms is None]
    clips = door.care.clips(number)
    worn = clips[0] if clips else None
    asked = [one for one in door.care.commands(number) if one.kind == "calibrate"]
    context = {
        "patient": someone,
        "connected": bool(computers or worn),
        "online": any(one.online for one in computers) or (worn is not None and worn.online),
        "paired": worn is not None,
        "near": worn is not None and worn.live,
        "calibrated": worn is not None and bool(worn.calibration_version),
        "clip": worn,
        "clip_sentence": clip_words.clip_sentence(worn, door.now_ms),
        "battery": clip_words.battery_words(worn) if worn else "",
        "asked": [clip_words.line(one, someone.zone, door.now_ms) for one in asked[:1]],
    }
    return page("start.html", context, door=door)
