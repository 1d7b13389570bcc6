"""A plan in words: in short, and what changed from one version to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from gateway import messages
from server.language import N_
from server.language import gettext as _
from server.pages.plan_form import GOALS, REMINDERS, SHORT_DAYS, WHEN, value_of
from server.pages.words import SHORT_MOMENT, ago, moment
from server.plans.types import ClipReport, Drift, PlanState, State

MODES: Final[Mapping[str, str]] = {"train": N_("Train"), "track": N_("Track")}
TRIGGERS: Final[Mapping[str, str]] = {"dwell": N_("time"), "dose": N_("dose")}
STATES: Final[Mapping[State, str]] = {
    "pending": N_("Pending"),
    "sent": N_("Sent, not confirmed yet"),
    "confirmed": N_("In force"),
    "superseded": N_("Replaced"),
}
_SWITCHED: Final[Mapping[str, tuple[str, str]]] = {
    "back_off": (N_("Back off off"), N_("Back off on")),
    "positive_pulse": (N_("Confirm off"), N_("Confirm on")),
}


def plan_facts(plan: messages.Plan) -> list[tuple[str, str]]:
    """A plan in a few short lines."""
    facts = [
        (_("Mode"), _(MODES[plan.mode])),
        (_("Window"), f"{plan.start}–{plan.end}, {day_words(plan.days)}"),
        (_("Angle"), _("{angle}° forward").format(angle=plan.angle_deg)),
    ]
    if plan.mode == "train":
        cap = _("{n} an hour").format(n=plan.cap_per_hour)
        if plan.fraction_pct != 100:
            cap = _("{n} an hour, {share} % given").format(n=plan.cap_per_hour, share=plan.fraction_pct)
        due = (_("Due by"), _("dose")) if plan.trigger == "dose" else (_("Dwell"), f"{plan.dwell_s} s")
        facts += [due, (_("Cap"), cap)]
        if plan.quiet_start:
            facts.append((_("Quiet"), f"{plan.quiet_start}–{plan.quiet_end}"))
        if plan.probe_every:
            facts.append((_("Silent"), _("1 day in {n}").format(n=plan.probe_every)))
    return facts


def day_words(days: Sequence[int]) -> str:
    """Days of the week in short: `Mon–Fri`, `Mon, Wed`."""
    short = [_(SHORT_DAYS[day]) for day in days]
    if len(days) > 2 and list(days) == list(range(days[0], days[-1] + 1)):
        return f"{short[0]}–{short[-1]}"
    return ", ".join(short)


def differences(newer: messages.Plan, older: messages.Plan | None) -> str:
    """What changed between two versions, in words with units."""
    if older is None:
        return _("First plan")
    changed: list[str] = []
    for number in (*WHEN, *REMINDERS, *GOALS):
        before, after = value_of(older, number.name), value_of(newer, number.name)
        if before != after:
            changed.append(f"{_(number.label)} {before:g} → {number.told(after)}")
    if newer.mode != older.mode:
        changed.insert(0, f"{_(MODES[older.mode])} → {_(MODES[newer.mode])}")
    if (newer.start, newer.end, newer.days) != (older.start, older.end, older.days):
        changed.append(f"{_('Window')} {newer.start}–{newer.end}, {day_words(newer.days)}")
    if newer.trigger != older.trigger:
        changed.append(f"{_('Due by')} {_(TRIGGERS[older.trigger])} → {_(TRIGGERS[newer.trigger])}")
    if (newer.quiet_start, newer.quiet_end) != (older.quiet_start, older.quiet_end):
        quiet = f"{_('Quiet')} {newer.quiet_start}–{newer.quiet_end}"
        changed.append(quiet if newer.quiet_start else _("No quiet hours"))
    if newer.probe_every != older.probe_every:
        silent = _("Silent days 1 in {n}").format(n=newer.probe_every)
        changed.append(silent if newer.probe_every else _("No silent days"))
    changed += [
        _(words[getattr(newer, name)])
        for name, words in _SWITCHED.items()
        if getattr(newer, name) != getattr(older, name)
    ]
    return "; ".join(changed) or _("Nothing")


def plan_words(plan: messages.Plan) -> str:
    """A plan in a line."""
    return "; ".join(f"{name} {words}" for name, words in plan_facts(plan))


def drift_words(drift: Drift, state: PlanState, zone: ZoneInfo, now_ms: int) -> str:
    """A clip that has another version than the newest, in words: which, since when, and what was done about it."""
    newest = state.newest.version if state.newest else 0
    has = _("Clip …{clip} has version {has} instead of version {newest}, since {since}.")
    if not drift.reported:
        has = _("Clip …{clip} has no plan yet instead of version {newest}, since {since}.")
    since = moment(drift.since_ms, zone, SHORT_MOMENT)
    told = _("Computer …{computer} told so {ago}.")
    if not drift.sent:
        sent = _("Version {newest} has not been sent to it yet: no computer has been in touch since.")
    elif drift.sent == 1:
        sent = _("Version {newest} was sent to it once, {last}; it is sent again until the clip has it.")
    else:
        sent = _("Version {newest} was sent to it {times} times, last {last}; it is sent again until the clip has it.")
    return f"{has} {told} {sent}".format(
        clip=drift.clip[-4:],
        has=drift.reported,
        newest=newest,
        since=since,
        computer=drift.gateway[-4:],
        ago=ago(drift.seen_ms, now_ms),
        times=drift.sent,
        last=ago(drift.sent_ms, now_ms),
    )


def calibration_words(report: ClipReport, zone: ZoneInfo) -> str:
    """The calibration on a clip: its version, since when, and what it was before."""
    if not report.calibration_version:
        return _("none yet")
    words = f"{report.calibration_version}"
    if report.calibration_since_ms is not None:
        since = moment(report.calibration_since_ms, zone, SHORT_MOMENT)
        words = _("{version}, since {since}").format(version=words, since=since)
    if report.calibration_before and report.calibration_before != report.calibration_version:
        before = _("(before that {version}; angles are relative to the new one from then on)")
        words += " " + before.format(version=report.calibration_before)
    return words
