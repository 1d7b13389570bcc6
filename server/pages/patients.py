"""The list of patients: who needs a look first, and why; then by how the day goes; never by name alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from server.access.acts import Basis
from server.access.care import Standing
from server.access.clips import ClipState
from server.pages.charts import palette
from server.pages.coverage import coverage_bar, coverage_words, seconds_by_code
from server.pages.words import percent, rough
from server.plans.types import PlanState
from server.summaries.types import DaySummary

PLAN_LATE_MS: Final = 3_600_000
"""A plan unconfirmed for this long is worth a look: a worn clip confirms within a minute."""
SILENT_MS: Final = 24 * 3_600_000
UNWORN_S: Final = 1800
"""So much of the window without the clip being worn is worth a look."""
LOST_SHARE: Final = 0.25


@dataclass(frozen=True)
class Row:
    """A patient in the list. `reasons` say why they should be looked at; empty when nothing stands out."""

    id: int
    name: str
    pseudonym: str
    date: str
    simulated: bool
    emergency: bool
    reasons: tuple[str, ...]
    bar: Markup | None
    coverage_words: str
    share: float | None
    slouched: str
    slouched_note: str
    episodes: str
    reminders: str
    clip: ClipState | None
    plan: PlanState
    has_window: bool


@dataclass
class Group:
    """Patients under one heading."""

    title: str
    why: str
    rows: list[Row] = field(default_factory=list)


def reasons(summary: DaySummary, plan: PlanState, clip: ClipState | None, now_ms: int) -> tuple[str, ...]:
    """Why a patient should be looked at today, each with its size."""
    found = []
    if plan.newest is not None and plan.waiting and now_ms - plan.newest.created_ms >= PLAN_LATE_MS:
        waited = rough((now_ms - plan.newest.created_ms) / 1000)
        found.append(f"plan {plan.newest.version} not confirmed for {waited}")
    if clip is None:
        found.append("no clip assigned")
    else:
        if clip.battery_low:
            found.append(f"battery at {clip.battery_pct} %")
        if clip.seen_ms is not None and now_ms - clip.seen_ms >= SILENT_MS:
            found.append(f"nothing heard for {(now_ms - clip.seen_ms) // 3_600_000} h")
    if summary.elapsed_s >= UNWORN_S:
        lost = summary.seconds["lost"]
        if summary.worn_s == 0 and lost < summary.elapsed_s / 2:
            found.append(f"not worn in {rough(summary.elapsed_s)} of today’s window")
        elif lost > LOST_SHARE * summary.elapsed_s:
            found.append(f"{percent(lost, summary.elapsed_s)} of today’s window lost")
    return tuple(found)


def row(one: Standing, now_ms: int) -> Row:
    """A patient's line."""
    patient, summary, plan = one.patient, one.day, one.plan
    clip = one.clips[0] if one.clips else None
    shown = summary.enough and summary.worn_s > 0
    return Row(
        patient.id,
        patient.name,
        patient.pseudonym,
        summary.date,
        patient.simulated or summary.simulated,
        patient.basis is Basis.EMERGENCY,
        reasons(summary, plan, clip, now_ms),
        coverage_bar(summary, height=14),
        coverage_words(summary),
        summary.slouched_share if shown else None,
        percent(summary.seconds["slouched"], summary.worn_s) if shown else "–",
        "slouched" if shown or not summary.window_s else "too little worn",
        str(summary.episodes) if summary.window_s else "–",
        str(summary.reminders_given) if summary.window_s else "–",
        clip,
        plan,
        summary.window_s > 0,
    )


def grouped(rows: list[Row]) -> list[Group]:
    """The groups in the order in which to read them, without empty ones. Each patient is in one group."""
    look = Group("Worth a look", "something keeps the figures from coming, or a plan from being applied")
    today = Group("Today", "most slouched first, then those without enough worn time")
    off = Group("No window today", "by name")
    for item in rows:
        (look if item.reasons else today if item.has_window else off).rows.append(item)
    look.rows.sort(key=lambda item: (-len(item.reasons), item.name))
    today.rows.sort(key=lambda item: (item.share is None, -(item.share or 0.0), item.name))
    off.rows.sort(key=lambda item: item.name)
    return [group for group in (look, today, off) if group.rows]


def legend(summaries: list[DaySummary]) -> list[tuple[Markup, str]]:
    """Swatch and label of the categories that occur in the bars."""
    used = {code for summary in summaries for code, count in _seconds(summary).items() if count}
    return [(palette.swatch(code), palette.LABELS[code]) for code in palette.SHOWN if code in used]


def _seconds(summary: DaySummary) -> dict[int, int]:
    return seconds_by_code(summary) if summary.window_s else {}
