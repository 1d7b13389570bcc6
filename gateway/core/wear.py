"""Is the clip worn? A worn clip is never quite at rest: breathing alone tilts the back by some tenths of a degree.

A minute in which neither direction nor |a| moves is not worn. It is found at its end and reaches back to its
beginning; worn again is found at once, from the first disturbance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .frames import SKY_ONE, Hops

BLOCK: Final = 40
"""Hops, 10 s of clip time."""
STILL_BLOCKS: Final = 6
PRESENT: Final = BLOCK * 9 // 10
"""Hops with samples that a block needs to say anything."""
STILL_DEG: Final = 0.05
STILL_MG: Final = 12.0
SAME_DEG: Final = 0.5
DISTURBED_DEG: Final = 1.5

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Finding:
    """Found at the end of hop `at` - 1: not worn since hop `since`."""

    at: int
    since: int


class WearGate:
    """Worn or not, hop by hop, in blocks of clip time."""

    def __init__(self) -> None:
        self._sums = np.zeros(7, dtype=np.int64)  # of the block that is not whole: sky 3, hops, samples, acc, acc_sq
        self._still = 0
        self._still_from = 0
        self._rest = np.zeros(3)
        self._off = False

    def step(self, hops: Hops, moving: Bools) -> tuple[Bools, list[Finding]]:
        """(H,) not worn as known at the end of each hop, and what was found late."""
        present = hops.used > 0
        end = hops.first + len(hops)
        cuts = np.unique((hops.first, *range((hops.first // BLOCK + 1) * BLOCK, end, BLOCK))) - hops.first
        rows = np.column_stack((hops.sky, present, hops.used, hops.acc, hops.acc_sq))
        sums = np.add.reduceat(rows, cuts, axis=0)
        sums[0] += self._sums
        whole = end % BLOCK == 0
        self._sums = np.zeros(7, dtype=np.int64) if whole else sums[-1]
        still, directions = _still(sums)
        off = np.zeros(len(hops), dtype=np.bool_)
        findings: list[Finding] = []
        bounds = [*cuts.tolist(), len(hops)]
        for k, quiet in enumerate(still.tolist()):
            part = slice(bounds[k], bounds[k + 1])
            if self._off:
                self._watch(hops.sky[part], present[part], moving[part], off[part])
            stop = hops.first + bounds[k + 1]
            if stop % BLOCK == 0 and self._block_ends(stop, int(sums[k, 3]), quiet, directions[k]):
                findings.append(Finding(stop, self._still_from))
        return off, findings

    def skip(self) -> None:
        """Time was passed over: begin blocks anew, and be as worn or not as before until something is seen."""
        self._sums = np.zeros(7, dtype=np.int64)
        self._still = 0

    def _watch(self, sky: Ints, present: Bools, moving: Bools, off: Bools) -> None:
        unit = sky / SKY_ONE
        limit = 2 * np.sin(np.radians(DISTURBED_DEG) / 2)
        disturbed = present & (moving | (np.sqrt(((unit - self._rest) ** 2).sum(axis=1)) > limit))
        first = int(np.argmax(disturbed)) if disturbed.any() else len(off)
        off[:first] = True
        if first < len(off):
            self._off = False
            self._still = 0

    def _block_ends(self, stop: int, present: int, quiet: bool, mean: NDArray[np.float64]) -> bool:
        if present < PRESENT:
            self._still = 0
            return False
        if not quiet:
            self._still = 0
            self._off = False
            return False
        if self._still and np.degrees(np.linalg.norm(mean - self._rest)) > SAME_DEG:
            self._still = 0
        if not self._still:
            self._still_from = stop - BLOCK
            if not self._off:
                self._rest = mean
        self._still += 1
        found = self._still >= STILL_BLOCKS and not self._off
        self._off = self._off or found
        return found

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {
            "sums": self._sums.tolist(),
            "still": self._still,
            "still_from": self._still_from,
            "rest": self._rest.tolist(),
            "off": self._off,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> WearGate:
        """A gate that goes on where `state` was taken."""
        new = cls()
        new._sums = np.array(state["sums"], dtype=np.int64)
        new._still, new._still_from = int(state["still"]), int(state["still_from"])
        new._rest = np.array(state["rest"], dtype=np.float64)
        new._off = bool(state["off"])
        return new


def _still(sums: Ints) -> tuple[Bools, NDArray[np.float64]]:
    """(B,) whether neither direction nor |a| moved in each block, and its mean direction (B, 3)."""
    count, n = np.maximum(sums[:, 3], 1), np.maximum(sums[:, 4], 1)
    mean = sums[:, :3] / SKY_ONE / count[:, None]
    # For unit vectors 1 - |mean|^2 is the variance about the mean, in radians squared.
    length = mean[:, 0] ** 2 + mean[:, 1] ** 2 + mean[:, 2] ** 2
    spread = np.degrees(np.sqrt(np.maximum(1 - length, 0)))
    shake = np.sqrt(np.maximum(sums[:, 6] / n - (sums[:, 5] / n) ** 2, 0))
    return (spread <= STILL_DEG) & (shake <= STILL_MG), mean
