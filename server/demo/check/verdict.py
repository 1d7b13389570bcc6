"""The invariant of the whole line, as pure functions from evidence to differences.

Exact: the set of identities, the sum of a window's categories, number and times of motor starts, plan versions.
Within tolerance: edges and angles of episodes, 1 s and 1 degree where the gateway judged, 3 where the clip did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gateway import messages
from gateway.lab.truth import Slouch, Truth, truth

from .evidence import Evidence

EDGE_S: Final = {"gateway": 1.0, "both": 1.0, "clip": 3.0}
ANGLE_DEG: Final = {"gateway": 1.0, "both": 1.0, "clip": 3.0}
PERCENTILE_DEG: Final = 1.0
TICK_MS: Final = 40
"""One tick of the reminder policy."""
PLACING_MS: Final = 50
"""Uncertainty of the clock map that a place in time may show."""
REMINDER_WAVEFORM_GAP_MS: Final = 2000
"""Motor starts closer together belong to one pattern."""
MINUTE_MS: Final = 60_000
JUDGED_WITHIN_S: Final = 1.0
JUDGED_EARLY_MS: Final = 500
"""Breathing may cross the angle a little before the script's own posture does."""
EPISODE_WITHIN_S: Final = 5.0


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
        *_gateway_minutes(evidence),
        *_coverage(evidence, known),
        *_episodes(evidence, known.slouches),
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


def _gateway_minutes(evidence: Evidence) -> Iterator[Difference]:
    """The gateway judged every minute in which it was there."""
    told = sorted(key[4] for key in evidence.identities if key[2] == "gateway" and key[3] == "epoch")
    if not told:
        yield Difference("identities", "the gateway judged no minute")
        return
    for start in range(told[0], told[-1] + MINUTE_MS, MINUTE_MS):
        if start not in told and not _away(evidence, start, start + MINUTE_MS):
            yield Difference("identities", f"the gateway's minute {start // MINUTE_MS} is missing")
    if told[0] > MINUTE_MS:
        yield Difference("identities", f"the gateway's first minute is {told[0] // MINUTE_MS}")


def _away(evidence: Evidence, start_ms: int, end_ms: int) -> bool:
    outage = evidence.outage
    settle_ms = 15_000  # boot of the clip, search, connection
    return (
        outage is not None
        and outage.station == "gateway"
        and start_ms < outage.end_ms + settle_ms
        and end_ms > outage.start_ms - 1000
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
    unsure = int((~certain).sum())
    for number, name in enumerate(messages.CATEGORIES):
        least = int((certain & (codes == number)).sum())
        says = summary["seconds"].get(name, 0)
        if not least <= says <= least + unsure:
            yield Difference("categories", f"{name}: {says} s, the script has {least} to {least + unsure} s")
    if summary["seconds"].get("lost", 0) > LOST_AT_MOST_S:
        yield Difference("categories", f"{summary['seconds']['lost']} s are lost; every sample was somewhere")


UNCALIBRATED_UNTIL_S: Final = 30
"""Calibration is through by then: hold until 12 s, bow until 20 s."""
LOST_AT_MOST_S: Final = 8
"""The clip boots, and its fusion settles."""


def _episodes(evidence: Evidence, slouches: tuple[Slouch, ...]) -> Iterator[Difference]:
    left = list(evidence.episodes)
    for slouch in slouches:
        match = next((e for e in left if _overlap(evidence, e, slouch) > 0), None)
        if match is None:
            yield Difference("episodes", f"the slouch {_span(slouch)} is missing")
            continue
        left.remove(match)
        judge = match["judge"]
        for edge, says_ms, true_s in (
            ("start", match["start_ms"], slouch.start_s),
            ("end", match["end_ms"], slouch.end_s),
        ):
            off = evidence.sim_ms(says_ms) / 1000 - true_s
            if abs(off) > EDGE_S[judge]:
                yield Difference("episodes", f"{edge} of the slouch {_span(slouch)} is {off:+.2f} s off ({judge})")
        off = match["mean_deg"] - slouch.mean_deg
        if abs(off) > ANGLE_DEG[judge]:
            yield Difference("angles", f"mean of the slouch {_span(slouch)} is {off:+.2f} degrees off ({judge})")
    for extra in left:
        at = evidence.sim_ms(extra["start_ms"]) / 1000
        yield Difference("episodes", f"there is no slouch at {at:.1f} s, where the server has one ({extra['judge']})")


def _overlap(evidence: Evidence, episode: dict[str, Any], slouch: Slouch) -> float:
    start, end = evidence.sim_ms(episode["start_ms"]) / 1000, evidence.sim_ms(episode["end_ms"]) / 1000
    return min(end, slouch.end_s) - max(start, slouch.start_s)


def _span(slouch: Slouch) -> str:
    return f"{slouch.start_s:.1f}-{slouch.end_s:.1f} s"


def expected_reminders(evidence: Evidence, slouches: tuple[Slouch, ...]) -> list[tuple[float, float]]:
    """(since, due) of every reminder that the script calls for, in seconds of the script."""
    expected = []
    for slouch in slouches:
        version = plan_at(evidence, int(slouch.start_s * 1000))
        dwell = evidence.dwell_s[version]
        if slouch.end_s - slouch.start_s > dwell:
            expected.append((slouch.start_s, slouch.start_s + dwell))
    return expected


def plan_at(evidence: Evidence, sim_ms: int) -> int:
    """The version that the clip had confirmed by then."""
    return max(version for version, since in evidence.plan_confirmed_ms.items() if since <= sim_ms)


def _reminders(evidence: Evidence, slouches: tuple[Slouch, ...]) -> Iterator[Difference]:
    given = [reminder for reminder in evidence.reminders if reminder["given"]]
    expected = expected_reminders(evidence, slouches)
    if len(given) != len(expected):
        yield Difference("reminders", f"{len(given)} were given, the script calls for {len(expected)}")
        return
    for reminder, (since_s, due_s) in zip(given, expected, strict=True):
        judge = reminder["judge"]
        off = evidence.sim_ms(reminder["utc_ms"]) / 1000 - due_s
        if abs(off) > EDGE_S[judge] + TICK_MS / 1000:
            yield Difference("reminders", f"the one due at {due_s:.1f} s came {off:+.2f} s off ({judge})")
        version = plan_at(evidence, int(since_s * 1000))
        late = reminder["utc_ms"] - reminder["since_ms"] - 1000 * evidence.dwell_s[version]
        if not 0 <= late <= TICK_MS:
            yield Difference("reminders", f"the one due at {due_s:.1f} s came {late} ms after since + dwell")
        if reminder["plan"] != version:
            yield Difference("plans", f"the reminder at {due_s:.1f} s names plan {reminder['plan']}, not {version}")
        if reminder["response"] == "open":
            yield Difference("reminders", f"the response to the one due at {due_s:.1f} s is still open")
    withheld = [reminder for reminder in evidence.reminders if not reminder["given"]]
    if withheld:
        reasons = ", ".join(sorted({reminder["reason"] for reminder in withheld}))
        yield Difference("reminders", f"{len(withheld)} were withheld ({reasons}), the script calls for none")


def _motor(evidence: Evidence) -> Iterator[Difference]:
    """Each reminder that the server knows ran the motor then, and nothing else ran it but the calibration's pulse."""
    starts = [start.t_ms for start in evidence.motor]
    unexplained = set(starts)
    for reminder in evidence.reminders:
        if not reminder["given"]:
            continue
        at = evidence.sim_ms(reminder["utc_ms"])
        near = [start for start in starts if -PLACING_MS <= start - at <= TICK_MS + PLACING_MS]
        if not near:
            yield Difference("motor", f"the reminder at {at / 1000:.2f} s did not run the motor")
        unexplained -= {start for start in starts if near and 0 <= start - near[0] < REMINDER_WAVEFORM_GAP_MS}
    pulses = [start for start in sorted(unexplained) if start > UNCALIBRATED_UNTIL_S * 1000]
    for start in pulses:
        yield Difference("motor", f"the motor ran at {start / 1000:.2f} s without a reminder")


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
