"""Is the clip worn? A worn clip is never quite at rest: breathing alone tilts the upper back by some tenths of a degree.

A minute in which neither direction nor |a| moves is not worn; it is found at its end and reaches back to its beginning.
Worn again is found at once, from the first disturbance.
"""

from .wire.base import clamp, const, isqrt

_BLOCK = const(40)  # hops, 10 s
_STILL_BLOCKS = const(6)
_HOP_MS = const(250)
# Directions are Q16 here: a degree is 1144.
_STILL = const(34)  # 0.03 deg
_SAME = const(572)  # 0.5 deg
_DISTURBED = const(1716)  # 1.5 deg
_STILL_MG = const(12)
_FAR = const(2000)  # a deviation is cut here, so that a block's sum of squares stays below 2**30


class WearGate:
    """Fed with the mean direction of the sky in the sensor's frame, hop by hop."""

    def __init__(self) -> None:
        self.off = False
        self.since_ms = 0  # when the rest began that `off` was found from
        self._still = 0
        self._still_from = 0
        self._rest = (0, 0, 0)
        self._clear()

    def _clear(self) -> None:
        self._origin: "tuple[int, int, int] | None" = None
        self._sum = [0, 0, 0]
        self._squares = 0
        self._hops = 0
        self._shaken = False
        self._start_ms = -1

    def step(self, start_ms: int, sky: "tuple[int, int, int] | None", shake_mg: int, moving: bool) -> bool:
        """One hop: its start, direction in Q16 (None without samples), SD of |a| within it. True when it was found
        now that the clip has not been worn since `since_ms`."""
        if self._start_ms < 0:
            self._start_ms = start_ms
        if sky is not None:
            if self.off and (moving or _distance(sky, self._rest) > _DISTURBED):
                self.off = False
                self._still = 0
            self._add(sky)
            if shake_mg > _STILL_MG:
                self._shaken = True
        if start_ms + _HOP_MS - self._start_ms < _BLOCK * _HOP_MS:
            return False
        found = self._block_ends()
        self._clear()
        return found

    def _add(self, sky: "tuple[int, int, int]") -> None:
        if self._origin is None:
            self._origin = sky
        self._hops += 1
        for i in range(3):
            d = clamp(sky[i] - self._origin[i], -_FAR, _FAR)
            self._sum[i] += d
            self._squares += d * d

    def _block_ends(self) -> bool:
        n = self._hops
        if self._origin is None or n < _BLOCK * 9 // 10:
            self._still = 0
            return False
        shift = [s // n for s in self._sum]
        variance = self._squares // n - sum([m * m for m in shift])
        if self._shaken or variance > _STILL * _STILL:
            self._still = 0
            self.off = False
            return False
        mean = (self._origin[0] + shift[0], self._origin[1] + shift[1], self._origin[2] + shift[2])
        if self._still and _distance(mean, self._rest) > _SAME:
            self._still = 0
        if not self._still:
            self._still_from = self._start_ms
            if not self.off:
                self._rest = mean
        self._still += 1
        if self._still < _STILL_BLOCKS or self.off:
            return False
        self.off = True
        self.since_ms = self._still_from
        return True


def _distance(a: "tuple[int, int, int]", b: "tuple[int, int, int]") -> int:
    squares = 0
    for i in range(3):
        d = clamp(a[i] - b[i], -16000, 16000)
        squares += d * d
    return isqrt(squares)
