"""What is known of a clip's clock: bounds of its offset to UTC over time, and the straight lines that they leave.

A ping sent at s and answered at r with the clip's time t says that the offset UTC - t lay between s - t and r - t; a
packet that arrived at r with a sample of t says that it was at most r - t. The radio can only delay, so both hold
however it jitters, and a slow answer says less but nothing wrong. With the offset a straight line of time whose slope
stays below `MAX_PPM`, all bounds together leave a convex set of lines (the classic set-membership view of clock
synchronisation: Marzullo and Owicki, 1983).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_PPM: Final = 150.0
"""Largest relative rate of the two clocks: 50 ppm for the clip's crystal, the rest for a computer's under NTP."""
BUCKET_MS: Final = 20_000
"""Bounds this near to each other are joined; their drift apart is 3 ms at most."""
MAX_BUCKETS: Final = 48
MAX_SLOPE: Final = MAX_PPM * 1e-6


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
            slack = MAX_SLOPE * abs(clip_ms - self._t[-1])
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

    def end_at(self, clip_ms: float) -> None:
        """Drop the bounds that claim to be from after `clip_ms`."""
        while self._t and self._t[-1] > clip_ms:
            del self._t[-1], self._low[-1], self._high[-1]

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
        least, greatest = -MAX_SLOPE, MAX_SLOPE
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
