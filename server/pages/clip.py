"""What a patient may ask of their clip: to pause, to stay quiet, to go on, and how it should buzz."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.acts import Act
from server.access.web import Door, SignedIn
from server.language import gettext as _
from server.pages import clip_words
from server.pages.places import OWN
from server.pages.render import page
from server.pages.themselves import themselves
from server.plans.commands import CommandError, Kind
from server.plans.types import InvalidPlanError

router: Final = APIRouter(include_in_schema=False, prefix=OWN)
Text = Annotated[str, Form(max_length=20)]
_KINDS: Final[dict[str, Kind]] = {"pause": "pause", "snooze": "snooze"}
_TOMORROW: Final = "tomorrow"
_SHOWN: Final = 8


@router.get("/clip")
def clip(door: Door) -> HTMLResponse:
    """The clip, and what was asked of it."""
    return _page(door)


@router.post("/clip")
def ask(door: Door, ask: Text, back: Text = "") -> Response:
    """Ask for a pause, for no reminders for a while, or to go on."""
    number = themselves(door)
    name, _dash, length = ask.partition("-")
    try:
        if ask == "resume":
            door.care.command(number, "resume")
        elif ask == "calibrate":
            door.care.command(number, "calibrate")
        elif name in _KINDS and (length == _TOMORROW or length in map(str, clip_words.LENGTHS)):
            minutes = door.care.minutes_until_tomorrow(number) if length == _TOMORROW else int(length)
            door.care.command(number, _KINDS[name], minutes=minutes)
        else:
            return _page(door, error=_("Choose one of the buttons."), status=422)
    except CommandError as error:
        return _page(door, error=_(str(error)), status=409)
    return RedirectResponse({"day": OWN, "start": f"{OWN}/start"}.get(back, f"{OWN}/clip"), 303)


@router.post("/clip/buzz")
def buzz(door: Door, strength: Annotated[int, Form()], rhythm: Annotated[int, Form()]) -> Response:
    """Ask for another strength and rhythm of the reminder."""
    number = themselves(door)
    if strength not in clip_words.STRENGTHS or rhythm not in range(len(clip_words.RHYTHMS)):
        return _page(door, error=_("Choose a strength and a rhythm from those shown."), status=422)
    try:
        door.care.command(number, "settings", strength_pct=strength, rhythm=rhythm)
    except CommandError as error:
        return _page(door, error=_(str(error)), status=409)
    return RedirectResponse(f"{OWN}/clip", 303)


@router.post("/clip/quiet")
def quiet(door: Door, start: Text = "", end: Text = "", off: Text = "") -> Response:
    """Choose hours without reminders, or none."""
    number = themselves(door)
    hours: tuple[str | None, str | None] = (None, None) if off else (start[:5], end[:5])
    try:
        door.care.change_quiet_hours(number, *hours)
    except InvalidPlanError:
        return _page(door, error=_quiet_problem(door, number), status=422, typed=(start, end))
    return RedirectResponse(f"{OWN}/clip", 303)


def _quiet_problem(door: SignedIn, number: int) -> str:
    newest = door.care.plan(number).newest
    if newest is None:
        return _("There is no plan yet, so the clip does not remind you anyway.")
    return _("Choose a start and a later end between {start} and {end}, the hours of your plan.").format(
        start=newest.plan.start, end=newest.plan.end
    )


def _page(door: SignedIn, *, error: str = "", status: int = 200, typed: tuple[str, str] | None = None) -> HTMLResponse:
    number = themselves(door)
    someone = door.care.enter(number, Act.SEE_COMPUTERS, Act.SEE_PLAN)
    clips = door.care.clips(number)
    worn = clips[0] if clips else None
    asked = door.care.commands(number)
    set_last = next((one for one in asked if one.kind == "settings" and one.state(door.now_ms) != "expired"), None)
    state = door.care.plan(number)
    plan = state.newest.plan if state.newest else None
    context: dict[str, Any] = {
        "clip": worn,
        "clip_sentence": clip_words.clip_sentence(worn, door.now_ms),
        "battery": clip_words.battery_words(worn) if worn else "",
        "lasting": clip_words.lasting_words(asked, someone.zone, door.now_ms),
        "asked": [clip_words.line(one, someone.zone, door.now_ms) for one in asked[:_SHOWN]],
        "lengths": clip_words.LENGTHS,
        "strengths": clip_words.STRENGTHS,
        "rhythms": list(enumerate(clip_words.RHYTHMS)),
        "strength": set_last.strength_pct if set_last else None,
        "rhythm": set_last.rhythm if set_last else None,
        "plan": plan,
        "waiting": state.waiting,
        "quiet": typed or ((plan.quiet_start or "", plan.quiet_end or "") if plan else ("", "")),
        "error": error,
    }
    return page("my_clip.html", context, door=door, status=status)
