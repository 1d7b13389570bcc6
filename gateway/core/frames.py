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
    """Consecutive whole hops, (H,) each, from hop number `first`; `sky` is (3, H).

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
            self.sky[:, part],
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
        floor = max(self.newest_ms, self.next_hop * HOP_MS - 1e-9)
        if not _all_good(samples, floor):
            good = _good(samples, floor)
            self.dropped += int(len(good) - np.count_nonzero(good))
            samples = _part(samples, good)
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
        taken, rest = _part(self._pending, slice(n)), _part(self._pending, slice(n, None))
        if self.newest_ms < (self.next_hop + 1) * HOP_MS:
            # A view would keep all the others, too.
            rest = Samples(rest.t_ms.copy(), rest.quaternion.copy(), rest.acc_mg.copy(), rest.held.copy())
        self._pending = rest
        return self._reduce(taken, first, count)

    def _reduce(self, samples: Samples, first: int, count: int) -> Hops:
        ends = np.arange(first + 1, first + count + 1) * float(HOP_MS)
        received = used = np.diff(np.searchsorted(samples.t_ms, ends), prepend=0)
        if samples.held.any():
            samples = _part(samples, ~samples.held)
            used = np.diff(np.searchsorted(samples.t_ms, ends), prepend=0)
        columns = np.zeros((6, count), dtype=np.int64)
        where = np.flatnonzero(used)
        if len(where):
            columns[:, where] = self._sums(samples, np.cumsum(used)[where] - used[where])
        return Hops(first, received, used, columns[:3], *columns[3:])

    def _sums(self, samples: Samples, starts: Ints) -> Ints:
        """(6, S) sky 3, acc, acc_sq and path as in `Hops` of the samples from each start to the next."""
        sky = sky_in_sensor(samples.quaternion)
        acc = samples.acc_mg
        values = (*sky, acc, acc * acc, self._steps(samples.t_ms, sky))
        sums = np.stack([np.add.reduceat(column, starts) for column in values])
        x, y, z = sums[:3]
        sums[:3] *= SKY_ONE / np.maximum(np.sqrt(x * x + y * y + z * z), 1e-9)
        sums[5] *= MICRO
        whole: Ints = np.rint(sums).astype(np.int64)
        return whole

    def _steps(self, t: Floats, sky: tuple[Floats, Floats, Floats]) -> Floats:
        """(N,) how far the sky went since the sample before."""
        before = self._before or (t[0], sky[0][0], sky[1][0], sky[2][0])
        self._before = (float(t[-1]), float(sky[0][-1]), float(sky[1][-1]), float(sky[2][-1]))
        x, y, z = (_growth(axis, last) for axis, last in zip(sky, before[1:], strict=True))
        steps: Floats = np.sqrt(x * x + y * y + z * z)
        steps[_growth(t, before[0]) > PATH_GAP_MS] = 0
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


def _all_good(samples: Samples, floor: float) -> bool:
    """Whether `_good` would find all of them good, which costs less to tell."""
    t = samples.t_ms
    finite = all(np.isfinite(values).all() for values in (t, samples.quaternion, samples.acc_mg))
    return finite and (not len(t) or bool(t[0] > floor and (t[1:] > t[:-1]).all()))


def _good(samples: Samples, floor: float) -> NDArray[np.bool_]:
    """(N,) whether a sample is finite and later than `floor` and all those before it."""
    t = samples.t_ms
    # A sum is finite only if all its terms are.
    finite = np.isfinite(t + samples.acc_mg + samples.quaternion @ np.ones(4))
    seen = np.maximum.accumulate(np.concatenate(([floor], np.where(finite, t, -np.inf))))
    good: NDArray[np.bool_] = finite & (t > seen[:-1])
    return good


def _growth(values: Floats, before: float) -> Floats:
    """(N,) by how much each exceeds the one before it; `before` comes before the first."""
    growth = np.empty_like(values)
    growth[0] = values[0] - before
    np.subtract(values[1:], values[:-1], out=growth[1:])
    return growth


def _part(samples: Samples, which: slice | NDArray[np.bool_]) -> Samples:
    return Samples(samples.t_ms[which], samples.quaternion[which], samples.acc_mg[which], samples.held[which])


def _empty() -> Samples:
    return Samples(np.empty(0), np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.bool_))
