"""Is the clip worn? A worn clip is never quite at rest: breathing alone tilts the back by some tenths of a degree.

Each 10 s of clip time speak for or against it: rest without a breath, or knocks with rest between them, a direction
that no wearer keeps, and a chip that cools after it was handled, against breathing and an upright walk. The points are
added up (a cumulative sum, Page 1954); enough of them mean not worn since the sum began to rise. A minute of deep rest
is enough. Worn again is found at once, from the first disturbance; when rest follows upon it, it was none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .frames import HOP_MS, SKY_ONE, Hops
from .warmth import Warmth

BLOCK: Final = 40
"""Hops, 10 s of clip time."""
PARTS: Final = 4
"""A knock leaves the other parts of its block at rest; a breath does not."""
PRESENT: Final = BLOCK * 9 // 10
"""Hops with samples that a block needs to say anything."""
DEEP_DEG: Final = 0.03
"""A clip on a desk: 0.006 to 0.02 deg (RMS) of noise. A breath of 0.1 deg peak to peak: 0.035."""
STILL_DEG: Final = 0.05
SAME_DEG: Final = 0.5
KNOCK_DEG: Final = 0.3
DISTURBED_DEG: Final = 1.5
SLANTED_DEG: Final = 50.0
"""Nobody walks about bent over so far, for many blocks on end."""
OVERHEAD_DEG: Final = 110.0
"""No wearer keeps the clip upside down."""

FOUND: Final = 18
MOST: Final = 21
DISTURBED: Final = 15
"""Points left after a disturbance: one block of rest says that nothing has changed."""
WORN: Final = 9
QUIET: Final = 3
LAID_DOWN: Final = 5
"""Deep rest soon after a hand was on the clip: 40 s of it are enough."""
SOON: Final = 8 * BLOCK
BREATH: Final = -3
STROLL: Final = -1
BACK: Final = 36 * BLOCK
"""Hops that a finding may reach back, 6 minutes."""
HANDLED: Final = 90 * BLOCK
"""So long after handling, cooling may come from it: hops, 15 minutes."""
REGAIN: Final = 12 * BLOCK
"""So long after it was put on again, a clip may still be cooling: hops, 2 minutes."""

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """Found at the end of hop `at` - 1: not worn since hop `since`."""

    at: int
    since: int


@dataclass(frozen=True)
class _Block:
    """Of one whole block: hops with samples, hops in movement, whether it was handled, spread of its directions and
    how many of its parts are at rest, degrees from the reference, mean direction."""

    present: int
    moving: int
    handled: bool
    spread: float
    calm: int
    tilt: float
    mean: tuple[float, float, float]


class WearGate:
    """Worn or not, hop by hop, in blocks of clip time."""

    def __init__(self) -> None:
        self._begun = np.zeros((6, 0), dtype=np.int64)  # hops of the block that is not whole: sky 3, present, ...
        self._points = 0
        self._since = 0  # where the sum began to rise
        self._handled = -HANDLED
        self._left = -REGAIN
        self._rest: tuple[float, float, float] | None = None  # direction at rest; None when it rests nowhere
        self._off = False

    def step(
        self, hops: Hops, moving: Bools, handled: Bools, warmth: Warmth, up: Floats | None
    ) -> tuple[Bools, list[Finding], list[int]]:
        """(H,) not worn as known at the end of each hop, what was found late, and the points of each block that these
        hops bring to an end.

        moving, handled: (H,); up: the reference in the sensor's frame, (3,), None without one.
        """
        present = hops.used > 0
        carried = self._begun.shape[1] or hops.first % BLOCK
        before = self._begun if self._begun.shape[1] else np.zeros((6, carried), dtype=np.int64)
        columns = np.concatenate((before, np.stack((*hops.sky, present, moving, handled), dtype=np.int64)), axis=1)
        whole = columns.shape[1] // BLOCK
        self._begun = columns[:, whole * BLOCK :].copy()
        off = np.zeros(len(hops), dtype=np.bool_)
        findings: list[Finding] = []
        weights: list[int] = []
        begin = 0
        for k, block in enumerate(_blocks(columns[:, : whole * BLOCK], up) if whole else ()):
            end = (k + 1) * BLOCK - carried
            if self._off:
                self._watch(hops, moving, handled, slice(begin, end), off)
            stop = hops.first + end
            warmth.end_block(stop * HOP_MS)
            weights.append(self._weigh(stop, block, warmth))
            if self._block_ends(stop, block, weights[-1], warmth):
                findings.append(Finding(stop, max(self._since, stop - BACK)))
            begin = end
        if self._off:
            self._watch(hops, moving, handled, slice(begin, len(hops)), off)
        return off, findings, weights

    def skip(self) -> None:
        """Time was passed over: begin blocks anew, and be as worn or not as before until something is seen."""
        self._begun = self._begun[:, :0]
        if not self._off:
            self._points = 0

    def _watch(self, hops: Hops, moving: Bools, handled: Bools, part: slice, off: Bools) -> None:
        """Mark the hops of `part` as not worn, up to the first disturbance."""
        off[part] = True
        if self._rest is None:
            disturbed = handled[part]
        else:
            x, y, z = hops.sky[:, part] / SKY_ONE - np.array(self._rest)[:, None]
            apart = np.sqrt(x * x + y * y + z * z)
            disturbed = moving[part] | (apart > 2 * np.sin(np.radians(DISTURBED_DEG) / 2))
        disturbed = disturbed & (hops.used[part] > 0)
        if disturbed.any():
            begin = part.start + int(np.argmax(disturbed))
            off[begin : part.stop] = False
            self._leave(hops.first + begin, DISTURBED)

    def _leave(self, hop: int, points: int) -> None:
        self._off = False
        self._points = min(self._points, points)
        self._since = self._left = hop

    def _block_ends(self, stop: int, block: _Block, points: int, warmth: Warmth) -> bool:
        if block.present < PRESENT:
            return False
        if points >= QUIET:
            self._rest = block.mean
        if not self._points:
            self._since = stop - BLOCK
        self._points = min(max(self._points + points, 0), MOST)
        if self._off:
            if self._points <= (DISTURBED - QUIET if self._rest else WORN):
                self._leave(stop, self._points)
            return False
        if self._points < FOUND:
            return False
        self._off = True
        self._points = MOST
        if points < QUIET:
            self._rest = None
        if warmth.cooling and self._since - BACK <= self._handled < self._since:
            self._since = self._handled
        return True

    def _weigh(self, stop: int, block: _Block, warmth: Warmth) -> int:
        """Points of a block."""
        if block.handled:
            self._handled = stop
        if block.present < PRESENT:
            return 0
        cooled = warmth.cooling and stop - self._handled < HANDLED and stop - self._left >= REGAIN
        if block.tilt > OVERHEAD_DEG:
            return QUIET
        if block.moving >= BLOCK // 2:
            return (STROLL if block.tilt < SLANTED_DEG else 1) + 3 * cooled
        if block.spread <= DEEP_DEG:
            return LAID_DOWN if stop - self._handled < SOON else QUIET
        if block.spread <= STILL_DEG:
            if self._rest is not None and self._points and _apart(block.mean, self._rest) > SAME_DEG:
                return 0
            return QUIET if warmth.cooling else 0 if warmth.steady else 1
        if block.calm >= PARTS // 2 and (block.moving or block.spread >= KNOCK_DEG):
            return 1 + warmth.cooling
        return 1 if cooled else BREATH

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {
            "rows": self._begun.T.tolist(),
            "points": self._points,
            "since": self._since,
            "handled": self._handled,
            "left": self._left,
            "rest": self._rest,
            "off": self._off,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> WearGate:
        """A gate that goes on where `state` was taken."""
        new = cls()
        new._begun = np.array(state["rows"], dtype=np.int64).reshape(-1, 6).T
        new._points, new._since = int(state["points"]), int(state["since"])
        new._handled, new._left = int(state["handled"]), int(state["left"])
        new._rest = None if state["rest"] is None else tuple(state["rest"])
        new._off = bool(state["off"])
        return new


def _blocks(columns: Ints, up: Floats | None) -> list[_Block]:
    """What the weighing needs of whole blocks of hops, (6, B * BLOCK)."""
    parts = columns.reshape(6, -1, PARTS, BLOCK // PARTS).sum(axis=3)
    sums = parts.sum(axis=2)
    calm = (_spread(parts) <= DEEP_DEG) & (parts[3] == BLOCK // PARTS)
    mean = _mean(sums)
    tilt = np.zeros(len(mean[0]))
    if up is not None:
        x, y, z = mean
        along = (x * up[0] + y * up[1] + z * up[2]) / np.maximum(np.sqrt(x * x + y * y + z * z), 1e-9)
        tilt = np.degrees(np.arccos(np.clip(along, -1, 1)))
    values = (*sums[3:5], sums[5] > 0, _spread(sums), calm.sum(axis=1), tilt, mean.T)
    return [
        _Block(present, moving, handled, spread, still, degrees, (x, y, z))
        for present, moving, handled, spread, still, degrees, (x, y, z) in zip(
            *(column.tolist() for column in values), strict=True
        )
    ]


def _mean(sums: Ints) -> Floats:
    """Mean directions, (3, ...), of sums (6, ...) of directions and their counts."""
    mean: Floats = sums[:3] / SKY_ONE / np.maximum(sums[3], 1)
    return mean


def _spread(sums: Ints) -> Floats:
    """RMS deviation from the mean direction, degrees, (...), of sums (6, ...) of directions and their counts."""
    x, y, z = _mean(sums)
    # For unit vectors 1 - |mean|^2 is the variance about the mean, in radians squared.
    spread: Floats = np.degrees(np.sqrt(np.maximum(1 - (x * x + y * y + z * z), 0)))
    return spread


def _apart(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    return float(np.degrees(np.linalg.norm(np.subtract(a, b))))
