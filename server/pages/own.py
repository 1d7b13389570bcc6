"""A patient's own pages: their day in a few kind sentences, one next step, and their plan in plain language."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.acts import Act
from server.access.web import Door, SignedIn
from server.diary.small_goal import small_goal
from server.pages import clip_words, coverage, day, own_words, pain
from server.pages.charts import palette
from server.pages.places import OWN
from server.pages.plan_words import plan_facts
from server.pages.render import page
from server.pages.themselves import themselves
from server.paths import Day

router: Final = APIRouter(include_in_schema=False, prefix=OWN)
Id = Annotated[str, Form(max_length=16, pattern="^[0-9a-f]{16}$")]


@router.get("")
def today(door: Door) -> HTMLResponse:
    """One's present day."""
    number = themselves(door)
    someone = door.care.enter(number, Act.SEE_DAY, Act.SEE_PLAN, Act.SEE_COMPUTERS, Act.SEE_DIARY)
    return _day(door, number, door.care.today(someone))


@router.get("/days/{day}")
def one_day(door: Door, day: Day) -> HTMLResponse:
    """One of one's days."""
    number = themselves(door)
    door.care.enter(number, Act.SEE_DAY, Act.SEE_PLAN, Act.SEE_COMPUTERS, Act.SEE_DIARY)
    return _day(door, number, day)


@router.post("/days/{day}/reminders")
def helpful(
    door: Door,
    day: Day,
    clip: Id,
    boot: Id,
    start_ms: Annotated[int, Form(ge=0, lt=2**32)],
    helped: Annotated[bool, Form()],
) -> Response:
    """Say whether a reminder helped."""
    door.care.answer_reminder(themselves(door), clip, boot, start_ms, helped=helped)
    return RedirectResponse(f"{OWN}/days/{day.isoformat()}#reminders", 303)


@router.get("/plan")
def plan(door: Door) -> HTMLResponse:
    """One's plan, as it is."""
    number = themselves(door)
    someone = door.care.enter(number, Act.SEE_PLAN, Act.SEE_COMPUTERS)
    state = door.care.plan(number)
    shown = state.in_force or state.newest
    context = {
        "patient": someone,
        "plan": state,
        "facts": plan_facts(shown.plan) if shown else [],
        "sentences": own_words.plan_sentences(shown.plan) if shown else [],
        "aims": own_words.aim_sentences(shown.plan.goals) if shown else [],
    }
    return page("my_plan.html", context, door=door)


def _day(door: SignedIn, number: int, wanted: date) -> HTMLResponse:
    view = door.care.day(number, wanted)
    someone = door.care.patient(number)
    present = door.care.today(someone)
    summary = view.summary
    seconds = coverage.seconds_by_code(summary)
    diary = door.care.diary(number, wanted)
    clips = door.care.clips(number)
    clip = clips[0] if clips else None
    asked = door.care.commands(number)
    goals = view.plan.goals if view.plan else None
    context = {
        "patient": someone,
        "consent_now": door.care.consent_now(number),
        "summary": summary,
        "day": wanted.isoformat(),
        "day_words": day.long_date(wanted),
        "neighbours": day.neighbours(wanted, present),
        "present": wanted == present,
        "bar": coverage.coverage_bar(summary, height=30),
        "legend": [(palette.swatch(c), palette.LABELS[c]) for c in palette.SHOWN if seconds.get(c)],
        "sentences": own_words.day_sentences(summary),
        "goal": own_words.goal_words(small_goal(summary, goals)) if wanted == present else None,
        "reminders": diary.reminders,
        "felt": pain.felt(diary, someone.zone),
        "clip": clip,
        "clip_sentence": clip_words.clip_sentence(clip, door.now_ms),
        "battery": clip_words.battery_words(clip) if clip else "",
        "lasting": clip_words.lasting_words(asked, someone.zone, door.now_ms),
        "asked": [clip_words.line(one, someone.zone, door.now_ms) for one in asked[:1]],
    }
    return page("my_day.html", context, door=door)
