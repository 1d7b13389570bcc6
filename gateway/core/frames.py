"""Samples in any cuts to hops of 250 ms of clip time, four to a frame of one second.

A hop is told when a sample at or after its end has come, or when time is declared to have passed. Everything that
follows works on whole hops with integers, so that no result can depend on how the stream was cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .orientation import sky_in_sensor
from .types import Samples

HOP_MS = 250
FRAME_MS = 1000
HOPS = FRAME_MS // HOP_MS
MICRO = 1_000_000
SKY_ONE = 1 << 30
PATH_GAP_MS = 300
"""Samples further apart than this do not tell how the sensor moved between them."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Hops:
    """Consecutive whole hops, (H,) each, from hop number `first`; `sky` is (H, 3).

    received: samples; used: samples the motor did not disturb, of which the rest speaks. sky: mean sky direction in
    the sensor's frame, unit length times 2**30, 0 where there is none. acc, acc_sq: sums of |a| - 1 g in mg and of its
    square. path: length of the sky's way in the sensor's frame, micro-radians.
    """

    first: int
    received: Ints
    used: Ints
    sky: Ints
    acc: Ints
    acc_sq: Ints
    path: Ints

    def __len__(self) -> int:
        return len(self.received)

    def part(self, begin: int, end: int) -> Hops:
        """Hops [begin, end) of these."""
        part = slice(begin, end)
        return Hops(
            self.first + begin,
            self.received[part],
            self.used[part],
            self.sky[part],
            self.acc[part],
            self.acc_sq[part],
            self.path[part],
        )


class FrameBuffer:
    """Keeps the samples of the hop that is not whole yet."""

    def __init__(self) -> None:
        self.next_hop = 0
        self.newest_ms = -np.inf
        self.dropped = 0
        """Samples not used: out of order, before a time that was declared passed, or not finite."""
        self._pending = _empty()
        self._before: tuple[float, float, float, float] | None = None  # time and sky of the newest used sample

    def start(self, hop: int) -> None:
        """Go on at `hop`; what came before is over."""
        self.next_hop = hop
        self._before = None

    def accept(self, samples: Samples) -> Samples:
        """The samples that can be used, in rising order of time; the others are counted."""
        t = np.asarray(samples.t_ms, dtype=np.float64)
        floor = max(self.newest_ms, self.next_hop * HOP_MS - 1e-9)
        # A sum is finite only if all its terms are.
        finite = np.isfinite(t + samples.acc_mg + samples.quaternion @ np.ones(4))
        seen = np.maximum.accumulate(np.concatenate(([floor], np.where(finite, t, -np.inf))))
        good = finite & (t > seen[:-1])
        if not good.all():
            self.dropped += int(len(good) - np.count_nonzero(good))
            samples = Samples(t[good], samples.quaternion[good], samples.acc_mg[good], samples.held[good])
        if len(samples.t_ms):
            self.newest_ms = float(samples.t_ms[-1])
        return samples

    def add(self, samples: Samples) -> None:
        """Take accepted samples in."""
        if len(self._pending.t_ms):
            samples = Samples(
                np.concatenate((self._pending.t_ms, samples.t_ms)),
                np.concatenate((self._pending.quaternion, samples.quaternion)),
                np.concatenate((self._pending.acc_mg, samples.acc_mg)),
                np.concatenate((self._pending.held, samples.held)),
            )
        self._pending = samples

    def take(self, until_hop: int) -> Hops:
        """All hops before `until_hop`."""
        first, count = self.next_hop, max(until_hop - self.next_hop, 0)
        self.next_hop = first + count
        n = int(np.searchsorted(self._pending.t_ms, self.next_hop * HOP_MS))
        rest = slice(n, None)
        pending = self._pending
        self._pending = Samples(pending.t_ms[rest], pending.quaternion[rest], pending.acc_mg[rest], pending.held[rest])
        whole = slice(n)
        taken = Samples(pending.t_ms[whole], pending.quaternion[whole], pending.acc_mg[whole], pending.held[whole])
        return self._reduce(taken, first, count)

    def _reduce(self, samples: Samples, first: int, count: int) -> Hops:
        # The quotient may round up to the next hop where the comparison in `take` did not.
        hop = np.minimum((samples.t_ms / HOP_MS).astype(np.int64) - first, count - 1)
        received = np.bincount(hop, minlength=count)
        t, quaternion, acc = samples.t_ms, samples.quaternion, samples.acc_mg
        if samples.held.any():
            free = ~samples.held
            hop, t, quaternion, acc = hop[free], t[free], quaternion[free], acc[free]
        zero = np.zeros(count, dtype=np.int64)
        if not len(t):
            return Hops(first, received, zero, np.zeros((count, 3), dtype=np.int64), zero, zero, zero)
        sky = sky_in_sensor(quaternion)
        starts = np.concatenate(([0], np.flatnonzero(np.diff(hop)) + 1))
        where = hop[starts]

        def total(values: Floats, scale: float = 1.0) -> Ints:
            out = np.zeros(count, dtype=np.int64)
            out[where] = np.rint(np.add.reduceat(values, starts) * scale).astype(np.int64)
            return out

        sums = np.stack([np.add.reduceat(axis, starts) for axis in sky], axis=1)
        length = np.sqrt(sums[:, 0] ** 2 + sums[:, 1] ** 2 + sums[:, 2] ** 2)
        unit = np.zeros((count, 3), dtype=np.int64)
        unit[where] = np.rint(sums * (SKY_ONE / np.maximum(length, 1e-9))[:, None]).astype(np.int64)
        used = np.zeros(count, dtype=np.int64)
        used[where] = np.diff(np.append(starts, len(t)))
        return Hops(first, received, used, unit, total(acc), total(acc * acc), total(self._steps(t, sky), MICRO))

    def _steps(self, t: Floats, sky: tuple[Floats, Floats, Floats]) -> Floats:
        before = self._before or (t[0], sky[0][0], sky[1][0], sky[2][0])
        self._before = (float(t[-1]), float(sky[0][-1]), float(sky[1][-1]), float(sky[2][-1]))
        chord = np.zeros(len(t))
        for axis, last in zip(sky, before[1:], strict=True):
            step = np.diff(axis, prepend=last)
            chord += step * step
        near = np.diff(t, prepend=before[0]) <= PATH_GAP_MS
        steps: Floats = np.sqrt(chord) * near
        return steps

    def state(self) -> dict[str, Any]:
        """All that `FrameBuffer.from_state` needs, as JSON."""
        pending = self._pending
        return {
            "next_hop": self.next_hop,
            "newest_ms": self.newest_ms if np.isfinite(self.newest_ms) else None,
            "dropped": self.dropped,
            "before": self._before,
            "t": pending.t_ms.tolist(),
            "q": pending.quaternion.tolist(),
            "a": pending.acc_mg.tolist(),
            "held": pending.held.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> FrameBuffer:
        """A buffer that goes on where `state` was taken."""
        new = cls()
        new.next_hop = int(state["next_hop"])
        newest = state["newest_ms"]
        new.newest_ms = -np.inf if newest is None else float(newest)
        new.dropped = int(state["dropped"])
        before = state["before"]
        new._before = None if before is None else tuple(before)
        new._pending = Samples(
            np.array(state["t"], dtype=np.float64),
            np.array(state["q"], dtype=np.float64).reshape(-1, 4),
            np.array(state["a"], dtype=np.float64),
            np.array(state["held"], dtype=np.bool_),
        )
        return new


def _empty() -> Samples:
    return Samples(np.empty(0), np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.bool_))
