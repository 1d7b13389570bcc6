"""From a clip's milliseconds since boot to UTC: one map a boot.

What is known are bounds. A ping sent at s and answered at r with the clip's time t says that the offset UTC - t lay
between s - t and r - t; a packet that arrived at r with a sample of t says that it was at most r - t. The radio can
only delay, so both hold however it jitters. With the offset a straight line of time whose slope stays below
`MAX_PPM`, all bounds together leave a convex set of lines (the classic set-membership view of clock
synchronisation: Marzullo and Owicki, 1983); the map takes the middle and states the rest as its error.

What has been placed once stays there. The map is a polyline that only grows behind the last time it was asked for,
so equal clip times always get equal UTC, and it never runs backwards, a step of the computer's own clock excepted.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.placing import NOWHERE, Place

MAX_PPM: Final = 150.0
"""Largest relative rate of the two clocks: 50 ppm for the clip's crystal, the rest for a computer's under NTP."""
BUCKET_MS: Final = 20_000
"""Bounds this near to each other are joined; their drift apart is 3 ms at most."""
MAX_BUCKETS: Final = 48
TOLERANCE_MS: Final = 20.0
"""The polyline is bent only when the estimate has left it by this much, so that seconds do not jitter."""
STEP_MS: Final = 2000.0
"""A difference above this, beyond what drift explains, is a step of the computer's clock."""
MAX_KNOTS: Final = 400
_D: Final = MAX_PPM * 1e-6


class Bounds:
    """Bounds of the offset over time, and the lines that they leave."""

    def __init__(self) -> None:
        self._t: list[float] = []
        self._low: list[float] = []
        self._high: list[float] = []

    def add(self, clip_ms: float, low: float, high: float) -> None:
        """The offset at `clip_ms` was between `low` and `high` (`low` may be -inf). Older bounds that contradict go,
        and news of long ago is left out."""
        if self._t and clip_ms - self._t[-1] <= -BUCKET_MS:
            return
        if self._t and clip_ms - self._t[-1] < BUCKET_MS:
            slack = _D * abs(clip_ms - self._t[-1])
            self._low[-1] = max(self._low[-1], low - slack)
            self._high[-1] = min(self._high[-1], high + slack)
            if self._low[-1] > self._high[-1]:
                self._t[-1], self._low[-1], self._high[-1] = max(self._t[-1], clip_ms), low, high
        else:
            self._t.append(clip_ms)
            self._low.append(low)
            self._high.append(high)
            if len(self._t) > MAX_BUCKETS:
                self._thin()
        while len(self._t) > 1 and self._drift() is None:
            del self._t[0], self._low[0], self._high[0]

    def _thin(self) -> None:
        """Drop every second bucket of the older half, never the first: the long baseline tells the drift."""
        keep = [i for i in range(len(self._t)) if i >= MAX_BUCKETS // 2 or i % 2 == 0]
        self._t = [self._t[i] for i in keep]
        self._low = [self._low[i] for i in keep]
        self._high = [self._high[i] for i in keep]

    def _drift(self) -> tuple[float, float] | None:
        """Least and greatest slope that the bounds allow; None when they contradict each other."""
        t, low, high = (np.array(values) for values in (self._t, self._low, self._high))
        first, second = np.triu_indices(len(t), 1)
        least, greatest = -_D, _D
        if len(first):
            span = t[second] - t[first]
            least = max(least, float(((low[second] - high[first]) / span).max()))
            greatest = min(greatest, float(((high[second] - low[first]) / span).min()))
        return (least, greatest) if least <= greatest else None

    @property
    def latest_ms(self) -> float | None:
        """Clip time of the newest bound from both sides, None before the first."""
        for t, low in zip(reversed(self._t), reversed(self._low), strict=True):
            if low > -math.inf:
                return t
        return None

    def line(self, clip_ms: float) -> tuple[float, float, float, float]:
        """(offset at `clip_ms`, its error, slope, error of the slope). Needs bounds from both sides."""
        drift = self._drift()
        if drift is None or self.latest_ms is None:
            raise ValueError("no bounds from both sides yet")
        slope = (drift[0] + drift[1]) / 2
        t, low, high = (np.array(values) for values in (self._t, self._low, self._high))
        ahead = clip_ms - t
        offset = (float((low + slope * ahead).max()) + float((high + slope * ahead).min())) / 2
        floor = float((low + _least(drift, ahead)).max())
        ceiling = float((high - _least(drift, -ahead)).min())
        return offset, max(offset - floor, ceiling - offset, 0.0), slope, (drift[1] - drift[0]) / 2

    def dump(self) -> list[list[float]]:
        """The bounds as plain numbers; -inf as -1e18."""
        return [[t, max(a, -1e18), b] for t, a, b in zip(self._t, self._low, self._high, strict=True)]

    @classmethod
    def load(cls, rows: list[list[float]]) -> Bounds:
        """Inverse of `dump`."""
        bounds = cls()
        for t, low, high in rows:
            bounds._t.append(t)
            bounds._low.append(low if low > -1e17 else -math.inf)
            bounds._high.append(high)
        return bounds


def _least(drift: tuple[float, float], ahead: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least change of the offset over `ahead` ms."""
    return np.minimum(drift[0] * ahead, drift[1] * ahead)


class ClockMap:
    """The map of one boot."""

    def __init__(self) -> None:
        self._bounds = Bounds()
        self._knots: list[tuple[float, float, float]] = []  # clip ms, offset ms, error ms
        self._head = (0.0, 0.0)  # slope before the first knot, and its error
        self._tail = (0.0, _D)  # after the last
        self._asked_to = -math.inf

    @property
    def ready(self) -> bool:
        """Whether anything can be placed."""
        return bool(self._knots) or self._bounds.latest_ms is not None

    @property
    def drift_ppm(self) -> float:
        """UTC gains this much on the clip's clock; 0 before there is anything to tell."""
        return self._bounds.line(0.0)[2] * 1e6 if self._bounds.latest_ms is not None else 0.0

    def exchange(self, sent_utc_ms: float, clip_ms: float, received_utc_ms: float) -> None:
        """A ping and its answer. A negative round trip (the computer's clock stepped meanwhile) is left out."""
        if received_utc_ms >= sent_utc_ms:
            # Both sides count whole milliseconds: each reading may be up to one late.
            self._bounds.add(clip_ms, sent_utc_ms - clip_ms - 1, received_utc_ms - clip_ms + 1)

    def arrival(self, clip_ms: float, received_utc_ms: float) -> None:
        """A packet whose last sample was taken at `clip_ms` came in."""
        if self._bounds.latest_ms is not None:
            self._bounds.add(clip_ms, -math.inf, received_utc_ms - clip_ms + 1)

    def place(self, clip_ms: int) -> Place:
        """UTC of `clip_ms`, to the millisecond, and the bound of its error."""
        if not self.ready:
            return NOWHERE
        if clip_ms > self._asked_to or not self._knots:
            self._bend()
            self._asked_to = max(self._asked_to, float(clip_ms))
        offset, error = self._offset(clip_ms)
        utc_ms = round(clip_ms + offset)
        return Place(utc_ms, math.ceil(error)) if utc_ms >= 0 else NOWHERE

    def clip_now(self, utc_ms: float) -> int | None:
        """Clip time at `utc_ms` by the newest bounds; None before there are any. Places nothing."""
        latest = self._bounds.latest_ms
        if latest is None:
            return None
        return max(0, round(utc_ms - self._bounds.line(latest)[0]))

    def _bend(self) -> None:
        """Let the polyline follow the estimate from the last time asked for on."""
        newest = self._bounds.latest_ms
        if newest is None:
            return
        offset, error, slope, slope_error = self._bounds.line(newest)
        if abs(slope) < slope_error:
            slope, slope_error = 0.0, abs(slope) + slope_error
        if not self._knots:
            self._knots.append((newest, offset, error))
            self._head = self._tail = (slope, slope_error)
            return
        here = max(self._asked_to, self._knots[-1][0])
        if newest <= here:
            newest = here
            offset, error, _, _ = self._bounds.line(here)
        held, held_error = self._offset(newest)
        if abs(offset - held) <= TOLERANCE_MS and error >= held_error / 2:
            return
        self._turn(here, newest, offset, error)
        self._tail = (slope, slope_error)
        if len(self._knots) > MAX_KNOTS:
            self._knots = [k for i, k in enumerate(self._knots) if i >= MAX_KNOTS // 2 or i % 2 == 0]

    def _turn(self, here: float, to: float, offset: float, error: float) -> None:
        """Keep the polyline up to `here` and lead it to `offset` at `to`, or later where it would run too steeply."""
        before, before_error = self._offset(here)
        change = offset - before
        if here > self._knots[-1][0]:
            self._knots.append((here, before, before_error))
        if abs(change) > STEP_MS + _D * (to - here):
            self._knots.append((here + 1, offset, error))
        else:
            self._knots.append((max(to, here + 2 * abs(change) + 1), offset, error))

    def _offset(self, clip_ms: float) -> tuple[float, float]:
        first, last = self._knots[0], self._knots[-1]
        if clip_ms <= first[0]:
            ahead = clip_ms - first[0]
            return first[1] + self._head[0] * ahead, first[2] - self._head[1] * ahead
        if clip_ms >= last[0]:
            ahead = clip_ms - last[0]
            return last[1] + self._tail[0] * ahead, last[2] + self._tail[1] * ahead
        at = bisect_right(self._knots, clip_ms, key=lambda knot: knot[0])
        a, b = self._knots[at - 1], self._knots[at]
        share = (clip_ms - a[0]) / (b[0] - a[0])
        return a[1] + share * (b[1] - a[1]), max(a[2], b[2])

    def dump(self) -> bytes:
        """The map as bytes, for the state that is kept over restarts."""
        return json.dumps(
            {
                "bounds": self._bounds.dump(),
                "knots": self._knots,
                "head": self._head,
                "tail": self._tail,
                "asked_to": max(self._asked_to, -1e18),
            }
        ).encode()

    @classmethod
    def load(cls, data: bytes) -> ClockMap:
        """Inverse of `dump`. Raises ValueError for bytes that are none."""
        try:
            stored = json.loads(data)
            clock = cls()
            clock._bounds = Bounds.load(stored["bounds"])
            clock._knots = [(k[0], k[1], k[2]) for k in stored["knots"]]
            clock._head = (stored["head"][0], stored["head"][1])
            clock._tail = (stored["tail"][0], stored["tail"][1])
            clock._asked_to = stored["asked_to"]
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"not a clock map: {error}") from error
        return clock
