"""How long one stayed without a change: breaks, and the longest still bout, from the category of each second.

A *break* is moving about for BREAK_S or more, halts of up to PAUSE_S included (standing up and moving; less is a reach
or a step to the printer). The consensus on sedentary behaviour (Tremblay et al. 2017, doi 10.1186/s12966-017-0525-8)
calls a break what lies between two bouts, without a least length; the two lengths here are ours, and those of the
gateway's replay.

A *still bout* is time without a shift and without a break, all of it seen. It is called still, not sitting: a clip on
the back cannot tell still sitting from still standing. Moving about for less than a break is part of a bout.

What was not seen (lost, not worn, paused, or uncalibrated, when shifts cannot be told) ends a bout and a break, and
never prolongs or multiplies them: of two figures that fit what was seen, the smaller is told. Moving within PAUSE_S of
a hole may have been part of a break and ends the bout as well; breaks with nothing seen between them but halts of up to
PAUSE_S are one. The same holds at the edges of what is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.summaries.types import CODE

BREAK_S: Final = 15
PAUSE_S: Final = 5
_SECOND_MS: Final = 1000
_SEEN: Final = np.array([name not in ("paused", "lost", "not_worn", "uncalibrated") for name in CODE])
"""By category code."""

Codes = NDArray[np.uint8]
Times = NDArray[np.int64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Stillness:
    """Breaks counted; the longest still bout, s, and when it began, UTC ms (None: there was none); `cut`: it ended, or
    began, where nothing was seen, so that it may have been longer."""

    breaks: int
    longest_s: int
    longest_start_ms: int | None
    cut: bool


def stillness(codes: Codes, begins: Times, shifted: Indices) -> Stillness:
    """Of N seconds: codes (N,); begins (N,) UTC ms, rising, with a gap wherever something else lies between.

    `shifted`: seconds at which a bout ends by a shift. An epoch says how many shifts its minute had, not when: the
    middle of the minute stands for all of them, so that a bout's length may be 30 s off at each such end.
    """
    if not len(codes):
        return Stillness(0, 0, None, cut=False)
    seen = _SEEN[codes]
    apart = np.append(True, np.diff(begins) != _SECOND_MS)
    edge = apart | ~seen | np.append(True, ~seen[:-1])
    groups = _moving(seen & (codes == CODE["moving"]), edge)
    is_break = groups[:, 1] - groups[:, 0] >= BREAK_S
    quiet = _runs(seen & (codes != CODE["moving"]), apart)
    quiet = quiet[quiet[:, 1] - quiet[:, 0] > PAUSE_S]
    ends = is_break | _near_a_hole(groups, edge)
    still = seen.copy()
    for start, end in groups[ends].tolist():
        still[start:end] = False
    cuts = apart.copy()
    cuts[shifted] = True
    bouts = _runs(still, cuts)
    count = _count(groups[is_break], quiet[:, 0])
    if not len(bouts):
        return Stillness(count, 0, None, cut=False)
    start, end = bouts[np.argmax(bouts[:, 1] - bouts[:, 0])].tolist()
    return Stillness(count, end - start, int(begins[start]), cut=_cut(start, end, seen, apart))


def _runs(flag: Flags, cuts: Flags) -> Indices:
    """(K, 2) [start, end) of the runs of `flag`, a new one wherever `cuts`."""
    before = np.append(False, flag[:-1])
    after = np.append(flag[1:], False)
    starts = np.flatnonzero(flag & (~before | cuts))
    ends = np.flatnonzero(flag & (~after | np.append(cuts[1:], True))) + 1
    return np.stack((starts, ends), axis=1)


def _moving(moving: Flags, edge: Flags) -> Indices:
    """(K, 2) [start, end) of moving about, halts of up to PAUSE_S included, all of it seen."""
    runs = _runs(moving, edge)
    if not len(runs):
        return runs
    holes = np.cumsum(edge)
    joined = (runs[1:, 0] - runs[:-1, 1] <= PAUSE_S) & (holes[runs[1:, 0]] == holes[runs[:-1, 1] - 1])
    first = np.append(True, ~joined)
    return np.stack((runs[first, 0], runs[np.append(first[1:], True), 1]), axis=1)


def _near_a_hole(groups: Indices, edge: Flags) -> Flags:
    """Whether anything within PAUSE_S before or after was not seen."""
    holes = np.append(0, np.cumsum(edge))
    last = len(edge)
    before = holes[groups[:, 0] + 1] > holes[np.maximum(groups[:, 0] - PAUSE_S, 0)]
    after = (holes[np.minimum(groups[:, 1] + PAUSE_S + 1, last)] > holes[groups[:, 1]]) | (
        groups[:, 1] + PAUSE_S >= last
    )
    near: Flags = before | after
    return near


def _count(breaks: Indices, quiet: Indices) -> int:
    """Breaks with seen quiet between them."""
    if not len(breaks):
        return 0
    between = np.searchsorted(quiet, breaks[1:, 0]) - np.searchsorted(quiet, breaks[:-1, 1])
    return 1 + int(np.count_nonzero(between))


def _cut(start: int, end: int, seen: Flags, apart: Flags) -> bool:
    before = start > 0 and not apart[start] and not seen[start - 1]
    after = end < len(seen) and not apart[end] and not seen[end]
    return bool(before or after)
