"""How it hurts: noted with one tap, described if one likes, and shown with the posture around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.acts import Act
from server.access.care_diary import DiaryDay
from server.access.web import Door, SignedIn
from server.diary.pain import AREAS, LEVELS, MAX_NOTE, WORDS, PainEntry, PainError
from server.language import gettext as _
from server.pages.places import OWN
from server.pages.render import page
from server.pages.themselves import themselves
from server.pages.words import clock, degrees, duration
from server.summaries.around import Around

router: Final = APIRouter(include_in_schema=False, prefix=f"{OWN}/pain")
PainId = Annotated[int, Path(ge=1, lt=2**31)]
Text = Annotated[str, Form(max_length=2000)]

BEHIND: Final = (
    "neck",
    "left_shoulder",
    "right_shoulder",
    "upper_back",
    "lower_back",
    "left_hip",
    "right_hip",
    "left_leg",
    "right_leg",
)
BEFORE: Final = ("head", "chest", "belly", "left_arm", "right_arm")
"""Places on the figure seen from behind, and from the front; together all of AREAS."""


@dataclass(frozen=True)
class Felt:
    """An entry as it is shown. `posture` is what was around it, in words."""

    id: int
    level: int
    at: str
    detail: str
    note: str
    posture: str
    asks: bool


def felt(diary: DiaryDay, zone: ZoneInfo) -> list[Felt]:
    """The day's entries in words, the newest first."""
    return [_felt(one, diary.around.get(one.at_ms), zone) for one in reversed(diary.pain)]


def _felt(entry: PainEntry, around: Around | None, zone: ZoneInfo) -> Felt:
    said = [_(WORDS[entry.word])] if entry.word else []
    said += [_(AREAS[entry.area])] if entry.area else []
    return Felt(
        entry.id, entry.level, clock(entry.at_ms, zone), ", ".join(said), entry.note, around_words(around), entry.asks
    )


def around_words(around: Around | None) -> str:
    """The posture around a moment in words, with how much of it was seen."""
    if around is None or not around.worn_s:
        return _("The clip was not worn then.")
    names = {"upright": _("upright"), "slouched": _("slouched"), "moving": _("moving"), "lying": _("lying")}
    parts = [
        _("{what} {time}").format(what=words, time=duration(around.seconds[name]))
        for name, words in names.items()
        if around.seconds.get(name)
    ]
    leaning = sum(count for name, count in around.seconds.items() if name.startswith("leaning"))
    parts += [_("{what} {time}").format(what=_("leaning"), time=duration(leaning))] if leaning else []
    other = around.seconds.get("uncalibrated", 0)
    parts += [_("{what} {time}").format(what=_("not calibrated"), time=duration(other))] if other else []
    words = _("In the 5 min before and after, {seen} of them seen: {parts}.").format(
        seen=duration(around.worn_s), parts=", ".join(parts)
    )
    if around.median_deg is not None:
        words += " " + _("Middle inclination {angle}.").format(angle=degrees(around.median_deg))
    return words


@router.get("")
def ask(door: Door) -> HTMLResponse:
    """One screen of large numbers."""
    return _ask(door)


@router.post("")
def note(door: Door, level: Annotated[int, Form()]) -> Response:
    """Keep a number, at once."""
    try:
        made = door.care.note_pain(themselves(door), level)
    except PainError as error:
        return _ask(door, _(str(error)), 422)
    return RedirectResponse(f"{OWN}/pain/{made.id}", 303)


@router.get("/{pain_id}")
def noted(door: Door, pain_id: PainId) -> HTMLResponse:
    """What was noted, and what may be added."""
    return _noted(door, pain_id)


@router.post("/{pain_id}")
def describe(door: Door, pain_id: PainId, word: Text = "", area: Text = "", note: Text = "") -> Response:
    """Add a word, a place, a note."""
    try:
        made = door.care.describe_pain(themselves(door), pain_id, word=word, area=area, note=note)
    except PainError as error:
        return _noted(door, pain_id, _(str(error)), 422)
    return RedirectResponse(f"{OWN}/pain/{pain_id}" if made.asks else f"{OWN}#felt", 303)


@router.post("/{pain_id}/take-back")
def take_back(door: Door, pain_id: PainId) -> Response:
    """Let it count no more."""
    door.care.take_back_pain(themselves(door), pain_id)
    return RedirectResponse(f"{OWN}/pain", 303)


def _ask(door: SignedIn, error: str = "", status: int = 200) -> HTMLResponse:
    number = themselves(door)
    someone = door.care.enter(number, Act.SEE_DIARY)
    today = felt(door.care.diary(number, door.care.today(someone)), someone.zone)
    return page("pain.html", {"levels": LEVELS, "felt": today, "error": error}, door=door, status=status)


def _noted(door: SignedIn, pain_id: int, error: str = "", status: int = 200) -> HTMLResponse:
    number = themselves(door)
    entry, around = door.care.pain_entry(number, pain_id)
    context = {
        "entry": entry,
        "shown": _felt(entry, around, door.care.patient(number).zone),
        "words": WORDS,
        "areas": AREAS,
        "behind": BEHIND,
        "before": BEFORE,
        "longest": MAX_NOTE,
        "error": error,
    }
    return page("pain_noted.html", context, door=door, status=status)
