"""One category a hop: the first that matches, in the order of the category codes."""

from __future__ import annotations

from dataclasses import dataclass
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
BEND_MS: Final = 10_000
"""A bend forward beyond LYING_DEG that lasts less is a movement (lifting, tying a shoe); after that, lying."""

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
    not_worn: Bools


@dataclass(frozen=True)
class Labels:
    """Category of each hop as it was judged at its end, which seconds end lost, and since when the sagittal angle has
    been below recovery (hops, counting this one)."""

    category: Ints
    lost: Bools
    """True at the last hop of a second with less than half a second of samples."""
    below: Ints


class Categoriser:
    """Applies precedence and hysteresis; carries them over the cuts."""

    def __init__(self, period_ms: float) -> None:
        self._half = max(int(500 / period_ms + 0.05), 1)
        """Samples in half a second."""
        self._latches = dict.fromkeys(("lying", "prone", "back", "left", "right", "slouched", "below"), False)
        self._bend = 0
        self._below = 0
        self._category = code.LOST
        self._after_lost = False
        self._received = np.zeros(0, dtype=np.int64)

    def reset(self, *, lost: bool) -> None:
        """Forget all posture: the reference changed, or (`lost`) the stream broke off for long."""
        self._latches = dict.fromkeys(self._latches, False)
        self._bend = self._below = 0
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
        forward = (sagittal > 0) & (np.abs(posture.lateral) < PRONE_LATERAL_DEG * 1000)
        prone = self._latch("prone", usable & forward, fresh | (usable & ~forward))
        bend = run_length(lying & prone, self._bend)
        self._bend = int(bend[-1])
        bending = (bend > 0) & (bend < BEND_MS // HOP_MS)
        leaning = self._leaning(posture, fresh)
        below = run_length(
            self._latch("below", usable & (sagittal < recovery), fresh | (usable & (sagittal >= recovery))), self._below
        )
        self._below = int(below[-1])

        other = posture.not_worn | posture.moving | lying | (leaning > 0) | (not calibrated) | paused
        recovered = below >= max(int(np.ceil(thresholds.recovery_s * 1000 / HOP_MS)), 1)
        slouched = self._latch("slouched", usable & (sagittal >= angle) & ~other, fresh | other | recovered)

        category = np.where(slouched, code.SLOUCHED, code.UPRIGHT)
        category = np.where(leaning > 0, leaning, category)
        category = np.where(lying, code.LYING, category)
        category = np.where(posture.moving | bending, code.MOVING, category)
        if not calibrated:
            category = np.full_like(category, code.UNCALIBRATED)
        category = np.where(posture.not_worn, code.NOT_WORN, category)
        category = np.where(lost, code.LOST, category)
        category = carry_forward(category, usable | lost, self._category)
        if paused:
            category = np.full_like(category, code.PAUSED)
        self._category = int(category[-1])
        return Labels(category, lost, below)

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

    def _latch(self, name: str, enter: Bools, leave: Bools) -> Bools:
        on = latch(enter, leave, self._latches[name])
        self._latches[name] = bool(on[-1])
        return on

    def state(self) -> dict[str, Any]:
        """All that `restore_state` needs, as JSON."""
        return {
            "half": self._half,
            "latches": self._latches,
            "bend": self._bend,
            "below": self._below,
            "category": self._category,
            "after_lost": self._after_lost,
            "received": self._received.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Categoriser:
        """A categoriser that goes on where `state` was taken."""
        new = cls(1000)
        new._half, new._bend, new._below = int(state["half"]), int(state["bend"]), int(state["below"])
        new._latches = {name: bool(on) for name, on in state["latches"].items()}
        new._category, new._after_lost = int(state["category"]), bool(state["after_lost"])
        new._received = np.array(state["received"], dtype=np.int64)
        return new
