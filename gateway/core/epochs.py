"""Minutes of clip time: sixty codes, thirty two-second means, extremes; told again with a higher `rev` when a late
finding changes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol

from .telling import Telling

code = protocol.category

SECONDS: Final = 60
KEEP: Final = 8
"""Finished minutes that a late finding may still touch: it reaches back `wear.BACK`, six minutes."""

_NOTHING: Final = np.iinfo(np.int64).max

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Seconds:
    """Whole seconds from clip second `first`. `columns`: (6, S) code; hops with an angle; sums of their sagittal and
    lateral angles; lowest and highest sagittal angle; all in millidegrees."""

    first: int
    columns: Ints

    def part(self, which: slice) -> Seconds:
        """Some of them, in a row."""
        return Seconds(self.first + which.start, self.columns[:, which])


class _Minute:
    def __init__(self, number: int) -> None:
        self.number = number
        self.rev = 0
        self.versions = (0, 0)
        self.shifts = 0
        self.celsius: int | None = None
        self.columns = np.zeros((6, SECONDS), dtype=np.int64)  # as those of Seconds
        self.codes = self.columns[0]
        self.codes[:] = code.LOST

    def told(self) -> Telling | None:
        """What is known now; None for a minute of which nothing was measured."""
        if (self.codes == code.LOST).all():
            return None
        self.rev += 1
        return Telling(self.number, self.rev, self.versions, self.shifts, self.celsius, self.columns.copy())

    def state(self) -> list[Any]:
        return [
            self.number,
            self.rev,
            self.versions,
            self.shifts,
            self.celsius,
            self.codes.tolist(),
            self.columns[1:].tolist(),
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> _Minute:
        new = cls(state[0])
        new.rev, new.versions, new.shifts, new.celsius = state[1], (state[2][0], state[2][1]), state[3], state[4]
        new.columns[0], new.columns[1:] = state[5], state[6]
        return new


class EpochBook:
    """The minutes still open or young enough to be told better."""

    def __init__(self) -> None:
        self._minutes: dict[int, _Minute] = {}

    def write(self, seconds: Seconds, versions: tuple[int, int]) -> None:
        """Enter seconds of one minute, judged with these (plan, calibration) versions."""
        minute = self._open(seconds.first // SECONDS)
        at = seconds.first % SECONDS
        minute.versions = versions
        minute.columns[:, at : at + seconds.columns.shape[1]] = seconds.columns

    def add_shifts(self, second: int, count: int) -> None:
        """Count shifts in the minute of a clip second."""
        self._open(second // SECONDS).shifts += count

    def set_celsius(self, minute: int, celsius: int) -> None:
        """The clip's temperature in a minute; the last one stays."""
        if not self._minutes or minute >= max(self._minutes):
            self._open(minute).celsius = celsius

    def finish(self, minute: int) -> list[Telling]:
        """Tell a minute that has ended, and forget those that nothing can touch any more."""
        told = self._minutes[minute].told() if minute in self._minutes else None
        for number in [n for n in self._minutes if n <= minute - KEEP]:
            del self._minutes[number]
        return [told] if told else []

    def not_worn(self, since: int, until: int) -> list[Telling]:
        """Clip seconds [since, until) were not worn after all; tells finished minutes again when that changes them."""
        return self._rewrite(since, until, range(code.NOT_WORN + 1, code.COUNT), code.NOT_WORN)

    def found(self, since: int, until: int, before: int, after: int) -> list[Telling]:
        """Clip seconds [since, until) that are told as `before` were `after`; tells finished minutes again when that
        changes them."""
        return self._rewrite(since, until, range(before, before + 1), after)

    def _rewrite(self, since: int, until: int, wrong_codes: range, after: int) -> list[Telling]:
        told = []
        for number in range(since // SECONDS, -(-until // SECONDS)):
            if number not in self._minutes:
                continue
            minute, start = self._minutes[number], number * SECONDS
            part = slice(max(since - start, 0), max(until - start, 0))
            codes = minute.codes[part]
            wrong = (codes >= wrong_codes.start) & (codes < wrong_codes.stop)
            if not wrong.any():
                continue
            codes[wrong] = after
            if minute.rev and (again := minute.told()):
                told.append(again)
        return told

    def _open(self, number: int) -> _Minute:
        if number not in self._minutes:
            self._minutes[number] = _Minute(number)
        return self._minutes[number]

    def state(self) -> list[Any]:
        """All that `from_state` needs, as JSON."""
        return [minute.state() for minute in self._minutes.values()]

    @classmethod
    def from_state(cls, state: list[Any]) -> EpochBook:
        """A book that goes on where `state` was taken."""
        new = cls()
        for entry in state:
            minute = _Minute.from_state(entry)
            new._minutes[minute.number] = minute
        return new


def add_hops(values: Ints) -> Ints:
    """Sum over the four hops of each second, (S, 4) to (S,); a sum along so short an axis would be slower."""
    return values[:, 0] + values[:, 1] + values[:, 2] + values[:, 3]


def votes(category: Ints) -> Ints:
    """The category that most of the four hops of each second have, (S, 4) to (S,); of equals the first."""
    first, second, third, fourth = np.sort(category, axis=1).T
    most: Ints = np.where((first == second) | ((second != third) & (third != fourth)), first, third)
    return most


def second_angles(usable: NDArray[np.bool_], sagittal: Ints, lateral: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """(hops, sagittal sum, lateral sum, low, high) of (S, 4) hops."""
    low, high = np.where(usable, sagittal, _NOTHING), np.where(usable, sagittal, -_NOTHING)
    return (
        add_hops(usable.astype(np.int64)),
        add_hops(np.where(usable, sagittal, 0)),
        add_hops(np.where(usable, lateral, 0)),
        np.minimum(np.minimum(low[:, 0], low[:, 1]), np.minimum(low[:, 2], low[:, 3])),
        np.maximum(np.maximum(high[:, 0], high[:, 1]), np.maximum(high[:, 2], high[:, 3])),
    )
