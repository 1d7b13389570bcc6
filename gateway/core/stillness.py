"""How long one went without a change: breaks, and the longest bout without a shift or a break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol

from .types import EpochOut

code = protocol.category

BREAK_S: Final = 15
"""Moving about for so long is a break; less is a reach or a step to the printer."""
PAUSE_S: Final = 5
"""Halting so long does not end it."""
_MINUTE: Final = 60
_UNSEEN: Final = (code.PAUSED, code.LOST, code.NOT_WORN, code.UNCALIBRATED)

Ints = NDArray[np.int64]


def seconds_of(epochs: Sequence[EpochOut]) -> tuple[Ints, dict[int, int]]:
    """Codes of all seconds from the first epoch's to the last one's, (S,), missing minutes lost; and how many shifts
    were counted in each minute, by the second in which the minute begins. The last telling of a minute counts."""
    newest = {epoch.start_ms // 1000: epoch for epoch in sorted(epochs, key=lambda epoch: epoch.rev)}
    if not newest:
        return np.zeros(0, dtype=np.int64), {}
    first, last = min(newest), max(newest)
    codes = np.full(last - first + _MINUTE, code.LOST, dtype=np.int64)
    for start, epoch in newest.items():
        codes[start - first : start - first + _MINUTE] = np.frombuffer(epoch.codes, dtype=np.uint8)
    return codes, {start - first: epoch.shifts for start, epoch in newest.items()}


def breaks(codes: Ints) -> list[tuple[int, int]]:
    """[start, end) seconds in which the wearer moved about for BREAK_S or more, halts of up to PAUSE_S included."""
    runs = _runs(codes == code.MOVING)
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and start - joined[-1][1] <= PAUSE_S:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(start, end) for start, end in joined if end - start >= BREAK_S]


def longest_still_s(codes: Ints, shifts: Mapping[int, int]) -> int:
    """The longest time in seconds without a shift or a break, while the clip saw it all.

    `shifts`: how many in each minute, by the second in which it begins. When within the minute is not known: it is cut
    in its middle, so that the answer may be 30 s off at each end. Holes of up to PAUSE_S are no end of a bout.
    """
    ends = np.zeros(len(codes) + 1, dtype=np.bool_)
    for start, count in shifts.items():
        if count:
            ends[min(start + _MINUTE // 2, len(codes))] = True
    seen = np.ones(len(codes), dtype=np.bool_)
    for start, end in breaks(codes):
        seen[start:end] = False
    for start, end in _runs(np.isin(codes, _UNSEEN)):
        if end - start > PAUSE_S:
            seen[start:end] = False
    longest = 0
    for start, end in _runs(seen):
        cuts = [start, *(start + np.flatnonzero(ends[start:end])).tolist(), end]
        longest = max(longest, *np.diff(cuts).tolist())
    return longest


def _runs(flag: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flag, [False])).astype(np.int8)))
    return [(start, end) for start, end in edges.reshape(-1, 2).tolist()]
