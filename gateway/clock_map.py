"""From a clip's milliseconds since boot to UTC: one map a boot.

`Bounds` holds what is known and the lines that it leaves; the map takes the middle and states the rest as its error.

What has been placed once stays there. The map is a polyline that only grows behind the last time it was asked for,
so equal clip times always get equal UTC, and it never runs backwards, a step of the computer's own clock excepted.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from gateway.clock_bounds import BUCKET_MS, MAX_SLOPE, Bounds
from gateway.placing import NOWHERE, Place

TOLERANCE_MS: Final = 15.0
"""The polyline is bent only when the estimate has left it by this much, so that seconds do not jitter."""
STEP_MS: Final = 2000.0
"""A difference above this, beyond what drift and the stated errors explain, is a step of the computer's clock."""
MAX_KNOTS: Final = 400


@dataclass(frozen=True)
class ClockReport:
    """What is known of a clip's clock: UTC minus clip time at the last exchange and the bound of its error, how much
    UTC gains on the clip and the bound of that, how many exchanges there were, and UTC of the last."""

    offset_ms: float
    uncertainty_ms: float
    drift_ppm: float
    drift_error_ppm: float
    exchanges: int
    last_exchange_utc_ms: int


class ClockMap:
    """The map of one boot."""

    def __init__(self) -> None:
        self._bounds = Bounds()
        self._knots: list[tuple[float, float, float]] = []  # clip ms, offset ms, error ms
        self._head = (0.0, 0.0)  # slope before the first knot, and its error
        self._tail = (0.0, MAX_SLOPE)  # after the last
        self._asked_to = -math.inf
        self._exchanges = 0
        self._last_utc_ms = 0.0

    @property
    def ready(self) -> bool:
        """Whether anything can be placed."""
        return bool(self._knots) or self._bounds.latest_ms is not None

    @property
    def report(self) -> ClockReport | None:
        """What is known at present; None before the first exchange, and after a step until the next."""
        latest = self._bounds.latest_ms
        if latest is None:
            return None
        offset, error, slope, slope_error = self._bounds.line(latest)
        return ClockReport(offset, error, slope * 1e6, slope_error * 1e6, self._exchanges, round(self._last_utc_ms))

    def exchange(self, sent_utc_ms: float, clip_ms: float, received_utc_ms: float) -> None:
        """A ping and its answer. A negative round trip (the computer's clock stepped meanwhile) is left out."""
        if received_utc_ms < sent_utc_ms:
            return
        self._end_at(clip_ms + BUCKET_MS)
        # Both sides count whole milliseconds: each reading may be up to one late.
        self._bounds.add(clip_ms, sent_utc_ms - clip_ms - 1, received_utc_ms - clip_ms + 1)
        self._exchanges += 1
        self._last_utc_ms = received_utc_ms

    def stepped(self) -> None:
        """The computer's clock was set, or may have been: bounds from before say nothing of what follows. What has been
        placed stays."""
        self._bounds = Bounds()

    def _end_at(self, clip_ms: float) -> None:
        """The clip's time is before `clip_ms`: what claims to come from later, such as a record whose time was garbled,
        must not hold the map fast there."""
        self._bounds.end_at(clip_ms)
        self._asked_to = min(self._asked_to, clip_ms)
        if self._knots and self._knots[-1][0] > clip_ms:
            offset, error = self._offset(clip_ms)
            self._knots = [*(knot for knot in self._knots if knot[0] < clip_ms), (clip_ms, offset, error)]
            self._tail = (0.0, MAX_SLOPE)

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
        if abs(change) > max(STEP_MS, before_error + error) + MAX_SLOPE * (to - here):
            self._knots.append((here + 1, *self._bounds.line(here + 1)[:2]))
            if to > here + 1:
                self._knots.append((to, offset, error))
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
                "exchanges": self._exchanges,
                "last_utc_ms": self._last_utc_ms,
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
            clock._exchanges = stored.get("exchanges", 0)
            clock._last_utc_ms = stored.get("last_utc_ms", 0.0)
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"not a clock map: {error}") from error
        return clock
