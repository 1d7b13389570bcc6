"""Flags in words: which rule, how big, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from server.diary.red_flags import BY_KEY
from server.language import N_, ngettext
from server.language import gettext as _
from server.pages.period import change_words, value_words
from server.pages.words import SHORT_DAY, SHORT_MOMENT, ago, counted, dated, degrees, hours, moment, percent, rough
from server.summaries.measures import MEASURES
from server.worklist.facts import Change, PlanFacts, SeatEvent, Urgent
from server.worklist.flags import Behind, Flag, PainRise, Spell, Uncalibrated, Unheard

MOVED: Final[Mapping[str, tuple[str, str]]] = {
    "shifts_per_hour": (N_("Fewer shifts"), N_("More shifts")),
    "longest_still_min": (N_("Shorter still bouts"), N_("Longer still bouts")),
    "breaks_per_hour": (N_("Fewer breaks"), N_("More breaks")),
    "slouched_share": (N_("Slouched less"), N_("Slouched more")),
    "p50_deg": (N_("Further back"), N_("Further forward")),
    "spread_deg": (N_("Less varied"), N_("More varied")),
    "response_rate": (N_("Reminders followed less"), N_("Reminders followed more")),
}
"""A figure that went down, and that went up."""
FROM_TO: Final[Mapping[str, str]] = {
    "shifts_per_hour": N_("from {before} to {recent} an hour"),
    "longest_still_min": N_("the longest of a day from {before} to {recent}"),
    "breaks_per_hour": N_("from {before} to {recent} an hour"),
    "slouched_share": N_("from {before} to {recent} of worn time"),
    "p50_deg": N_("median inclination from {before} to {recent}"),
    "spread_deg": N_("P90 − P10 from {before} to {recent}"),
    "response_rate": N_("from {before} to {recent} within 10 s"),
}
_MEASURES: Final = {measure.key: measure for measure in MEASURES}


@dataclass(frozen=True)
class Told:
    """The rule in words, the size with its unit, and the coverage behind it."""

    title: str
    size: str
    behind: str


def flag_words(flag: Flag, zone: ZoneInfo, now_ms: int) -> Told:
    """A flag as the list tells it. Times of day are in `zone`."""
    match flag.detail:
        case Urgent():
            signs = ", ".join(_(BY_KEY[key].short) for key in flag.detail.yes if key in BY_KEY)
            title = _("Urgent signs: help was advised at once") if flag.detail.at_once else _("Urgent signs")
            return Told(title, signs, _("answered {ago}").format(ago=ago(flag.detail.at_ms, now_ms)))
        case PainRise():
            return _pain(flag.detail)
        case Spell():
            return _wear(flag.detail)
        case Change():
            return _change(flag.detail, flag.behind)
        case SeatEvent():
            title = _("The clip slipped") if flag.detail.kind == "slipped" else _("The clip may have slid")
            size = _("by about {angle}, {moment}").format(
                angle=degrees(flag.detail.angle_deg), moment=moment(flag.detail.at_ms, zone, SHORT_MOMENT)
            )
            return Told(title, size, _("not calibrated since; {coverage}").format(coverage=_worn(flag.behind)))
        case Uncalibrated():
            share = percent(flag.detail.uncalibrated_s, flag.detail.worn_s)
            size = _("{share} of worn time").format(share=share)
            return Told(_("Worn uncalibrated"), size, _worn(flag.behind))
        case PlanFacts():
            return _plan(flag.detail, now_ms)
        case Unheard():
            size = _("for {time}").format(time=rough((now_ms - flag.detail.since_ms) / 1000))
            last = _("last heard {moment}").format(moment=moment(flag.detail.since_ms, zone, SHORT_MOMENT))
            return Told(_("Nothing heard of the clip"), size, last)
        case _:
            assert_never(flag.detail)


def _worn(behind: Behind) -> str:
    worn, window = hours(behind.worn_s), hours(behind.window_s)
    return _("worn {worn} of {window} in 7 days").format(worn=worn, window=window)


def _pain(rise: PainRise) -> Told:
    size = _("from {before} to {recent} of 10").format(before=f"{rise.before:g}", recent=f"{rise.recent:g}")
    behind = _("medians of {recent} entries in 7 days and {before} in the 28 days before")
    return Told(_("Pain rose"), size, behind.format(recent=rise.entries, before=rise.entries_before))


def _wear(spell: Spell) -> Told:
    if spell.missed == spell.days:
        size = counted(spell.days, "on the last prescribed day", "on the last {n} prescribed days")
    else:
        size = _("on {missed} of {days} prescribed days").format(missed=spell.missed, days=spell.days)
    worn, window = hours(spell.worn_s), hours(spell.window_s)
    since = _("worn {worn} of {window} since {day}").format(worn=worn, window=window, day=dated(spell.first, SHORT_DAY))
    if 2 * spell.lost_s > spell.window_s:
        since = _("{coverage}, {lost} of it without data").format(coverage=since, lost=hours(spell.lost_s))
    return Told(_("Worn too little"), size, since)


def _change(change: Change, behind: Behind) -> Told:
    measure = _MEASURES[change.key]
    recent, before = value_words(measure, change.recent), value_words(measure, change.before)
    title = _(MOVED[change.key][change.change > 0])
    words = ngettext(
        "{change} ({low} to {high}); {n} day at {coverage}, {before} before",
        "{change} ({low} to {high}); {n} days at {coverage}, {before} before",
        change.recent_days,
    ).format(
        change=change_words(measure, change.change),
        low=change_words(measure, change.low),
        high=change_words(measure, change.high),
        n=change.recent_days,
        coverage=percent(behind.worn_s, behind.window_s),
        before=change.before_days,
    )
    return Told(title, _(FROM_TO[change.key]).format(before=before, recent=recent), words)


def _plan(plan: PlanFacts, now_ms: int) -> Told:
    title = _("Plan {version} not confirmed").format(version=plan.pending)
    size = _("for {time}").format(time=rough((now_ms - plan.made_ms) / 1000))
    if plan.sent_ms is None:
        return Told(title, size, _("not sent yet"))
    return Told(title, size, _("first sent {ago}").format(ago=ago(plan.sent_ms, now_ms)))
