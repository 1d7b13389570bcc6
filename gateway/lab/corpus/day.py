"""A day of the corpus: the script, and what happens to clip and link meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gateway.lab.motion import Floats, multiply
from gateway.lab.script import Body, Script, Segment, Slip

from .people import Chip

SlipKind = Literal["handled", "silent", "put on again"]


@dataclass(frozen=True)
class Procedure:
    """When the wearer calibrates: spans of seconds of the upright hold and of the bow."""

    hold: tuple[float, float]
    bow: tuple[float, float]


@dataclass(frozen=True)
class Slipped:
    """From `at_s` until the calibration at `until_s` the clip is turned by these degrees (forward, right, and about
    the body's length) from how it was calibrated. handled: a hand moved it; silent: it crept forward or back by itself;
    put on again: it had been taken off. `seated_s`: from when on it sits on the body in its new place."""

    at_s: float
    seated_s: float
    until_s: float
    kind: SlipKind
    sagittal: float
    lateral: float
    axial: float

    @property
    def degrees(self) -> float:
        """The size of the turn."""
        return float(np.linalg.norm((self.sagittal, self.lateral, self.axial)))


@dataclass(frozen=True)
class Day:
    """A wearing. `motor` and `gaps`: spans of seconds in which the motor runs and in which the stream is lost."""

    seed: int
    script: Script
    chip: Chip
    procedures: tuple[Procedure, ...]
    slips: tuple[Slipped, ...] = ()
    motor: tuple[tuple[float, float], ...] = ()
    gaps: tuple[tuple[float, float], ...] = ()

    @property
    def duration_s(self) -> float:
        """Length of the script."""
        return float(self.script.duration_s or 0.0)


class Diary:
    """Collects a day, segment by segment."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.segments: list[Segment] = []
        self._turns: list[Slip] = []
        self._slipped: list[Slipped] = []
        self._open: Slipped | None = None
        self.procedures: list[Procedure] = []

    def add(self, *segments: Segment) -> None:
        """Go on with these."""
        for segment in segments:
            self.segments.append(segment)
            self.at_s += segment.seconds

    def calibrate(self, hold_s: float = 8.0, bow_deg: float = 45.0) -> None:
        """Sit up, hold, bow, and sit up again; the clip's turn so far is then known."""
        if self._open is not None:
            ended = self.at_s + 1.5 + hold_s + 8.0
            self._slipped.append(Slipped(**{**vars(self._open), "until_s": ended}))
            self._open = None
        begin = self.at_s
        self.add(Segment(1.5 + hold_s, "sit", 0.0, 0.0, 1.4), Segment(8.0, "bow", 0.0, 0.0, 0.5, dip_deg=bow_deg))
        self.procedures.append(Procedure((begin + 2.0, begin + 1.5 + hold_s), (begin + 1.5 + hold_s, self.at_s)))
        self.add(Segment(10.0, "sit", 0.0, 0.0, 0.5))

    def slip(
        self,
        kind: SlipKind,
        sagittal: float,
        lateral: float,
        axial: float,
        over_s: float,
        at_s: float,
        loose: tuple[float, float] | None = None,
    ) -> None:
        """Turn the clip on the body at `at_s`; further turns before a calibration add to the first. loose: from when
        until when it was off the body, if it was.
        """
        since, seated = loose or (at_s, at_s + over_s)
        self._turns.append(Slip(at_s, turned(sagittal, lateral, axial), over_s))
        before = self._open
        self._open = Slipped(
            before.at_s if before else since,
            before.seated_s if before else seated,
            np.inf,
            before.kind if before else kind,
            sagittal + (before.sagittal if before else 0.0),
            lateral + (before.lateral if before else 0.0),
            axial + (before.axial if before else 0.0),
        )

    @property
    def slipped(self) -> bool:
        """Whether the clip has turned since it was calibrated."""
        return self._open is not None

    def day(
        self,
        seed: int,
        body: Body,
        chip: Chip,
        motor: tuple[tuple[float, float], ...] = (),
        gaps: tuple[tuple[float, float], ...] = (),
    ) -> Day:
        """What has been collected."""
        open_slip = [Slipped(**{**vars(self._open), "until_s": self.at_s})] if self._open else []
        script = Script(self.segments, body, seed, self._turns)
        return Day(seed, script, chip, tuple(self.procedures), tuple(self._slipped + open_slip), motor, gaps)


def turned(sagittal: float, lateral: float, axial: float) -> tuple[float, float, float, float]:
    """The rotation in the body's axes that makes an upright wearer seem to lean forward and right by these degrees,
    after a turn about the length of the body."""
    q: Floats = np.array([1.0, 0.0, 0.0, 0.0])
    for degrees, axis, sign in ((axial, 3, 1.0), (lateral, 2, 1.0), (sagittal, 1, -1.0)):
        turn = np.zeros(4)
        turn[0], turn[axis] = np.cos(np.radians(degrees) / 2), sign * np.sin(np.radians(degrees) / 2)
        q = multiply(turn, q)
    w, x, y, z = q.tolist()
    return w, x, y, z
