"""The invariant of the whole line, as pure functions from evidence to differences.

Exact: the set of identities, the sum of a window's categories, number and times of motor starts, plan versions.
Within tolerance: edges and angles of episodes, 1 s and 1 degree where the gateway judged, 3 where the clip did.
While the clip has no power nothing is measured: those seconds are lost, and a slouch is told in the parts that remain;
so are the seconds of its open minute that nobody heard (see `nowhere`).
While the gateway's computer's clock is wrong, what is placed in time is as wrong as the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from gateway import messages
from gateway.lab.truth import FLOOR_S, Slouch, Truth, truth

from .evidence import Evidence
from .nowhere import MINUTE_MS, RECONNECT_MS, nowhere, off

EDGE_S: Final = {"gateway": 1.0, "both": 1.0, "clip": 3.0}
ANGLE_DEG: Final = {"gateway": 1.0, "both": 1.0, "clip": 3.0}
PERCENTILE_DEG: Final = 1.0
TICK_MS: Final = 40
"""One tick of the reminder policy."""
PLACING_MS: Final = 50
"""Uncertainty of the clock map that a place in time may show."""
REMINDER_WAVEFORM_GAP_MS: Final = 2000
"""Motor starts closer together belong to one pattern."""
JUDGED_WITHIN_S: Final = 1.0
JUDGED_EARLY_MS: Final = 500
"""Breathing may cross the angle a little before the script's own posture does."""
EPISODE_WITHIN_S: Final = 5.0

PLACED_AFTER_MS: Final = MINUTE_MS + 15_000
"""A record may have begun so long before it is placed: a minute, and what it takes to reach the outbox."""
STEP_NOTICED_MS: Final = 20_000
"""The gateway looks at its clock that often, and asks the clip for the time."""
WHOLE_S: Final = 1.0
"""The clock that goes on over a restart counts whole seconds."""
SETTLE_S: Final = 8
"""After it is switched on the clip boots, and its fusion settles."""


@dataclass(frozen=True)
class Difference:
    """Something that does not hold."""

    rule: str
    detail: str


def differences(evidence: Evidence) -> list[Difference]:
    """Everything in which the server's account differs from the truth."""
    known = truth(evidence.script)
    return [
        *_identities(evidence),
        *_places(evidence),
        *_gateway_minutes(evidence),
        *_coverage(evidence, known),
        *_episodes(evidence, known),
        *_reminders(evidence, known.slouches),
        *_motor(evidence),
        *_angles(evidence, known),
        *_plans(evidence),
        *_latency(evidence, known.slouches),
        *_left_over(evidence),
    ]


def _identities(evidence: Evidence) -> Iterator[Difference]:
    """Everything that the clip wrote, with its last revision, and nothing else beside what the gateway judged."""
    stored = {key: rev for key, rev in evidence.identities.items() if key[2] == "clip" or key[3] == "reminder"}
    for key in sorted(evidence.journal.keys() | stored.keys()):
        wrote, kept = evidence.journal.get(key), stored.get(key)
        if wrote != kept:
            yield Difference("identities", f"{key}: the clip wrote revision {wrote}, the server has {kept}")


def _places(evidence: Evidence) -> Iterator[Difference]:
    """Every record lies in time where it happened, as far as the gateway's clock told the time."""
    for key, utc_ms in evidence.identity_utc_ms.items():
        began = evidence.boots_ms.get(key[1])
        if began is None:
            yield Difference("identities", f"{key}: the clip had no such boot")
            continue
        early, late = _displaced_ms(evidence, began + key[4])
        off = evidence.sim_ms(utc_ms) - began - key[4]
        if not early - PLACING_MS <= off <= late + PLACING_MS:
            yield Difference("places", f"{key} is placed {off:+d} ms off")


def _displaced_ms(evidence: Evidence, at_ms: int) -> tuple[int, int]:
    """By how much, at least and at most, what happened at `at_ms` may be placed off because the gateway's clock was
    wrong: by its whole error in between, by anything up to it about the moments at which the clock was set."""
    for error in evidence.clock_errors:
        first, last = error.start_ms - PLACED_AFTER_MS, error.end_ms + STEP_NOTICED_MS
        if not first <= at_ms <= last:
            continue
        if error.start_ms + STEP_NOTICED_MS <= at_ms <= error.end_ms - PLACED_AFTER_MS:
            return error.by_ms, error.by_ms
        return min(error.by_ms, 0), max(error.by_ms, 0)
    return 0, 0


def _displaced_s(evidence: Evidence, at_s: float) -> tuple[float, float]:
    early, late = _displaced_ms(evidence, int(1000 * at_s))
    return early / 1000, late / 1000


def _gateway_minutes(evidence: Evidence) -> Iterator[Difference]:
    """The gateway judged every minute in which it was there."""
    told = {(key[1], key[4]) for key in evidence.identities if key[2] == "gateway" and key[3] == "epoch"}
    if not told:
        yield Difference("identities", "the gateway judged no minute")
        return
    began = sorted(evidence.boots_ms.items(), key=lambda item: item[1])
    ends = [*(start_ms for _, start_ms in began[1:]), max(evidence.boots_ms.get(b, 0) + at for b, at in told) + 1]
    for (boot, began_ms), end_ms in zip(began, ends, strict=True):
        for start in range(began_ms, end_ms, MINUTE_MS):
            if (boot, start - began_ms) not in told and not _away(evidence, start, start + MINUTE_MS):
                yield Difference("identities", f"the gateway's minute at {start // 1000} s is missing")


def _away(evidence: Evidence, start_ms: int, end_ms: int) -> bool:
    """Whether in [start_ms, end_ms) the gateway may have been without the clip's stream."""
    return any(
        outage.station in RECONNECT_MS
        and start_ms < outage.end_ms + RECONNECT_MS[outage.station]
        and end_ms > outage.start_ms - 1000
        for outage in evidence.outages
    )


def _coverage(evidence: Evidence, known: Truth) -> Iterator[Difference]:
    summary = evidence.summary
    window_s = (evidence.window_ms[1] - evidence.window_ms[0]) // 1000
    total = sum(summary["seconds"].values())
    if (summary["elapsed_s"], total) != (window_s, window_s):
        yield Difference("coverage", f"{total} s in categories, {summary['elapsed_s']} s elapsed, window {window_s} s")
    seconds = np.arange(window_s) + evidence.window_ms[0] // 1000
    inside = seconds < len(known.codes)
    codes = np.where(
        inside, known.codes[np.minimum(seconds, len(known.codes) - 1)], messages.CATEGORIES.index("upright")
    )
    certain = np.where(inside, known.certain[np.minimum(seconds, len(known.certain) - 1)], True)
    certain &= seconds > UNCALIBRATED_UNTIL_S
    gone = np.zeros(window_s, bool)
    for first_ms, last_ms in nowhere(evidence):
        first_s, last_s = first_ms // 1000, last_ms // 1000
        gone |= (seconds >= first_s) & (seconds <= last_s)
        certain |= gone
        codes = np.where(gone, LOST, codes)
        certain &= ~np.isin(seconds, (first_s, last_s))
    for outage in off(evidence):
        first_s, last_s = outage.start_ms // 1000 - 1, outage.end_ms // 1000 + SETTLE_S
        certain &= (seconds < first_s) | (seconds > last_s)
        gone |= (seconds >= first_s) & (seconds < last_s)
    lost_s = SETTLE_S + int(gone.sum())
    for error in evidence.clock_errors:
        by_s = abs(error.by_ms) // 1000 + 1
        first_s = (error.start_ms - PLACED_AFTER_MS) // 1000 - by_s
        last_s = (error.end_ms + STEP_NOTICED_MS) // 1000 + by_s
        certain &= (seconds < first_s) | (seconds > last_s)
        lost_s += 2 * by_s
    unsure = int((~certain).sum())
    for number, name in enumerate(messages.CATEGORIES):
        least = int((certain & (codes == number)).sum())
        says = summary["seconds"].get(name, 0)
        if not least <= says <= least + unsure:
            yield Difference("categories", f"{name}: {says} s, the script has {least} to {least + unsure} s")
    if summary["seconds"].get("lost", 0) > lost_s:
        yield Difference(
            "categories", f"{summary['seconds']['lost']} s are lost; of at most {lost_s} s no sample is anywhere"
        )


LOST: Final = messages.CATEGORIES.index("lost")
UNCALIBRATED_UNTIL_S: Final = 30
"""Calibration is through by then: hold until 12 s, bow until 20 s."""


@dataclass(frozen=True)
class Expected:
    """A slouch, or the part of one that there was power for; by how much its edges may be off, beside the judge's own
    tolerance; whether a reminder before the cut has already been given for it; and since when its dwell runs."""

    slouch: Slouch
    start_late_s: float = 0.0
    after_cut: bool = False
    cut_short: bool = False
    since_s: float | None = None
    """None: since its start. Over the watchdog a dwell goes on, over a loss of power it does not."""


def expected_slouches(evidence: Evidence, slouches: tuple[Slouch, ...]) -> list[Expected]:
    """What there is to be told of the script's slouches."""
    parts = [Expected(slouch) for slouch in slouches]
    for outage in off(evidence):
        off_s, on_s = outage.start_ms / 1000, outage.end_ms / 1000
        goes_on = outage.station == "watchdog"
        parts = [piece for part in parts for piece in _cut(part, off_s, on_s, goes_on=goes_on)]
    return parts


def kept_slouches(evidence: Evidence, slouches: tuple[Slouch, ...]) -> list[Expected]:
    """The same without the seconds that exist nowhere: of a slouch that only those knew there is nothing to tell."""
    parts = expected_slouches(evidence, slouches)
    for first_ms, last_ms in nowhere(evidence):
        parts = [piece for part in parts for piece in _without(part, first_ms / 1000, last_ms / 1000)]
    return parts


def _without(part: Expected, gone_s: float, back_s: float) -> Iterator[Expected]:
    slouch = part.slouch
    if gone_s >= slouch.end_s or back_s <= slouch.start_s:
        yield part
        return
    if gone_s > slouch.start_s:
        yield replace(part, slouch=replace(slouch, end_s=gone_s), cut_short=True)
    if back_s < slouch.end_s:
        late_s = max(0.0, part.start_late_s - (back_s - slouch.start_s))
        yield replace(part, slouch=replace(slouch, start_s=back_s), start_late_s=late_s)


def _cut(part: Expected, off_s: float, on_s: float, *, goes_on: bool) -> Iterator[Expected]:
    slouch = part.slouch
    if off_s >= slouch.end_s or on_s + SETTLE_S <= slouch.start_s:
        yield part
        return
    if off_s > slouch.start_s:
        yield replace(part, slouch=replace(slouch, end_s=off_s), cut_short=True)
    if on_s < slouch.end_s:
        start_s = max(slouch.start_s, on_s)
        since_s = slouch.start_s if part.since_s is None else part.since_s
        yield Expected(
            replace(slouch, start_s=start_s),
            max(0.0, on_s + SETTLE_S - start_s),
            after_cut=off_s > slouch.start_s,
            cut_short=part.cut_short,
            since_s=since_s if goes_on and off_s > slouch.start_s else None,
        )


def _episodes(evidence: Evidence, known: Truth) -> Iterator[Difference]:
    left = list(evidence.episodes)
    for expected in kept_slouches(evidence, known.slouches):
        slouch = expected.slouch
        match = next((e for e in left if _overlap(evidence, e, slouch) > 0), None)
        if match is None:
            if slouch.end_s - slouch.start_s - expected.start_late_s > FLOOR_S:
                yield Difference("episodes", f"the slouch {_span(slouch)} is missing")
            continue
        left.remove(match)
        judge = match["judge"]
        for edge, says_ms, true_s, late_s in (
            ("start", match["start_ms"], slouch.start_s, expected.start_late_s),
            ("end", match["end_ms"], slouch.end_s, 0.0),
        ):
            off = evidence.sim_ms(says_ms) / 1000 - true_s
            edge_s = _edge_s(evidence, judge, true_s)
            early, late = _displaced_s(evidence, slouch.start_s)  # its end is told as so long after its start
            if not early - edge_s <= off <= late + edge_s + late_s:
                yield Difference("episodes", f"{edge} of the slouch {_span(slouch)} is {off:+.2f} s off ({judge})")
        mean = slouch.mean_deg
        if slouch not in known.slouches:  # a part of one: what is true between the edges that were told
            first, last = (round(evidence.sim_ms(match[edge]) / 1000) for edge in ("start_ms", "end_ms"))
            mean = float(known.sagittal[first : max(last, first + 1)].mean())
        off = match["mean_deg"] - mean
        if abs(off) > ANGLE_DEG[judge]:
            yield Difference("angles", f"mean of the slouch {_span(slouch)} is {off:+.2f} degrees off ({judge})")
    for extra in left:
        at = evidence.sim_ms(extra["start_ms"]) / 1000
        yield Difference("episodes", f"there is no slouch at {at:.1f} s, where the server has one ({extra['judge']})")


def _edge_s(evidence: Evidence, judge: str, at_s: float) -> float:
    """Tolerance of an edge: the clip's own when the gateway did not see it, whoever saw the rest."""
    return EDGE_S["clip" if _away(evidence, int(1000 * at_s), int(1000 * at_s) + 1) else judge]


def _overlap(evidence: Evidence, episode: dict[str, Any], slouch: Slouch) -> float:
    start, end = evidence.sim_ms(episode["start_ms"]) / 1000, evidence.sim_ms(episode["end_ms"]) / 1000
    return min(end, slouch.end_s) - max(start, slouch.start_s)


def _span(slouch: Slouch) -> str:
    return f"{slouch.start_s:.1f}-{slouch.end_s:.1f} s"


@dataclass(frozen=True)
class Due:
    """A reminder that the script calls for: seconds of the script, and how much later it may come. `may` only: the
    slouch lasts long enough for it only if it was found at once after a power cut. `goes_on`: its dwell began before
    the clip started anew."""

    since_s: float
    due_s: float
    late_s: float
    cut_short: bool
    may: bool
    goes_on: bool = False


def expected_reminders(evidence: Evidence, slouches: tuple[Slouch, ...]) -> list[Due]:
    """Every reminder that the script calls for: once a slouch, whatever happens; a dwell that the power cut begins
    anew, and after a reminder only a recovery or the repeat interval calls for the next."""
    expected: list[Due] = []
    reminded = False
    for part in expected_slouches(evidence, slouches):
        slouch = part.slouch
        dwell = evidence.dwell_s[plan_at(evidence, int(slouch.start_s * 1000))]
        reminded = reminded and part.after_cut
        since_s, late_s = slouch.start_s, part.start_late_s
        due_s = since_s + dwell
        if part.since_s is not None:
            since_s = part.since_s
            due_s = max(since_s + dwell, slouch.start_s)
            late_s = max(0.0, slouch.start_s + part.start_late_s - due_s)
        if not reminded and slouch.end_s > due_s:
            may = slouch.end_s <= due_s + late_s
            expected.append(Due(since_s, due_s, late_s, part.cut_short, may, part.since_s is not None))
            reminded = True
    return expected


def plan_at(evidence: Evidence, sim_ms: int) -> int:
    """The version that the clip had confirmed by then."""
    return max(version for version, since in evidence.plan_confirmed_ms.items() if since <= sim_ms)


def _reminders(evidence: Evidence, slouches: tuple[Slouch, ...]) -> Iterator[Difference]:
    given = [reminder for reminder in evidence.reminders if reminder["given"]]
    expected = [
        due
        for due in expected_reminders(evidence, slouches)
        if not due.may or any(abs(_late_s(evidence, reminder, due)) <= SETTLE_S + EDGE_S["clip"] for reminder in given)
    ]
    if len(given) != len(expected):
        yield Difference("reminders", f"{len(given)} were given, the script calls for {len(expected)}")
        return
    for reminder, due in zip(given, expected, strict=True):
        judge = reminder["judge"]
        off = _late_s(evidence, reminder, due)
        early, displaced = _displaced_s(evidence, due.due_s)
        edge_s = _edge_s(evidence, judge, due.since_s) + TICK_MS / 1000 + (WHOLE_S if due.goes_on else 0)
        if not early - edge_s <= off <= displaced + edge_s + due.late_s:
            yield Difference("reminders", f"the one due at {due.due_s:.1f} s came {off:+.2f} s off ({judge})")
        version = plan_at(evidence, int(due.since_s * 1000))
        late = reminder["utc_ms"] - reminder["since_ms"] - 1000 * evidence.dwell_s[version]
        apart = (early, displaced) != _displaced_s(evidence, due.since_s) or early != displaced
        if not 0 <= late <= TICK_MS and not due.goes_on and not apart:  # no record names a time before its boot
            yield Difference("reminders", f"the one due at {due.due_s:.1f} s came {late} ms after since + dwell")
        if reminder["plan"] != version:
            yield Difference("plans", f"the reminder at {due.due_s:.1f} s names plan {reminder['plan']}, not {version}")
        if reminder["response"] == "open" and not due.cut_short:
            yield Difference("reminders", f"the response to the one due at {due.due_s:.1f} s is still open")
    withheld = [reminder for reminder in evidence.reminders if not reminder["given"]]
    if withheld:
        reasons = ", ".join(sorted({reminder["reason"] for reminder in withheld}))
        yield Difference("reminders", f"{len(withheld)} were withheld ({reasons}), the script calls for none")


def _late_s(evidence: Evidence, reminder: dict[str, Any], due: Due) -> float:
    return evidence.sim_ms(reminder["utc_ms"]) / 1000 - due.due_s


def _motor(evidence: Evidence) -> Iterator[Difference]:
    """Each reminder that the server knows ran the motor then, and nothing else ran it but the calibration's pulse."""
    starts = [start.t_ms for start in evidence.motor]
    unexplained = set(starts)
    for reminder in evidence.reminders:
        if not reminder["given"]:
            continue
        at = evidence.sim_ms(reminder["utc_ms"])
        near = [start for start in starts if _ran_for(evidence, start, at)]
        if not near:
            yield Difference("motor", f"the reminder at {at / 1000:.2f} s did not run the motor")
        unexplained -= {start for start in starts if near and 0 <= start - near[0] < REMINDER_WAVEFORM_GAP_MS}
    pulses = [start for start in sorted(unexplained) if start > UNCALIBRATED_UNTIL_S * 1000]
    for start in pulses:
        yield Difference("motor", f"the motor ran at {start / 1000:.2f} s without a reminder")


def _ran_for(evidence: Evidence, start_ms: int, at_ms: int) -> bool:
    """Whether the motor started at `start_ms` for the reminder that is placed at `at_ms`."""
    early, late = _displaced_ms(evidence, start_ms)
    return -late - PLACING_MS <= start_ms - at_ms <= -early + TICK_MS + PLACING_MS


def _angles(evidence: Evidence, known: Truth) -> Iterator[Difference]:
    figures = evidence.summary["figures"]
    if figures is None:
        yield Difference("angles", f"no figures: {evidence.summary['shortfall']}")
        return
    worn = [
        messages.CATEGORIES.index(name)
        for name in ("leaning_back", "leaning_left", "leaning_right", "slouched", "upright")
    ]
    # While walking or lying the script's posture leaves out what gait adds; compare where it says all.
    for name, number in (("p50_deg", 50),):
        angle = float(np.percentile(known.sagittal[np.isin(known.codes, worn)], number))
        if abs(figures[name] - angle) > 2 * PERCENTILE_DEG:
            yield Difference("angles", f"{name} is {figures[name]:.1f} degrees, the script has {angle:.1f}")


def _plans(evidence: Evidence) -> Iterator[Difference]:
    newest = max(evidence.dwell_s)
    in_force = evidence.plan["in_force"]
    if evidence.plan["waiting"] or in_force is None or in_force["plan"]["version"] != newest:
        yield Difference("plans", f"version {newest} is not in force: {in_force and in_force['plan']['version']}")
    first = min(evidence.plan_confirmed_ms.values())
    for key, version in evidence.identity_plans.items():
        if key[3] == "epoch" and key[4] > first + MINUTE_MS and version not in evidence.dwell_s:
            yield Difference("plans", f"{key} was judged with plan {version}, which nobody made")


def judgement_delays(evidence: Evidence, slouches: tuple[Slouch, ...]) -> list[float]:
    """Seconds from each change of posture to the first lease at the clip that says so, while nobody was away.

    A slouch begins when its angle is crossed; it is over when the trunk has been back for the plan's recovery time.
    """
    delays = []
    slouched = messages.CATEGORIES.index("slouched")
    recovery_s = evidence.plan["newest"]["plan"]["recovery_s"]
    for slouch in slouches:
        for at_s, begins in ((slouch.start_s, True), (slouch.end_s + recovery_s, False)):
            at_ms = int(1000 * at_s)
            if _away(evidence, at_ms, at_ms + 1):
                continue
            says = (
                lease.t_ms
                for lease in evidence.leases
                if lease.t_ms >= at_ms - JUDGED_EARLY_MS and (lease.category == slouched) is begins
            )
            delays.append((next(says, at_ms + 10**6) - at_ms) / 1000)
    return delays


def _latency(evidence: Evidence, slouches: tuple[Slouch, ...]) -> Iterator[Difference]:
    delays = judgement_delays(evidence, slouches)
    if not delays:
        return
    p95 = float(np.percentile(delays, 95))
    if p95 > JUDGED_WITHIN_S:
        yield Difference("latency", f"a change of posture reached the clip within {p95:.2f} s (p95 of {len(delays)})")
    for delay in evidence.episode_delay_s:
        if delay > EPISODE_WITHIN_S:
            yield Difference("latency", f"an episode was on the server {delay:.1f} s after its end")


def _left_over(evidence: Evidence) -> Iterator[Difference]:
    for where, count in evidence.unanswered.items():
        if count:
            yield Difference("left over", f"{where}: {count}")
