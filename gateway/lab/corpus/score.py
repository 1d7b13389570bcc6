"""How well a judged day fits its truth: counts and errors that add up over days."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np

from firmware.clip import protocol
from gateway import messages
from gateway.lab.motion import Floats
from gateway.lab.reminding import Told

from .day import Day
from .facts import GRID_HZ, Facts, Slouch, runs
from .judging import Judged
from .score_slips import score_slips

code = protocol.category
records = protocol.records

SCORED_DEG: Final = 13.0
REPORTED_DEG: Final = (7.0, 10.0)
SLACK_S: Final = 10.0
NEAR_DEG: Final = 1.5
"""Who slouches suddenly after having sat within this of the plan's angle may be told from then on: such an onset is
measured in degrees, as a gradual one."""
FALSE_TOLERANCE_DEG: Final = 2.0
"""A reminder is false when the wearer was not slouched by the plan's own rule with its angle lessened by this."""
EDGE_S: Final = 3.0
"""How much sooner than the dwell a slouch may be told without being false."""
PERCENTILES: Final = (10, 50, 90)
BESIDE: Final = 0.5
"""A percentile is as good as those half a point beside it."""
REMOVAL_S: Final = 300.0
OVERLAP: Final = 0.8
BRIDGE_S: Final = 30
WALKING: Final = ("walk", "stairs_up", "stairs_down")
NEVER: Final = ("walk", "stairs_up", "stairs_down", "lift", "reach", "lie")
"""Activities that never count as slouched."""


@dataclass
class Score:
    """Of one day or of several. Times in seconds of the day, angles in degrees.

    `cases` names what went wrong, a line each, for whoever wants to look.
    """

    worn_h: float = 0.0
    scored: int = 0
    reminded: int = 0
    through_holes: int = 0
    reported: dict[str, list[int]] = field(default_factory=dict)
    given: int = 0
    false: int = 0
    relaxed: int = 0
    """Of the true ones, those in a slouch that had been relaxed to between recovery and the plan's angle."""
    while_turned: int = 0
    sudden_errors_s: list[float] = field(default_factory=list)
    gradual_errors_deg: list[float] = field(default_factory=list)
    shifts: list[int] = field(default_factory=lambda: [0, 0, 0])
    """Found, missed, too many."""
    removals: list[int] = field(default_factory=lambda: [0, 0])
    """Found, missed."""
    called_removals: list[int] = field(default_factory=lambda: [0, 0])
    """Rightly, wrongly."""
    still_s: list[int] = field(default_factory=lambda: [0, 0])
    """Seconds of still sitting: all, and those taken for not worn."""
    percentile_errors_deg: list[float] = field(default_factory=list)
    """The largest of the day's P10, P50 and P90."""
    told: dict[str, list[int]] = field(default_factory=dict)
    """Seconds of each activity by the category they were told as."""
    walking: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """Seconds of walking and stairs told as moving and not, of rest not told as moving and told so."""
    handled_slips: list[int] = field(default_factory=lambda: [0, 0])
    """Found within 2 minutes, missed."""
    silent_slips: list[int] = field(default_factory=lambda: [0, 0])
    """Suspected within three walking bouts, missed."""
    slip_alarms: list[int] = field(default_factory=lambda: [0, 0, 0])
    """False: told, suspected, and of either kind during a slouch of 30 minutes or more."""
    calibrations: list[int] = field(default_factory=lambda: [0, 0])
    """Taken, refused."""
    cases: list[str] = field(default_factory=list)

    def __iadd__(self, other: Score) -> Score:
        for each in fields(self):
            setattr(self, each.name, _added(getattr(self, each.name), getattr(other, each.name), each.name))
        return self


_ERRORS: Final = {"sudden_errors_s", "gradual_errors_deg", "percentile_errors_deg", "cases"}


def _added(one: Any, other: Any, name: str) -> Any:
    if isinstance(one, dict):
        return {
            key: _added(one.get(key, [0] * len(other.get(key, ()))), other.get(key, [0] * len(one.get(key, ()))), "")
            for key in [*one, *(key for key in other if key not in one)]
        }
    if isinstance(one, list) and name not in _ERRORS:
        return [a + b for a, b in zip(one, other, strict=True)]
    return one + other


def score(day: Day, judged: Judged, plan: protocol.plan.Plan) -> Score:
    """Score a judged day."""
    facts = Facts(day, float(plan.angle_deg), float(plan.recovery_deg))
    out = Score(calibrations=[len(judged.calibrations), len(judged.refused)])
    out.worn_h = float((~facts.off & facts.asked).sum()) / GRID_HZ / 3600
    given = [told for told in judged.reminders if told.reason == records.GIVEN]
    dwell_s = float(plan.dwell_s)
    _score_slouches(out, facts, given, dwell_s)
    _score_reminders(out, facts, given, dwell_s)
    _score_shifts(out, facts, judged)
    _score_wear(out, facts, judged)
    _score_percentiles(out, facts, judged)
    _score_categories(out, facts, judged)
    found = score_slips(facts, judged.findings)
    out.handled_slips, out.silent_slips, out.slip_alarms = found.handled, found.silent, found.alarms
    for at_s, text in found.cases:
        _case(out, day, at_s, text)
    for reason in judged.refused:
        _case(out, day, 0.0, f"calibration refused: {reason}")
    return out


def _case(out: Score, day: Day, at_s: float, text: str) -> None:
    out.cases.append(f"seed {day.seed} at {at_s:.0f} s: {text}")


def _score_slouches(out: Score, facts: Facts, given: list[Told], dwell_s: float) -> None:
    need = dwell_s + SLACK_S
    for slouch in facts.slouches(SCORED_DEG, need):
        if facts.through_a_hole(slouch.onset_s, slouch.end_s):
            out.through_holes += 1
            continue
        out.scored += 1
        reminder = _reminder_of(slouch, given, need)
        if reminder is None:
            _case(
                out,
                facts.day,
                slouch.onset_s,
                f"no reminder for {slouch.median_deg:.1f} deg until {slouch.end_s:.0f} s",
            )
            continue
        out.reminded += 1
        _score_onset(out, facts, slouch, reminder.since_ms / 1000)
    for floor in REPORTED_DEG:
        above = REPORTED_DEG[REPORTED_DEG.index(floor) + 1] if floor != REPORTED_DEG[-1] else SCORED_DEG
        band = out.reported.setdefault(f"{floor:g}-{above:g}", [0, 0])
        for slouch in facts.slouches(floor, need):
            if slouch.median_deg < above and not facts.through_a_hole(slouch.onset_s, slouch.end_s):
                band[0] += 1
                band[1] += any(slouch.reached_s <= told.start_ms / 1000 <= slouch.end_s for told in given)


def _reminder_of(slouch: Slouch, given: list[Told], need_s: float) -> Told | None:
    """The first reminder within the slouch, in time."""
    last_s = slouch.reached_s + need_s
    return next((told for told in given if slouch.onset_s < told.start_ms / 1000 <= last_s), None)


def _score_onset(out: Score, facts: Facts, slouch: Slouch, since_s: float) -> None:
    before = facts.sagittal[max(round(since_s * GRID_HZ), 0) : round(slouch.onset_s * GRID_HZ)]
    near = len(before) > GRID_HZ and bool((before >= facts.angle_deg - NEAR_DEG).all())
    if slouch.sudden and not near:
        error = abs(since_s - slouch.onset_s)
        out.sudden_errors_s.append(error)
        if error > 2:
            after = " after moving" if slouch.after_moving else ""
            _case(out, facts.day, slouch.onset_s, f"sudden onset{after} told {since_s - slouch.onset_s:+.1f} s")
        return
    sagittal = facts.sagittal[min(max(round(since_s * GRID_HZ), 0), len(facts.sagittal) - 1)]
    error = abs(float(sagittal) - facts.angle_deg)
    out.gradual_errors_deg.append(error)
    if error > 1.5:
        _case(out, facts.day, slouch.onset_s, f"gradual onset told at {sagittal:.1f} deg, {since_s:.0f} s")


def _score_reminders(out: Score, facts: Facts, given: list[Told], dwell_s: float) -> None:
    slouched = facts.slouched_from(facts.angle_deg - FALSE_TOLERANCE_DEG)
    for told in given:
        now = min(told.start_ms * GRID_HZ // 1000, len(slouched) - 1)
        window = slice(max(now - round((dwell_s - EDGE_S) * GRID_HZ), 0), now + 1)
        if not facts.asked[window].all():
            out.while_turned += 1
            continue
        out.given += 1
        # The wearer may have sat up within the last second: nobody could know.
        known = slice(window.start, max(now - GRID_HZ, window.start + 1))
        if slouched[known].all():
            out.relaxed += bool((facts.sagittal[known] < facts.angle_deg - FALSE_TOLERANCE_DEG).any())
        else:
            out.false += 1
            doing = sorted(set(facts.activity[window].tolist()))
            low, high = facts.sagittal[window].min(), facts.sagittal[window].max()
            _case(out, facts.day, now / GRID_HZ, f"false reminder: {low:.1f} to {high:.1f} deg, {', '.join(doing)}")


def _score_shifts(out: Score, facts: Facts, judged: Judged) -> None:
    """Counts of minutes against times, matched in order: a shift is confirmed some seconds after it is over."""
    times, either = facts.shifts
    free = list(times)
    for epoch in sorted(judged.epochs, key=lambda epoch: epoch.start_ms):
        begin = epoch.start_ms / 1000
        for _ in range(epoch.shifts):
            while free and free[0] + 12.0 < begin:
                out.shifts[1] += 1
                _case(out, facts.day, free.pop(0), "shift missed")
            if free and free[0] + 2.0 < begin + 60:
                out.shifts[0] += 1
                free.pop(0)
            elif not any(low < begin + 60 and high > begin for low, high in either):
                out.shifts[2] += 1
                _case(out, facts.day, begin, "a shift too many in this minute")
    out.shifts[1] += len(free)


def _score_wear(out: Score, facts: Facts, judged: Judged) -> None:
    off = judged.codes == code.NOT_WORN
    lies = facts.second(facts.off)
    for begin, end in facts.removals:
        if end - begin >= REMOVAL_S:
            share = float(off[int(begin) : int(end)].mean())
            out.removals[0 if share >= OVERLAP else 1] += 1
            if share < OVERLAP:
                _case(out, facts.day, begin, f"removal of {end - begin:.0f} s told for {share:.0%} of it")
    for begin, end in _bridged(runs(off)):
        if end - begin >= REMOVAL_S:
            share = float(lies[begin:end].mean())
            out.called_removals[0 if share >= OVERLAP else 1] += 1
            if share < OVERLAP:
                _case(out, facts.day, begin, f"called off for {end - begin} s, true for {share:.0%} of it")
    still = facts.second(facts.rest & np.isin(facts.activity, ("sit", "type", "rest")))
    out.still_s = [int(still.sum()), int((still & off).sum())]


def _bridged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for begin, end in spans:
        if out and begin - out[-1][1] <= BRIDGE_S:
            out[-1] = (out[-1][0], end)
        else:
            out.append((begin, end))
    return out


def _score_percentiles(out: Score, facts: Facts, judged: Judged) -> None:
    """Told two-second means against the true angle, with breathing and all, in the same worn seconds."""
    asked = facts.second(facts.asked & ~facts.off)
    told: list[float] = []
    slots: list[int] = []
    for epoch in judged.epochs:
        for k, mean in enumerate(epoch.sagittal):
            second = epoch.start_ms // 1000 + 2 * k
            if mean is not None and asked[second : second + 2].all() and second + 2 <= len(asked):
                told.append(mean)
                slots.append(second)
    if not told:
        return
    rate = 10
    t: Floats = (np.array(slots)[:, None] + np.arange(2 * rate) / rate).ravel()
    sagittal, _ = facts.day.script.angles(t)
    found = np.percentile(told, PERCENTILES)
    # Between upright and slouched there is little: a few seconds more or less move a percentile far across.
    low, high = (np.percentile(sagittal, np.add(PERCENTILES, beside)) for beside in (-BESIDE, BESIDE))
    out.percentile_errors_deg.append(float(np.maximum(np.maximum(low - found, found - high), 0).max()))


def _score_categories(out: Score, facts: Facts, judged: Judged) -> None:
    starts = facts.activity[::GRID_HZ]
    whole = (facts.activity.reshape(-1, GRID_HZ) == starts[:, None]).all(axis=1) & facts.second(facts.asked)
    for name in sorted(set(starts.tolist())):
        told = judged.codes[whole & (starts == name)]
        out.told[name] = np.bincount(told, minlength=len(messages.CATEGORIES)).tolist()
    known = whole & ~np.isin(judged.codes, (code.LOST, code.NOT_WORN, code.UNCALIBRATED))
    # The gate looks back 2 s: what it says just after a change is a matter of definition.
    settled = known.copy()
    for back in range(1, 4):
        settled[back:] &= starts[back:] == starts[:-back]
    walking = settled & np.isin(starts, WALKING)
    rest = settled & facts.second(facts.rest | (facts.activity == "lie"))
    moving = judged.codes == code.MOVING
    out.walking = [int((walking & moving).sum()), int((walking & ~moving).sum())]
    out.walking += [int((rest & ~moving).sum()), int((rest & moving).sum())]
