"""Looking back: when what is seen now really began. The activity gate speaks up to 2 s after a movement has begun or
ended; the half seconds that shook, and how the trunk turned, tell more nearly when that was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BACK: Final = 12
"""Hops, 3 s: the gate's window, and its hysteresis."""
PAUSE: Final = 3
"""Hops; a movement that halts no longer than this is still the same."""
FIELDS: Final = 6

Ints = NDArray[np.int64]


class Recent:
    """The last hops before a cut, so that looking back can reach over it."""

    def __init__(self) -> None:
        self._tail = np.zeros((FIELDS, BACK), dtype=np.int64)

    def view(self, columns: Sequence[NDArray[Any]], at: int) -> View:
        """The hops up to and with index `at` of these columns: sagittal angle in millidegrees, usable, shaken, turning
        fast, in passing, and the category by posture alone, (H,) each."""
        first = at - BACK
        if first >= 0:
            return View(np.stack([column[first : at + 1] for column in columns]).astype(np.int64))
        new = np.stack([column[: at + 1] for column in columns]).astype(np.int64)
        return View(np.concatenate((self._tail[:, first:], new), axis=1))

    def advance(self, columns: Sequence[NDArray[Any]]) -> None:
        """These columns are over; the next begin after them."""
        if len(columns[0]) < BACK:
            new = np.stack(columns).astype(np.int64)
            self._tail = np.concatenate((self._tail[:, new.shape[1] :], new), axis=1)
        else:
            self._tail = np.stack([column[-BACK:] for column in columns]).astype(np.int64)

    def state(self) -> list[list[int]]:
        """All that `from_state` needs, as JSON."""
        return self._tail.tolist()

    @classmethod
    def from_state(cls, state: list[list[int]]) -> Recent:
        """One that goes on where `state` was taken."""
        new = cls()
        new._tail = np.array(state, dtype=np.int64).reshape(FIELDS, BACK)
        return new


def settled(moving: NDArray[np.bool_], shaken: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H,) the activity gate's answers as they turn out later: movements from when they began to when they ended."""
    out = moving.copy()
    blank = np.zeros(len(moving), dtype=np.int64)
    columns = (blank, blank, shaken, blank, blank, blank)
    edges = np.flatnonzero(np.diff(moving.astype(np.int8), prepend=0)).tolist()
    for k in edges:
        view = Recent().view(columns, k)
        began = view.movement_began(gate=True) if moving[k] else view.movement_ended()
        out[max(k + began, 0) : k] = moving[k]
    return out


class View:
    """The newest hop and the `BACK` before it. Answers are hops relative to the newest, 0 or negative."""

    def __init__(self, rows: Ints) -> None:
        self._sagittal, self._usable, self._shaken, self._fast, self._passing, self._rest = rows.tolist()

    def movement_began(self, *, gate: bool) -> int:
        """First hop of the movement that was found now, by the activity `gate` or because the trunk went far down."""
        marks, pause = (self._shaken, PAUSE) if gate else (self._fast, 0)
        first = BACK
        for k in range(BACK, -1, -1):
            if marks[k]:
                first = k
            elif first - k > pause:
                break
        return first - BACK

    def movement_ended(self, *, passing: bool = True) -> int:
        """First hop after the movement that ends now; 0 when nothing shows that it ended before. With `passing` False
        the trunk's way up and down counts for nothing."""
        for k in range(BACK - 1, -1, -1):
            if self._shaken[k] or (passing and self._passing[k]):
                return k + 1 - BACK
        return 0

    def posture_began(self, ended: int) -> int:
        """First hop, not before `ended`, from which on the posture has been of the newest hop's kind."""
        first = BACK
        while first > ended + BACK and (self._rest[first - 1] == self._rest[BACK] or not self._usable[first - 1]):
            first -= 1
        return first - BACK

    def slouch_began(self, ended: int, angle: int, recovery: int) -> tuple[int, int | None]:
        """First hop, not before `ended`, of the slouch that holds now, and the sagittal angle of the hop before it when
        that was still below `angle`; all in millidegrees."""
        first = BACK
        for k in range(BACK - 1, ended + BACK - 1, -1):
            if self._usable[k] and self._sagittal[k] < recovery:
                break
            if self._usable[k] and self._sagittal[k] >= angle:
                first = k
        before = first - 1
        known = before >= 0 and self._usable[before] and self._sagittal[before] < angle
        return first - BACK, self._sagittal[before] if known else None

    def slouch_ended(self, ended: int, angle: int) -> int:
        """First hop, not before `ended`, from which on the sagittal angle has been below `angle`."""
        first = BACK
        while first > ended + BACK and not (self._usable[first - 1] and self._sagittal[first - 1] >= angle):
            first -= 1
        return first - BACK

    def sagittal(self, hop: int) -> int:
        """Sagittal angle of a hop, in millidegrees."""
        return int(self._sagittal[hop + BACK])
