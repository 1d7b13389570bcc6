"""Judged hops to seconds, and seconds to minutes of the epoch book."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol

from .categories import Labels, Posture
from .episodes import Late
from .epochs import SECONDS, EpochBook, Seconds, second_angles, votes
from .frames import FRAME_MS, HOP_MS, HOPS
from .shifts import ShiftCounter
from .telling import Telling, epochs
from .types import EpochOut, Trailer
from .wear import Finding

code = protocol.category

Ints = NDArray[np.int64]


class MinuteWriter:
    """Gives each whole second its category by the vote of its hops, counts its shifts, and fills the minutes; carries
    the second that is not whole over the cuts."""

    def __init__(self) -> None:
        self._shifts = ShiftCounter()
        self._epochs = EpochBook()
        self._trailers: deque[tuple[float, int]] = deque()
        self._begun = np.empty((5, 0), dtype=np.int64)  # hops of the second that is not whole
        self._late: list[Late] = []  # found in the second that is not whole

    def add(self, trailers: Sequence[Trailer]) -> None:
        """Take the clip's temperatures."""
        self._trailers.extend((trailer.t_ms, trailer.celsius) for trailer in trailers)

    def forget_posture(self) -> None:
        """The reference is another: no posture before is one to shift from."""
        self._shifts = ShiftCounter()

    def write(
        self,
        posture: Posture,
        labels: Labels,
        angle: NDArray[np.bool_],
        findings: list[Finding],
        late: list[Late],
        versions: tuple[int, int],
    ) -> list[EpochOut]:
        """Enter hops judged with these (plan, calibration) versions; `angle`: (H,) whether they have one. Tells the
        minutes that they bring to an end, and those that a finding changes."""
        self._late += late
        new = np.stack((labels.category, labels.lost, angle, posture.sagittal, posture.lateral), dtype=np.int64)
        first = (posture.first - self._begun.shape[1]) // HOPS
        columns = np.concatenate((self._begun, new), axis=1)
        whole = columns.shape[1] // HOPS
        self._begun = columns[:, whole * HOPS :].copy()
        if not whole:
            return []
        found = self._take_late(first + whole, columns[0], first)
        category, lost, known, sagittal, lateral = columns[:, : whole * HOPS].reshape(5, whole, HOPS)
        codes = votes(category)
        codes[(lost[:, -1] > 0) & (codes != code.PAUSED)] = code.LOST
        seconds = Seconds(first, np.stack((codes, *second_angles(known > 0, sagittal, lateral))))
        return epochs(self._tell(seconds, self._count_shifts(seconds), findings, found, versions))

    def _take_late(self, end: int, category: Ints, first: int) -> dict[int, list[Late]]:
        """What was found late in the whole seconds of these hops, by the end of the second in which it was found; in
        that second the hops before are mended at once, so that they vote as what they were."""
        late: dict[int, list[Late]] = {}
        for found in self._late:
            second = found.at // HOPS
            if second >= end:
                continue
            late.setdefault(second + 1, []).append(found)
            begun = max(-(-found.since_ms // HOP_MS), second * HOPS)
            judged = category[begun - first * HOPS : found.at - first * HOPS]
            judged[judged == found.before] = found.after
        self._late = [found for found in self._late if found.at // HOPS >= end]
        return late

    def _count_shifts(self, seconds: Seconds) -> list[int]:
        codes, hops, sagittal, lateral, *_ = seconds.columns
        still = (hops > 0) & (codes > code.LYING)
        n = np.maximum(hops, 1)
        means = ((sagittal // n).tolist(), (lateral // n).tolist())
        return [seconds.first + k for k in self._shifts.count(still.tolist(), *means)]

    def _tell(
        self,
        seconds: Seconds,
        shifted: list[int],
        findings: list[Finding],
        late: dict[int, list[Late]],
        versions: tuple[int, int],
    ) -> list[Telling]:
        told: list[Telling] = []
        begin, end = seconds.first, seconds.first + seconds.columns.shape[1]
        found = {finding.at // HOPS: finding for finding in findings if begin < finding.at // HOPS <= end}
        minute_ends = range((begin // SECONDS + 1) * SECONDS, end + 1, SECONDS)
        at = begin
        for stop in sorted({*found, *late, *minute_ends, end}):
            part = slice(at - begin, stop - begin)
            self._epochs.write(seconds.part(part), versions)
            self._epochs.add_shifts(at, bisect_left(shifted, stop) - bisect_left(shifted, at))
            for one in late.get(stop, ()):
                since = (one.since_ms + FRAME_MS // 2) // FRAME_MS
                told += self._epochs.found(since, one.at // HOPS, one.before, one.after)
            if stop in found:
                told += self._epochs.not_worn(found[stop].since // HOPS, stop)
            if stop % SECONDS == 0:
                self._take_celsius(stop // SECONDS - 1)
                told += self._epochs.finish(stop // SECONDS - 1)
            at = stop
        return told

    def _take_celsius(self, minute: int) -> None:
        end_ms = (minute + 1) * SECONDS * FRAME_MS
        while self._trailers and self._trailers[0][0] < end_ms:
            t_ms, celsius = self._trailers.popleft()
            if t_ms >= end_ms - SECONDS * FRAME_MS:
                self._epochs.set_celsius(minute, celsius)

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {
            "shifts": self._shifts.state(),
            "epochs": self._epochs.state(),
            "trailers": list(self._trailers),
            "rest": self._begun.T.tolist(),
            "late": [astuple(late) for late in self._late],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> MinuteWriter:
        """A writer that goes on where `state` was taken."""
        new = cls()
        new._shifts = ShiftCounter.from_state(state["shifts"])
        new._epochs = EpochBook.from_state(state["epochs"])
        new._trailers = deque((t_ms, celsius) for t_ms, celsius in state["trailers"])
        new._begun = np.array(state["rest"], dtype=np.int64).reshape(-1, 5).T
        new._late = [Late(*late) for late in state["late"]]
        return new
