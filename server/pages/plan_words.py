"""A plan in words: in short, and what changed from one version to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from gateway import messages
from server.pages.plan_form import DAYS, GOALS, REMINDERS, SWITCHES, TRIGGERS, WHEN, value_of
from server.pages.words import ago
from server.plans.types import ClipReport, Drift, PlanState, State


def plan_facts(plan: messages.Plan) -> list[tuple[str, str]]:
    """A plan in a few short lines."""
    facts = [
        ("Mode", plan.mode.capitalize()),
        ("Window", f"{plan.start}–{plan.end}, {day_words(plan.days)}"),
        ("Angle", f"{plan.angle_deg}° forward"),
    ]
    if plan.mode == "train":
        given = "" if plan.fraction_pct == 100 else f", {plan.fraction_pct} % given"
        due = ("Due by", "dose") if plan.trigger == "dose" else ("Dwell", f"{plan.dwell_s} s")
        facts += [due, ("Cap", f"{plan.cap_per_hour} an hour{given}")]
        if plan.quiet_start:
            facts.append(("Quiet", f"{plan.quiet_start}–{plan.quiet_end}"))
        if plan.probe_every:
            facts.append(("Silent", f"1 day in {plan.probe_every}"))
    return facts


def day_words(days: Sequence[int]) -> str:
    """Days of the week in short: `Mon–Fri`, `Mon, Wed`."""
    short = [DAYS[day][:3] for day in days]
    if len(days) > 2 and list(days) == list(range(days[0], days[-1] + 1)):
        return f"{short[0]}–{short[-1]}"
    return ", ".join(short)


STATES: Final[Mapping[State, str]] = {
    "pending": "Pending",
    "sent": "Sent, not confirmed yet",
    "confirmed": "In force",
    "superseded": "Replaced",
}


def differences(newer: messages.Plan, older: messages.Plan | None) -> str:
    """What changed between two versions, in words."""
    if older is None:
        return "First plan"
    changed: list[str] = []
    for number in (*WHEN, *REMINDERS, *GOALS):
        before, after = value_of(older, number.name), value_of(newer, number.name)
        if before != after:
            changed.append(f"{number.label} {before:g} → {after:g}")
    if newer.mode != older.mode:
        changed.insert(0, f"{older.mode} → {newer.mode}")
    if (newer.start, newer.end, newer.days) != (older.start, older.end, older.days):
        changed.append(f"Window {newer.start}–{newer.end}, {day_words(newer.days)}")
    if newer.trigger != older.trigger:
        changed.append(f"Due by {_trigger(older)} → {_trigger(newer)}")
    if (newer.quiet_start, newer.quiet_end) != (older.quiet_start, older.quiet_end):
        changed.append(f"Quiet {newer.quiet_start}–{newer.quiet_end}" if newer.quiet_start else "No quiet hours")
    if newer.probe_every != older.probe_every:
        changed.append(f"Silent days 1 in {newer.probe_every}" if newer.probe_every else "No silent days")
    changed += [
        f"{words.partition(':')[0]} {'on' if getattr(newer, name) else 'off'}"
        for name, words in SWITCHES.items()
        if getattr(newer, name) != getattr(older, name)
    ]
    return "; ".join(changed) or "Nothing"


def _trigger(plan: messages.Plan) -> str:
    return TRIGGERS[plan.trigger].partition(":")[0].lower()


def plan_words(plan: messages.Plan) -> str:
    """A plan in a line."""
    return "; ".join(f"{name} {words}" for name, words in plan_facts(plan))


def drift_words(drift: Drift, state: PlanState, zone: ZoneInfo, now_ms: int) -> str:
    """A clip that has another version than the newest, in words: which, since when, and what was done about it."""
    newest = state.newest.version if state.newest else 0
    has = f"version {drift.reported}" if drift.reported else "no plan yet"
    words = f"Clip …{drift.clip[-4:]} has {has} instead of version {newest}, since {moment(drift.since_ms, zone)}."
    told = f" Computer …{drift.gateway[-4:]} told so {ago(drift.seen_ms, now_ms)}."
    if not drift.sent:
        return f"{words}{told} Version {newest} has not been sent to it yet: no computer has been in touch since."
    times = "once," if drift.sent == 1 else f"{drift.sent} times, last"
    last = ago(drift.sent_ms, now_ms)
    return f"{words}{told} Version {newest} was sent to it {times} {last}; it is sent again until the clip has it."


def calibration_words(report: ClipReport, zone: ZoneInfo) -> str:
    """The calibration on a clip: its version, since when, and what it was before."""
    if not report.calibration_version:
        return "none yet"
    words = f"{report.calibration_version}"
    if report.calibration_since_ms is not None:
        words += f", since {moment(report.calibration_since_ms, zone)}"
    if report.calibration_before and report.calibration_before != report.calibration_version:
        words += f" (before that {report.calibration_before}; angles are relative to the new one from then on)"
    return words


def moment(t_ms: int, zone: ZoneInfo) -> str:
    """A moment in `zone`: `24 Mar, 14:02`."""
    return datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(zone).strftime("%-d %b, %H:%M")
