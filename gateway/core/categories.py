"""One category a hop: the first that matches, in the order of the category codes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol

from .frames import HOP_MS, HOPS
from .latch import carry_forward, latch, run_length
from .types import Thresholds

code = protocol.category

LEAN_DEG: Final = 15
LEAN_END_DEG: Final = 10
LYING_DEG: Final = 60
LYING_END_DEG: Final = 50
PRONE_LATERAL_DEG: Final = 45
BEND_DEG: Final = 45
BEND_END_DEG: Final = 40
BEND_MS: Final = 10_000
"""A bend forward beyond BEND_DEG that lasts less is a movement (lifting, tying a shoe); after that it is what it looks
like. Posed slouches of 17 people (IMU Sitting Postures) went 39 degrees from upright at most."""
PLUNGE_DEG: Final = 25
PLUNGE: Final = 8
"""Hops, 2 s: who got there by so many degrees in so long has bent; who got there more slowly, or reached a little
further from a slouch, is where he was."""
FAST_MDEG: Final = 1500
"""A hop; 6 degrees a second: on its way up from a bend the trunk is faster."""
CALM: Final = 3
"""Hops; the trunk has come up when it has turned no faster for so long,"""
RISE: Final = 12
"""or so many hops after the bend, whatever it does then."""
FIRM: Final = 12
"""Hops, 3 s, the floor of an episode: a slouch that has not lasted so long is over as soon as the angle falls clearly
below the one that it began with. A fidget of a second or two at nearly that angle is no slouch that goes on until the
recovery angle."""
SLACK_MDEG: Final = 1500

_LATCHES: Final = ("lying", "bent", "rising", "back", "left", "right", "onset", "slouched", "below")

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Posture:
    """What is known of each hop, (H,) each. Angles in millidegrees, 0 where not `usable`."""

    first: int
    received: Ints
    usable: Bools
    sagittal: Ints
    lateral: Ints
    tilt: Ints
    moving: Bools
    shaken: Bools
    not_worn: Bools

    def part(self, begin: int, end: int) -> Posture:
        """The hops [begin, end) of these, counted from the first."""
        first, *columns = (getattr(self, field.name) for field in fields(self))
        return Posture(first + begin, *(column[begin:end] for column in columns))


@dataclass(frozen=True)
class Labels:
    """Category of each hop as it was judged at its end, (H,) each, and what helps to find since when.

    lost: the last hop of a second with less than half a second of samples. below, bent: for how many hops, counting
    this one, the sagittal angle has been below recovery, and the trunk bent far forward. fast: the trunk turned fast
    forward or backward. passing: it was bent down for a moment, or fast on its way up from there. rest: the category by
    posture alone, without slouches.
    """

    category: Ints
    lost: Bools
    below: Ints
    bent: Ints
    fast: Bools
    passing: Bools
    rest: Ints


class Categoriser:
    """Applies precedence and hysteresis; carries them over the cuts."""

    def __init__(self, period_ms: float) -> None:
        self._half = max(int(500 / period_ms + 0.05), 1)
        """Samples in half a second."""
        self._latches = dict.fromkeys(_LATCHES, False)
        self._runs = dict.fromkeys(("bent", "up", "calm", "onset", "below"), 0)
        self._past = np.zeros((2, PLUNGE), dtype=np.int64)  # sagittal angles of the hops before, and whether usable
        self._category = code.LOST
        self._after_lost = False
        self._received = np.zeros(0, dtype=np.int64)

    def reset(self, *, lost: bool) -> None:
        """Forget all posture: the reference changed, or (`lost`) the stream broke off for long."""
        self._latches = dict.fromkeys(self._latches, False)
        self._runs = dict.fromkeys(self._runs, 0)
        self._past = np.zeros((2, PLUNGE), dtype=np.int64)
        if lost:
            self._category = code.LOST
            self._after_lost = False
            self._received = self._received[:0]

    def step(self, posture: Posture, thresholds: Thresholds, *, calibrated: bool, paused: bool) -> Labels:
        """Categories of the next hops."""
        lost = self._lost_seconds(posture)
        fresh = np.concatenate(([self._after_lost], lost[:-1]))
        self._after_lost = bool(lost[-1])
        usable = posture.usable
        angle, recovery = round(thresholds.angle_deg * 1000), round(thresholds.recovery_deg * 1000)
        sagittal = posture.sagittal

        lying = self._latch(
            "lying",
            usable & (posture.tilt >= LYING_DEG * 1000),
            fresh | (usable & (posture.tilt < LYING_END_DEG * 1000)),
        )
        fast, bent, bending, rising = self._bends(posture, fresh)
        leaning = self._leaning(posture, fresh)
        rest = np.where(lying, code.LYING, np.where(leaning > 0, leaning, code.UPRIGHT))
        below = self._run("below", self._latch("below", usable & (sagittal < recovery), usable | fresh))

        moving = posture.moving | bending | rising
        other = posture.not_worn | moving | (rest != code.UPRIGHT)
        if paused or not calibrated:
            other = np.ones_like(other)
        recovered = below >= max(int(np.ceil(thresholds.recovery_s * 1000 / HOP_MS)), 1)
        fallen = usable & (sagittal < max(angle - SLACK_MDEG, recovery))
        onset = self._latch("onset", usable & (sagittal >= angle) & ~other, fresh | other | fallen)
        firm = self._run("onset", onset) >= FIRM
        slouched = onset | self._latch("slouched", firm, fresh | other | recovered)

        category = np.where(slouched, code.SLOUCHED, rest)
        category = np.where(moving, code.MOVING, category)
        if not calibrated:
            category = np.full_like(category, code.UNCALIBRATED)
        category = np.where(posture.not_worn, code.NOT_WORN, category)
        category = np.where(lost, code.LOST, category)
        category = carry_forward(category, usable | lost, self._category)
        if paused:
            category = np.full_like(category, code.PAUSED)
        self._category = int(category[-1])
        return Labels(category, lost, below, bent, fast, bending | (rising & fast), rest)

    def _bends(self, posture: Posture, fresh: Bools) -> tuple[Bools, Ints, Bools, Bools]:
        """(H,) whether the trunk turned fast forward or backward since the hop before, for how many hops it has been
        bent far forward, whether that is a movement still, and whether it is on its way up from there."""
        sagittal, usable = np.concatenate((self._past, (posture.sagittal, posture.usable)), axis=1)
        self._past = np.stack((sagittal[-PLUNGE:], usable[-PLUNGE:]))
        known = usable.astype(np.bool_)
        fast = (np.abs(np.diff(sagittal)) >= FAST_MDEG)[PLUNGE - 1 :] & known[PLUNGE:] & known[PLUNGE - 1 : -1]
        plunged = (sagittal[PLUNGE:] - sagittal[:-PLUNGE] >= PLUNGE_DEG * 1000) & known[PLUNGE:] & known[:-PLUNGE]
        calm = self._run("calm", ~fast)
        forward = np.abs(posture.lateral) < PRONE_LATERAL_DEG * 1000
        down = plunged & forward & (posture.sagittal >= BEND_DEG * 1000)
        up = posture.usable & ~(forward & (posture.sagittal >= BEND_END_DEG * 1000))
        held = self._latch("bent", down, fresh | up)
        bent = self._run("bent", held)
        bending = held & (bent < BEND_MS // HOP_MS)
        come_up = (calm >= CALM) | (self._run("up", ~held) > RISE)
        rising = self._latch("rising", held, fresh | (~held & come_up)) & ~held
        return fast, bent, bending, rising

    def _lost_seconds(self, posture: Posture) -> Bools:
        counts = np.concatenate((self._received, posture.received))
        whole = len(counts) // HOPS * HOPS
        self._received = counts[whole:]
        short = counts[:whole].reshape(-1, HOPS).sum(axis=1) < self._half
        lost = np.zeros(len(posture.received), dtype=np.bool_)
        ends = np.arange(HOPS - 1 - posture.first % HOPS, len(lost), HOPS)
        lost[ends] = short
        return lost

    def _leaning(self, posture: Posture, fresh: Bools) -> Ints:
        """Code of the direction with the largest excess among those leant to, 0 for none."""
        sides = {
            code.LEANING_BACK: ("back", -posture.sagittal),
            code.LEANING_LEFT: ("left", -posture.lateral),
            code.LEANING_RIGHT: ("right", posture.lateral),
        }
        leaning = np.zeros(len(posture.received), dtype=np.int64)
        largest = np.full(len(leaning), np.iinfo(np.int64).min)
        for side, (name, amount) in sides.items():
            enter = posture.usable & (amount >= LEAN_DEG * 1000)
            on = self._latch(name, enter, fresh | (posture.usable & (amount < LEAN_END_DEG * 1000)))
            better = on & (amount > largest)
            leaning[better] = side
            largest[better] = amount[better]
        return leaning

    def _run(self, name: str, flag: Bools) -> Ints:
        length = run_length(flag, self._runs[name])
        self._runs[name] = int(length[-1])
        return length

    def _latch(self, name: str, enter: Bools, leave: Bools) -> Bools:
        on = latch(enter, leave, self._latches[name])
        self._latches[name] = bool(on[-1])
        return on

    def state(self) -> dict[str, Any]:
        """All that `restore_state` needs, as JSON."""
        return {
            "half": self._half,
            "latches": self._latches,
            "runs": self._runs,
            "past": self._past.tolist(),
            "category": self._category,
            "after_lost": self._after_lost,
            "received": self._received.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Categoriser:
        """A categoriser that goes on where `state` was taken."""
        new = cls(1000)
        new._half = int(state["half"])
        new._past = np.array(state["past"], dtype=np.int64).reshape(2, PLUNGE)
        new._latches = {name: bool(state["latches"][name]) for name in new._latches}
        new._runs = {name: int(state["runs"][name]) for name in new._runs}
        new._category, new._after_lost = int(state["category"]), bool(state["after_lost"])
        new._received = np.array(state["received"], dtype=np.int64)
        return new
