"""Every second of some intervals gets exactly one category, and an angle where there is one.

In one minute of one clip the gateway's code counts unless it is lost, else the clip's, else lost; the angle is that of
the judge whose code counts. Between clips: the one with the gateway's judgement, else the lower clip id. Between two
boots of one clip that claim the same second: the later boot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.store.epoch_blob import JUDGE_GATEWAY, NO_ANGLE, Rows, codes_of
from server.summaries.types import CODE, NOT_WORN

LOST: Final = CODE["lost"]
_WORN: Final = np.array([name not in NOT_WORN for name in CODE])
"""By category code."""
SECOND_MS: Final = 1000
MINUTE_MS: Final = 60_000
_DRIFT_MS: Final = 2_000
"""How far the next minute may begin from where this one ends and still be taken as following it: the clock map is
corrected by a few ms at a time, and a second must neither vanish nor come twice because of it."""


@dataclass(frozen=True)
class Minutes:
    """The minutes of one clip with both judges' tellings merged. N minutes, in no particular order.

    boot: (N,) uint64; start_ms: (N,) uint32 clip time; utc_ms: (N,) int64; codes, sagittal, judge: (N, 60);
    shifts, plan, calibration, simulated: (N,).
    """

    boot: NDArray[np.uint64]
    start_ms: NDArray[np.uint32]
    utc_ms: NDArray[np.int64]
    codes: NDArray[np.uint8]
    sagittal: NDArray[np.int8]
    judge: NDArray[np.uint8]
    shifts: NDArray[np.uint8]
    plan: NDArray[np.uint16]
    calibration: NDArray[np.uint16]
    simulated: NDArray[np.uint8]


@dataclass(frozen=True)
class Painted:
    """N seconds. begins_ms: (N,) when each begins, UTC ms, rising; codes: (N,) category, `lost` where nothing is known;
    sagittal: (N,) degrees, NO_ANGLE where none; by_gateway: (N,) whether the gateway's code counted; the minutes that
    gave at least one second: their shifts in all, and versions; shifted: the seconds in the middle of what each minute
    with a shift gave."""

    begins_ms: NDArray[np.int64]
    codes: NDArray[np.uint8]
    sagittal: NDArray[np.int8]
    by_gateway: NDArray[np.bool_]
    shifts: int
    shifted: NDArray[np.int64]
    plan_versions: tuple[int, ...]
    calibration_versions: tuple[int, ...]
    clips: tuple[str, ...]
    simulated: bool

    @cached_property
    def angled(self) -> NDArray[np.bool_]:
        """(N,) whether a second was worn and has an angle."""
        found: NDArray[np.bool_] = _WORN[self.codes] & (self.sagittal != NO_ANGLE)
        return found


def merge_judges(rows: Rows) -> Minutes:
    """The minutes of one clip's rows; an identity (boot, start_ms, judge) comes once."""
    rows = rows[np.lexsort((rows["judge"], rows["start_ms"], rows["boot"]))]
    codes = codes_of(rows)
    sagittal = np.repeat(rows["sagittal"], 2, axis=1)
    judge = np.repeat((rows["judge"] == JUDGE_GATEWAY).astype(np.uint8)[:, None], 60, axis=1)
    twin = (rows["boot"][1:] == rows["boot"][:-1]) & (rows["start_ms"][1:] == rows["start_ms"][:-1])
    # The gateway's row sorts after the clip's of the same minute.
    gateway = np.flatnonzero(twin) + 1
    filled = codes[gateway] == LOST
    codes[gateway] = np.where(filled, codes[gateway - 1], codes[gateway])
    sagittal[gateway] = np.where(filled, sagittal[gateway - 1], sagittal[gateway])
    judge[gateway] = np.where(filled, 0, judge[gateway])
    shifts = rows["shifts"].copy()
    unseen = filled.all(axis=1)
    shifts[gateway[unseen]] = rows["shifts"][gateway[unseen] - 1]
    keep = np.append(~twin, True)[: len(rows)]
    return Minutes(
        rows["boot"][keep],
        rows["start_ms"][keep],
        rows["utc_ms"][keep],
        codes[keep],
        sagittal[keep],
        judge[keep],
        shifts[keep],
        rows["plan"][keep],
        rows["calibration"][keep],
        rows["simulated"][keep],
    )


def paint(clips: Mapping[str, Rows], spans: Sequence[tuple[int, int]]) -> Painted:
    """The seconds of `spans`, from the rows of each clip. A span is [start, end), UTC ms, a whole number of seconds;
    spans are in order of time and do not overlap."""
    begins = np.concatenate(
        [np.zeros(0, dtype=np.int64), *(np.arange(start, end, SECOND_MS, dtype=np.int64) for start, end in spans)]
    )
    middle = begins + SECOND_MS // 2
    codes = np.full(len(middle), LOST, dtype=np.uint8)
    sagittal = np.full(len(middle), NO_ANGLE, dtype=np.int8)
    judged = np.full(len(middle), -1, dtype=np.int8)
    owner = np.full(len(middle), -1, dtype=np.int64)
    minute = np.full(len(middle), -1, dtype=np.int64)
    minutes = {clip: merge_judges(rows) for clip, rows in clips.items() if len(rows)}
    names = sorted(minutes, reverse=True)
    for number, clip in enumerate(names):  # from the weakest claim to the strongest, each painting over the one before
        told = minutes[clip]
        its_codes, its_sagittal, its_judge = told.codes.ravel(), told.sagittal.ravel(), told.judge.ravel()
        boots = [np.flatnonzero(told.boot == boot) for boot in np.unique(told.boot)]
        for of_boot in sorted(boots, key=lambda rows: int(told.utc_ms[rows].min())):
            at, cell = _locate(told, of_boot, middle)
            code, judge = its_codes[cell], its_judge[cell]
            claim = np.flatnonzero((code != LOST) & (judge >= judged[at]))
            at, cell = at[claim], cell[claim]
            codes[at] = code[claim]
            sagittal[at] = its_sagittal[cell]
            judged[at] = judge[claim]
            owner[at], minute[at] = number, cell // 60
    told_by = {clip: (minutes[clip], owner == number, minute) for number, clip in enumerate(names)}
    return _painted(begins, codes, sagittal, judged == JUDGE_GATEWAY, told_by)


def _locate(
    told: Minutes, of_boot: NDArray[np.int64], middle: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The instants that lie in a minute of a boot, as places in `middle` (rising), and the second that lies at each, as
    60 times the minute and the second in it."""
    of_boot = of_boot[np.argsort(told.utc_ms[of_boot], kind="stable")]
    utc = told.utc_ms[of_boot]
    length = np.full(len(utc), MINUTE_MS, dtype=np.int64)
    step = np.diff(utc)
    follows = np.diff(told.start_ms[of_boot].astype(np.int64)) == MINUTE_MS
    near = follows & (np.abs(step - MINUTE_MS) <= _DRIFT_MS)
    length[:-1][near] = step[near]
    # There are far fewer minutes than instants: where each begins and ends is looked up; where a next one begins before
    # this one ends, what follows is of that one.
    first = np.searchsorted(middle, utc)
    end = np.minimum(np.searchsorted(middle, utc + length), np.append(first[1:], len(middle)))
    count = end - first
    place = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
    # Exact: the quotient of whole numbers below 2**26 is never rounded up to a whole number, and it divides faster.
    second = ((middle[place] - np.repeat(utc, count)) * 60 / np.repeat(length.astype(np.float64), count)).astype(
        np.int64
    )
    return place, np.repeat(of_boot * 60, count) + second


def _painted(
    begins: NDArray[np.int64],
    codes: NDArray[np.uint8],
    sagittal: NDArray[np.int8],
    by_gateway: NDArray[np.bool_],
    told_by: Mapping[str, tuple[Minutes, NDArray[np.bool_], NDArray[np.int64]]],
) -> Painted:
    """`told_by`: each clip's minutes, which seconds are its own, and which minute gave each of these."""
    shifts, plans, calibrations, clips, simulated = 0, set[int](), set[int](), [], False
    shifted = [np.zeros(0, dtype=np.int64)]
    for clip, (told, own, owners) in told_by.items():
        seconds = np.flatnonzero(own)
        if len(seconds):
            seconds = seconds[np.argsort(owners[seconds], kind="stable")]
            first = np.flatnonzero(np.append(True, np.diff(owners[seconds]) != 0))
            count = np.diff(first, append=len(seconds))
            rows = owners[seconds[first]]
            clips.append(clip)
            shifts += int(told.shifts[rows].sum(dtype=np.int64))
            shifted.append(seconds[(first + count // 2)[told.shifts[rows] > 0]])
            plans.update(told.plan[rows].tolist())
            calibrations.update(told.calibration[rows].tolist())
            simulated |= bool(told.simulated[rows].any())
    return Painted(
        begins,
        codes,
        sagittal,
        by_gateway,
        shifts,
        np.concatenate(shifted),
        tuple(sorted(plans)),
        tuple(sorted(calibrations)),
        tuple(sorted(clips)),
        simulated,
    )
