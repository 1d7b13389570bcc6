"""Today: everybody in one's care, those first who need a look, and why; and setting aside what needs nothing."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from typing import Annotated, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from starlette.responses import Response

from server.access.acts import Basis
from server.access.care import Standing
from server.access.clips import ClipState
from server.access.web import Door, SignedIn
from server.language import N_
from server.language import gettext as _
from server.pages.charts.five_weeks import five_weeks
from server.pages.flag_words import Told, flag_words
from server.pages.period import NAMES
from server.pages.places import PATIENTS
from server.pages.render import page
from server.pages.words import SHORT_DAY, ago, hours, moment, percent
from server.paths import PatientId
from server.plans.types import PlanState
from server.worklist.dismissals import Dismissal, DismissalError
from server.worklist.facts import Wear
from server.worklist.flags import Flag, Rule
from server.worklist.order import Group, group

router: Final = APIRouter(include_in_schema=False)

GROUPS: Final = {
    Group.NOW: (N_("Look now"), N_("answers about urgent signs that nobody has looked at")),
    Group.LOOK: (N_("Look today"), N_("pain, wear, or figures changed beyond the patient’s own noise")),
    Group.EQUIPMENT: (N_("Clip and plan"), N_("figures may be missing, or not follow the plan that was meant")),
    Group.GOOD: (N_("Good to see"), N_("figures that moved towards what helps, beyond the patient’s own noise")),
    Group.FINE: (N_("Nothing stands out"), N_("the longest here first")),
}
REASONS: Final = (
    N_("Spoken about it"),
    N_("Expected and known"),
    N_("Not meaningful for this patient"),
)
"""Reasons that take one press."""
LETTERS: Final = {"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"}
"""Letters that are no other letter with a mark, and how people type them who have none."""
DismissalId = Annotated[int, Path(ge=1, lt=2**31)]


@dataclass(frozen=True)
class FlagLine:
    """A flag in the list. `key` names it in the form; `answer` is the answer about urgent signs that it tells of."""

    key: str
    rule: str
    words: Told
    answer: int | None


@dataclass(frozen=True)
class SetAside:
    """A flag that was dismissed, and how to take that back."""

    id: int
    title: str
    size: str
    reason: str
    who: str
    when: str


@dataclass(frozen=True)
class Row:
    """A patient in the list."""

    id: int
    name: str
    pseudonym: str
    find: str
    simulated: bool
    emergency: bool
    flags: tuple[FlagLine, ...]
    good: tuple[FlagLine, ...]
    set_aside: tuple[SetAside, ...]
    picture: Markup
    worn: str
    worn_note: str
    clip: ClipState | None
    seen: str
    plan: PlanState

    @property
    def dismissible(self) -> tuple[FlagLine, ...]:
        """What can be dismissed: nothing by emergency access, which changes nothing that outlasts it."""
        return () if self.emergency else tuple(line for line in self.flags if line.answer is None)


@dataclass
class Part:
    """Patients under one heading."""

    key: Group
    rows: list[Row] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The heading."""
        return _(GROUPS[self.key][0])

    @property
    def why(self) -> str:
        """What the part holds."""
        return _(GROUPS[self.key][1])


@router.get(PATIENTS)
def today(
    door: Door,
    q: Annotated[str, Query(max_length=80)] = "",
    done: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
) -> HTMLResponse:
    """Everybody in my care, those first who need a look."""
    return _page(door, q, done=done)


@router.post("/patients/{patient_id}/flags/dismiss")
async def dismiss(door: Door, request: Request, patient_id: PatientId) -> Response:
    """Set flags aside, and say why; then back to the list."""
    form = await request.form()
    meant = {(rule, about) for rule, _bar, about in (str(one).partition("|") for one in form.getlist("flag"))}
    reason = str(form.get("words", "")).strip() or str(form.get("reason", ""))
    search = str(form.get("q", ""))[:80]
    try:
        made = await run_in_threadpool(door.care.dismiss, patient_id, meant, reason)
    except DismissalError as error:
        return await run_in_threadpool(_page, door, search, problem=(patient_id, str(error)))
    return RedirectResponse(f"{_address(search, done=made[0])}#p-{patient_id}", 303)


@router.post("/patients/{patient_id}/flags/{dismissal_id}/undo")
async def undo(door: Door, request: Request, patient_id: PatientId, dismissal_id: DismissalId) -> Response:
    """Let a flag count again; then back to the list."""
    search = str((await request.form()).get("q", ""))[:80]
    await run_in_threadpool(door.care.undo_dismissal, patient_id, dismissal_id)
    return RedirectResponse(f"{_address(search)}#p-{patient_id}", 303)


def _address(search: str, **more: int) -> str:
    query = urlencode({**({"q": search} if search else {}), **more})
    return f"{PATIENTS}?{query}" if query else PATIENTS


def _page(
    door: SignedIn, search: str, *, done: int | None = None, problem: tuple[int, str] | None = None
) -> HTMLResponse:
    everybody = door.care.worklist()
    rows = [(row(one, door.now_ms), group(one.open)) for one in everybody]
    wanted = plain(search)
    shown = [(line, part) for line, part in rows if wanted in line.find]
    parts = [Part(key, [line for line, part in shown if part is key]) for key in Group]
    aside = ((line, one) for line, _part in rows for one in line.set_aside)
    context = {
        "total": len(rows),
        "need": sum(part not in (Group.GOOD, Group.FINE) for _line, part in rows),
        "all_simulated": all(line.simulated for line, _part in rows),
        "live": sum(line.clip is not None and line.clip.live for line, _part in rows),
        "shown": len(shown),
        "parts": [part for part in parts if part.rows],
        "search": search,
        "letters": json.dumps(LETTERS),
        "reasons": [_(words) for words in REASONS],
        "done": next((found for found in aside if found[1].id == done), None),
        "problem": problem,
    }
    return page("today.html", context, door=door, status=422 if problem else 200)


def plain(words: str) -> str:
    """Letters alone, as names are searched by."""
    apart = unicodedata.normalize("NFD", " ".join(words.split()).lower())
    return "".join(LETTERS.get(letter, letter) for letter in apart if not unicodedata.combining(letter))


def row(one: Standing, now_ms: int) -> Row:
    """A patient's line."""
    someone, day, told = one.patient, one.day, one.told
    clip = one.clips[0] if one.clips else None
    lines = [_line(flag, someone.zone, now_ms) for flag in one.open]
    enough = sum(worn.wear is Wear.ENOUGH for worn in told.days)
    missed = sum(worn.wear is Wear.MISSED for worn in told.days)
    label = _("Five weeks: {figure}; worn enough on {enough} of {days} prescribed days").format(
        figure=_(NAMES[told.course_key]), enough=enough, days=enough + missed
    )
    return Row(
        someone.id,
        someone.name,
        someone.pseudonym,
        plain(f"{someone.name} {someone.pseudonym}"),
        someone.simulated or day.simulated,
        someone.basis is Basis.EMERGENCY,
        tuple(line for line in lines if line.rule != Rule.IMPROVED.value),
        tuple(line for line in lines if line.rule == Rule.IMPROVED.value),
        tuple(_set_aside(flag, held, someone.zone, now_ms) for flag, held in one.dismissed),
        five_weeks(told.days, told.course, label=label),
        percent(day.worn_s, day.elapsed_s) if day.elapsed_s else "–",
        _worn_note(one),
        clip,
        ago(clip.seen_ms, now_ms) if clip else "",
        one.plan,
    )


def _worn_note(one: Standing) -> str:
    day = one.day
    if not day.window_s:
        return _("no plan yet") if day.plan_version is None else _("no window today")
    if not day.elapsed_s:
        return _("not begun")
    return _("{worn} of {window}").format(worn=hours(day.worn_s), window=hours(day.elapsed_s))


def _line(flag: Flag, zone: ZoneInfo, now_ms: int) -> FlagLine:
    answer = int(flag.about) if flag.rule is Rule.URGENT else None
    return FlagLine(f"{flag.rule.value}|{flag.about}", flag.rule.value, flag_words(flag, zone, now_ms), answer)


def _set_aside(flag: Flag, held: Dismissal, zone: ZoneInfo, now_ms: int) -> SetAside:
    told = flag_words(flag, zone, now_ms)
    who = held.author or _("an account that is gone")
    return SetAside(held.id, told.title, told.size, held.reason, who, moment(held.created_ms, zone, SHORT_DAY))
