"""A patient's own pages: their day in a few kind sentences, their plan, their computers and clip."""

from __future__ import annotations

from datetime import date
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from server.access.acts import Act
from server.access.web import Door, SignedIn
from server.pages import coverage, day
from server.pages.charts import palette
from server.pages.places import OWN
from server.pages.plan_words import plan_facts
from server.pages.render import page
from server.pages.words import duration, percent, plural
from server.paths import Day
from server.problems import not_allowed
from server.summaries.types import DaySummary

router: Final = APIRouter(include_in_schema=False, prefix=OWN)


@router.get("")
def today(door: Door) -> HTMLResponse:
    """One's present day."""
    number = _own(door)
    return _day(door, number, door.care.today(door.care.enter(number, Act.SEE_DAY)))


@router.get("/days/{day}")
def one_day(door: Door, day: Day) -> HTMLResponse:
    """One of one's days."""
    return _day(door, _own(door), day)


@router.get("/plan")
def plan(door: Door) -> HTMLResponse:
    """One's plan, as it is."""
    number = _own(door)
    someone = door.care.enter(number, Act.SEE_PLAN, Act.SEE_COMPUTERS)
    state = door.care.plan(number)
    shown = state.in_force or state.newest
    context = {
        "patient": someone,
        "plan": state,
        "facts": plan_facts(shown.plan) if shown else [],
        "clips": door.care.clips(number),
        "computers": [one for one in door.care.computers(number) if one.revoked_ms is None],
        "now_ms": door.now_ms,
    }
    return page("my_plan.html", context, door=door)


def _own(door: SignedIn) -> int:
    """The number of the patient whose account it is. Raises ProblemError 403 for everybody else's."""
    if door.person.patient_id is None:
        raise not_allowed()
    return door.person.patient_id


def _day(door: SignedIn, number: int, wanted: date) -> HTMLResponse:
    view = door.care.day(number, wanted)
    someone = door.care.patient(number)
    present = door.care.today(someone)
    summary = view.summary
    seconds = coverage.seconds_by_code(summary)
    context = {
        "patient": someone,
        "consent_now": door.care.consent_now(number),
        "summary": summary,
        "day_words": day.long_date(wanted),
        "neighbours": day.neighbours(wanted, present),
        "present": wanted == present,
        "bar": coverage.coverage_bar(summary, height=30),
        "legend": [(palette.swatch(c), palette.LABELS[c]) for c in palette.SHOWN if seconds.get(c)],
        "sentences": sentences(summary),
    }
    return page("my_day.html", context, door=door)


def sentences(summary: DaySummary) -> list[str]:
    """A day in sentences for the one who lived it: what was, without a judgement."""
    told = [_worn(summary)]
    if summary.enough and summary.worn_s:
        seconds = summary.seconds
        told.append(
            f"You sat or stood upright for {duration(seconds['upright'])}, moved about for "
            f"{duration(seconds['moving'])}, and were slouched for {duration(seconds['slouched'])}, "
            f"{percent(seconds['slouched'], summary.worn_s)} of the time you wore the clip."
        )
    elif summary.window_s and summary.worn_s:
        told.append("That is too little to say more about the day; it counts all the same.")
    if summary.reminders_given:
        followed = summary.responses.get("prompt", 0)
        answer = f"; after {followed} of them you sat up within seconds" if followed else ""
        told.append(f"The clip reminded you {_times(summary.reminders_given)}{answer}.")
    return told


def _worn(summary: DaySummary) -> str:
    if not summary.elapsed_s:
        return coverage.coverage_words(summary)
    so_far = " so far" if summary.so_far else ""
    return f"You wore the clip for {duration(summary.worn_s)} of {duration(summary.elapsed_s)}{so_far}."


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count) or plural(count, "time")
