"""The rules: from what is known of a patient to flags. Pure, and silent where nothing is known.

Constants without a source are our proposals, to be held against what therapists dismiss as noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from statistics import median
from typing import Final

from server.worklist.facts import RECENT_DAYS, Change, Facts, Pain, SeatEvent, Wear, WornDay
from server.worklist.flags import Behind, Flag, PainRise, Rule, Spell, Uncalibrated, Unheard

DAY_MS: Final = 86_400_000
PAIN_POINTS: Final = 2
"""A change of pain that matters: 2 points of NRS-11 or 30 % (Ostelo et al. 2008, doi 10.1097/BRS.0b013e31815e3a10)."""
PAIN_SHARE: Final = 0.3
PAIN_LEAST: Final = 1
"""Points that 30 % must be at least: the scale's own step, so that 1 to 1.5 is no rise. Our proposal."""
PAIN_RECENT_DAYS: Final = 7
PAIN_BEFORE_DAYS: Final = 28
PAIN_ENTRIES: Final = 2
"""Entries that there must be on each side, so that one hour is not taken for a week. Our proposal."""
MISSED_DAYS: Final = 2
"""Prescribed days without enough wear that are told: one day is anybody's. Our proposal."""
STEADY_DAYS: Final = 2
"""So many prescribed days in a row that are worn enough end a spell of too little. Our proposal."""
SLIP_DEG: Final = 8.0
"""A slip of this size counts as once: what the drift detector is built to find."""
SLIP_DAYS: Final = 28
"""For how long a slip is told that no calibration followed. Our proposal."""
UNCALIBRATED_SHARE: Final = 0.2
"""Worn time without a calibration that is told, of what was worn in a week, and the least worn to tell it by. Our
proposal: figures that lack a fifth of the wearing are not the patient's any more."""
UNCALIBRATED_WORN_S: Final = 3600
PLAN_WAITS_MS: Final = DAY_MS
"""A plan unconfirmed for this long is told: a clip that is worn each workday meets its computer once in it. Our
proposal."""
UNHEARD_MS: Final = 3 * DAY_MS
"""A clip unheard for this long is told: longer than a weekend at an office. Our proposal."""
HELPS: Final = {
    "shifts_per_hour": 1,
    "breaks_per_hour": 1,
    "spread_deg": 1,
    "response_rate": 1,
    "longest_still_min": -1,
    "slouched_share": -1,
}
"""Whether more of a figure is what a plan aims at: moving and shifting often lowers the risk of new back pain (hazard
ratios 0.16 to 0.34: doi 10.5271/sjweh.3949 and 10.5271/sjweh.4184), and a plan asks to slouch less. Of a median
inclination neither way is better."""


BY_CALIBRATION: Final = frozenset({"slouched_share", "p50_deg", "spread_deg"})
"""Figures that say nothing while the clip sits otherwise than it was calibrated."""


def flags_of(facts: Facts) -> tuple[Flag, ...]:
    """All flags of a patient, the most pressing first."""
    seated = list(seat(facts))
    figures = changed(facts, angles=not seated)
    found = [*urgent(facts), *pain(facts), *wear(facts), *figures, *seated, *plan(facts), *unheard(facts)]
    order = list(Rule)
    return tuple(sorted(found, key=lambda flag: (order.index(flag.rule), -flag.times, flag.about)))


def urgent(facts: Facts) -> Iterator[Flag]:
    """Answers that nobody has looked at: of any age, until somebody has."""
    for one in facts.urgent:
        times = float(len(one.yes) + (100 if one.at_once else 0))
        yield Flag(Rule.URGENT, str(one.answer_id), float(len(one.yes)), times, Behind(1, "answers"), None, one)


def pain(facts: Facts) -> Iterator[Flag]:
    """The median of the last week against that of the four weeks before it."""
    turn_ms = facts.now_ms - PAIN_RECENT_DAYS * DAY_MS
    recent = [one for one in facts.pain if turn_ms <= one.at_ms <= facts.now_ms]
    before = [one for one in facts.pain if turn_ms - PAIN_BEFORE_DAYS * DAY_MS <= one.at_ms < turn_ms]
    if min(len(recent), len(before)) < PAIN_ENTRIES:
        return
    now, then = _middle(recent), _middle(before)
    rise, asked = now - then, min(float(PAIN_POINTS), max(float(PAIN_LEAST), PAIN_SHARE * then))
    if rise >= asked:
        detail = PainRise(now, then, len(recent), len(before))
        since = facts.told.today - timedelta(days=PAIN_RECENT_DAYS)
        yield Flag(Rule.PAIN, "", rise, rise / asked, Behind(len(recent), "entries"), since, detail)


def _middle(entries: Sequence[Pain]) -> float:
    return float(median(one.level for one in entries))


def wear(facts: Facts) -> Iterator[Flag]:
    """Prescribed days without enough wear since wear was last as planned."""
    spell = spell_of(facts.told.days)
    if spell is not None and spell.missed >= MISSED_DAYS:
        behind = Behind(spell.days, "days", spell.worn_s, spell.window_s)
        yield Flag(Rule.WEAR, "", float(spell.missed), spell.missed / MISSED_DAYS, behind, spell.first, spell)


def spell_of(days: Sequence[WornDay]) -> Spell | None:
    """The prescribed days from the first missed one after the last STEADY_DAYS in a row that were worn enough; None
    where none was missed since."""
    prescribed = [day for day in days if day.wear in (Wear.ENOUGH, Wear.MISSED)]
    since: list[WornDay] = []
    steady = 0
    for day in reversed(prescribed):
        steady = steady + 1 if day.wear is Wear.ENOUGH else 0
        since.insert(0, day)
        if steady == STEADY_DAYS:
            since = since[STEADY_DAYS:]
            break
    while since and since[0].wear is Wear.ENOUGH:
        since.pop(0)
    if not since:
        return None
    missed = sum(day.wear is Wear.MISSED for day in since)
    worn, window, lost = (sum(getattr(day, name) for day in since) for name in ("worn_s", "window_s", "lost_s"))
    return Spell(since[0].date, missed, len(since), worn, window, lost)


def changed(facts: Facts, *, angles: bool = True) -> Iterator[Flag]:
    """Figures that moved by more than the patient's own noise; without `angles` only those that need no calibration."""
    since = facts.told.today - timedelta(days=RECENT_DAYS)
    for one in facts.told.changes:
        if not angles and one.key in BY_CALIBRATION:
            continue
        rule = Rule.IMPROVED if _helps(one) else Rule.CHANGED
        behind = Behind(one.recent_days, "days", facts.told.worn_s, facts.told.window_s)
        about = f"{one.key}:{'up' if one.change > 0 else 'down'}"
        yield Flag(rule, about, abs(one.change), one.times, behind, since, one)


def _helps(change: Change) -> bool:
    return HELPS.get(change.key, 0) * change.change > 0


def seat(facts: Facts) -> Iterator[Flag]:
    """Slips that no calibration followed; without any, wearing without a calibration."""
    slips = unsettled(facts.seat, facts.now_ms)
    told = facts.told
    for one in slips:
        behind = Behind(1, "events", told.worn_s, told.window_s)
        times = max(1.0, one.angle_deg / SLIP_DEG)
        yield Flag(Rule.CALIBRATION, f"{one.clip}:{one.at_ms}", one.angle_deg, times, behind, None, one)
    if slips or told.worn_s < UNCALIBRATED_WORN_S:
        return
    share = told.uncalibrated_s / told.worn_s
    if share >= UNCALIBRATED_SHARE:
        days = sum(day.worn_s > 0 for day in told.days[-RECENT_DAYS:])
        yield Flag(
            Rule.CALIBRATION,
            "share",
            share,
            share / UNCALIBRATED_SHARE,
            Behind(days, "days", told.worn_s, told.window_s),
            told.today - timedelta(days=RECENT_DAYS),
            Uncalibrated(told.uncalibrated_s, told.worn_s),
        )


def unsettled(events: Sequence[SeatEvent], now_ms: int) -> list[SeatEvent]:
    """The last word on each clip that no calibration followed: that it slipped, or else that it may have."""
    last: dict[str, SeatEvent] = {}
    for event in sorted(events, key=lambda one: (one.at_ms, one.kind)):
        if event.kind == "calibrated":
            last.pop(event.clip, None)
        elif event.kind == "slipped" or event.clip not in last:
            last[event.clip] = event
    return [event for _, event in sorted(last.items()) if event.at_ms >= now_ms - SLIP_DAYS * DAY_MS]


def plan(facts: Facts) -> Iterator[Flag]:
    """A plan that waits to be confirmed."""
    state, waited_ms = facts.plan, facts.now_ms - facts.plan.made_ms
    if state.pending is not None and waited_ms >= PLAN_WAITS_MS:
        size, times = waited_ms / DAY_MS, waited_ms / PLAN_WAITS_MS
        yield Flag(Rule.PLAN, str(state.pending), size, times, Behind(1, "reports"), None, state)


def unheard(facts: Facts) -> Iterator[Flag]:
    """A clip of which nothing was heard for days."""
    if facts.clip is None or facts.heard_ms is None:
        return
    silent_ms = facts.now_ms - facts.heard_ms
    if silent_ms >= UNHEARD_MS:
        about = f"{facts.clip}:{facts.heard_ms}"
        size, times = silent_ms / DAY_MS, silent_ms / UNHEARD_MS
        yield Flag(Rule.UNHEARD, about, size, times, Behind(1, "reports"), None, Unheard(facts.heard_ms))
