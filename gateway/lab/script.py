"""Scripted wearings: a motion source whose truth is known. Everything made from a script is simulated and says so.

A script is a row of segments. Each takes the trunk to a posture and keeps it there with an activity; from that follow,
as smooth functions of time, the sensor's orientation and, by differentiation, what its IMU feels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.core import Calibration, Samples

from .activities import ACTIVITIES, Activity
from .motion import (
    HANDLING_HZ,
    LEVER_M,
    Floats,
    G,
    body_to_earth,
    conjugate,
    hump,
    multiply,
    rotate,
    smooth_step,
)

FORMAT: Final = "plumbline-script/1"
_RAMP_S: Final = 0.5
_ON_OFF_S: Final = 1.0
_STEP_S: Final = 0.002
_KEYS_M: Final = 5e-5
_SWAY_EDGE_S: Final = 4.0
_WANDERS: Final = 5
_WARM, _COLD, _TAU_S = 33.0, 24.0, 480.0


class ScriptError(ValueError):
    """A script that cannot be played, or a file that is none."""


@dataclass(frozen=True)
class Segment:
    """`seconds` with an activity of `ACTIVITIES` at a posture, degrees over the reference; the first `change_s` lead
    there.

    `dip_deg`: how far the trunk goes down and up again within the segment. `turn_deg`: how far the wearer turns to the
    left in the course of it.
    """

    seconds: float
    activity: str = "sit"
    sagittal: float = 0.0
    lateral: float = 0.0
    change_s: float = 1.2
    dip_deg: float = 0.0
    turn_deg: float = 0.0


@dataclass(frozen=True)
class Body:
    """Who wears it and how: mounting (sensor to body, w x y z), breathing, fidgets an hour.

    breath_wander: by what share of itself the breath's depth comes and goes. wander_deg: how far the trunk drifts about
    the posture that is meant, over tens of seconds. pace, gait: factors of the rate and of the strength of steps.
    landing: strength of the second harmonic of the bob, which a hard landing brings.
    """

    mounting: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    breath_deg: float = 0.35
    breath_hz: float = 0.24
    fidgets_per_hour: float = 52.0
    breath_wander: float = 0.0
    wander_deg: float = 0.0
    pace: float = 1.0
    gait: float = 1.0
    landing: float = 0.0


@dataclass(frozen=True)
class Slip:
    """The clip turns on the body: from `at_s`, within `over_s`, by a rotation in the body's axes (w x y z)."""

    at_s: float
    turn: tuple[float, float, float, float]
    over_s: float = 1.0


class Script:
    """Segments worn by a body. Implements the virtual clip's motion source.

    `seed` draws the fidgets and the wander; `slips`, in order of time, turn the mounting. Raises ScriptError for a
    segment that cannot be played.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        body: Body | None = None,
        seed: int = 0,
        slips: Sequence[Slip] = (),
    ) -> None:
        if not segments:
            raise ScriptError("a script needs a segment")
        for k, segment in enumerate(segments):
            if segment.activity not in ACTIVITIES:
                raise ScriptError(f"segment {k}: unknown activity {segment.activity!r}")
            if not 0 < segment.change_s <= segment.seconds:
                raise ScriptError(f"segment {k}: the change must be longer than 0 and not longer than the segment")
        self.segments = tuple(segments)
        self.body = body or Body()
        self.seed = seed
        self.slips = tuple(slips)
        self._mounting = np.array(self.body.mounting)
        if abs(float(self._mounting @ self._mounting) - 1) > 1e-6:
            raise ScriptError("the mounting must be a unit quaternion")
        lengths = np.array([segment.seconds for segment in segments])
        self._start = np.concatenate(([0.0], np.cumsum(lengths)[:-1]))
        self._length = lengths
        self.duration_s: float | None = float(lengths.sum())

    @property
    def starts_s(self) -> Floats:
        """When each segment begins, (S,)."""
        return self._start.copy()

    # --- motion source ---

    def orientation(self, t_s: Floats) -> Floats:
        """Sensor to earth at the times (N,): quaternions (N, 4)."""
        return multiply(self._body(t_s), self._mounted(t_s))

    def sample(self, t_s: Floats) -> tuple[Floats, Floats, Floats]:
        """Specific force in g (N, 3), rate in deg/s (N, 3), chip deg C (N,), in the sensor's axes."""
        t_s = np.asarray(t_s, dtype=np.float64)
        (before, behind), (now, here), (after, ahead) = (self._state(t_s + k * _STEP_S) for k in (-1, 0, 1))
        turn = multiply(conjugate(before), after)
        turn *= np.sign(turn[:, :1])
        # For a small angle the vector part is half the angle, and the span is two steps.
        gyro = np.degrees(turn[:, 1:] / _STEP_S)
        force = (behind - 2 * here + ahead) / _STEP_S**2 / G + np.array([0.0, 0.0, 1.0])
        return rotate(conjugate(now), force), gyro, self._celsius(t_s)

    def samples(self, t_s: Floats) -> Samples:
        """What an ideal clip would stream at the times (N,), for the core; clip time is script time."""
        force = self._acceleration(t_s) / G + np.array([0.0, 0.0, 1.0])
        acc = (np.sqrt((force**2).sum(axis=1)) - 1) * 1000
        return Samples(t_s * 1000, self.orientation(t_s), acc, np.zeros(len(t_s), dtype=np.bool_))

    def celsius(self, t_s: Floats) -> Floats:
        """Chip temperature (N,)."""
        return self._celsius(t_s)

    def calibration(self, version: int = 1, at_s: float = 0.0) -> Calibration:
        """The calibration that a faultless procedure would find at a time."""
        inverse = conjugate(np.broadcast_to(self._mounted(np.array([at_s])), (1, 4))[0])
        return Calibration(
            version,
            up=rotate(inverse, np.array([0.0, 0.0, 1.0])),
            forward=rotate(inverse, np.array([0.0, 1.0, 0.0])),
        )

    def angles(self, t_s: Floats) -> tuple[Floats, Floats]:
        """True (sagittal, lateral) in degrees at the times (N,), with breathing, gait and fidgets."""
        where, into = self._locate(t_s)
        return self._angles(t_s, where, into)

    def posture(self, t_s: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """(sagittal, lateral, segment index) as the script means them: without breathing, gait and fidgets."""
        where, into = self._locate(t_s)
        sagittal, lateral = self._pose(where, into)
        return sagittal, lateral, where

    # --- the parts of the motion ---

    def _state(self, t_s: Floats) -> tuple[Floats, Floats]:
        """Orientation (N, 4) and place in m (N, 3) of the clip."""
        where, into = self._locate(t_s)
        angles = self._angles(t_s, where, into)
        strength = self._strength(where, into)
        body = self._turned(t_s, where, into, angles, strength)
        return multiply(body, self._mounted(t_s)), self._place(t_s, where, into, angles, strength)

    def _mounted(self, t_s: Floats) -> Floats:
        """The mounting, (4,) when it never changes, else (N, 4)."""
        if not self.slips:
            return self._mounting
        mounted = np.broadcast_to(self._mounting, (len(t_s), 4))
        for slip in self.slips:
            way = smooth_step((t_s - slip.at_s) / slip.over_s)[:, None]
            part = (1 - way) * np.array([1.0, 0.0, 0.0, 0.0]) + way * np.array(slip.turn)
            mounted = multiply(part / np.linalg.norm(part, axis=1, keepdims=True), mounted)
        return mounted

    def _locate(self, t_s: Floats) -> tuple[NDArray[np.int64], Floats]:
        where = np.clip(np.searchsorted(self._start, t_s, side="right") - 1, 0, len(self._start) - 1)
        return where, np.minimum(t_s - self._start[where], self._length[where])

    def _pose(self, where: NDArray[np.int64], into: Floats) -> tuple[Floats, Floats]:
        p = self._poses
        way = smooth_step(into / p["change"][where])
        before = np.maximum(where - 1, 0)
        sagittal = p["sagittal"][before] + way * (p["sagittal"][where] - p["sagittal"][before])
        lateral = p["lateral"][before] + way * (p["lateral"][where] - p["lateral"][before])
        return sagittal + p["dip"][where] * hump(into / self._length[where]), lateral

    def _angles(self, t_s: Floats, where: NDArray[np.int64], into: Floats) -> tuple[Floats, Floats]:
        sagittal, lateral = self._pose(where, into)
        p = self._poses
        walk, hand, worn = self._strength(where, into)
        phase = p["omega"][where] * t_s
        breath: Floats | float = self.body.breath_deg
        if self.body.breath_wander:
            breath = breath * (1 + self.body.breath_wander * np.sin(2 * np.pi * 0.017 * t_s + self.seed))
        sagittal += worn * breath * np.sin(2 * np.pi * self.body.breath_hz * t_s)
        sagittal += walk * p["pitch"][where] * np.sin(phase) + hand * 12 * np.sin(2 * np.pi * HANDLING_HZ * t_s)
        lateral += walk * p["roll"][where] * np.sin(phase / 2) + hand * 10 * np.sin(1.7 * np.pi * HANDLING_HZ * t_s)
        if self.body.wander_deg:
            share = worn * self._eased("wander", where, into) * self.body.wander_deg
            sagittal += share * _slow(t_s, *self._wander[0])
            lateral += share * _slow(t_s, *self._wander[1])
        if p["sway"].any():
            sway = worn * p["sway"][where] * smooth_step(np.minimum(into, self._length[where] - into) / _SWAY_EDGE_S)
            sagittal += sway * (0.7 * np.sin(2 * np.pi * 0.31 * t_s) + 0.5 * np.sin(2 * np.pi * 0.13 * t_s))
            lateral += sway * (0.9 * np.sin(2 * np.pi * 0.23 * t_s) + 0.6 * np.sin(2 * np.pi * 0.09 * t_s))
        fidget = self._fidgets
        at = np.clip(np.searchsorted(fidget["start"], t_s, side="right") - 1, 0, len(fidget["start"]) - 1)
        bump = worn * hump((t_s - fidget["start"][at]) / fidget["length"][at])
        return sagittal + fidget["sagittal"][at] * bump, lateral + fidget["lateral"][at] * bump

    def _eased(self, what: str, where: NDArray[np.int64], into: Floats) -> Floats:
        """A strength of the segment's activity, taken over from the one before within a second."""
        now = self._poses[what][where]
        before = self._poses[what][np.maximum(where - 1, 0)]
        eased: Floats = before + smooth_step(into / _ON_OFF_S) * (now - before)
        return eased

    def _strength(self, where: NDArray[np.int64], into: Floats) -> tuple[Floats, Floats, Floats]:
        """How strongly each sample walks, is handled and is worn, 0 to 1, with soft edges."""
        p = self._poses
        edge = np.minimum(into, self._length[where] - into) / _RAMP_S
        soft = smooth_step(edge)
        on = np.where(p["put_on"][where], smooth_step(into / _ON_OFF_S), 1.0)
        off = np.where(p["take_off"][where], smooth_step((self._length[where] - into) / _ON_OFF_S), 1.0)
        return p["walk"][where] * soft, p["handle"][where] * soft, p["worn"][where] * on * off

    def _body(self, t_s: Floats) -> Floats:
        where, into = self._locate(t_s)
        return self._turned(t_s, where, into, self._angles(t_s, where, into), self._strength(where, into))

    def _turned(
        self,
        t_s: Floats,
        where: NDArray[np.int64],
        into: Floats,
        angles: tuple[Floats, Floats],
        strength: tuple[Floats, Floats, Floats],
    ) -> Floats:
        """Body to earth (N, 4)."""
        p = self._poses
        walk, hand, worn = strength
        heading = worn * walk * 4 * np.sin(p["omega"][where] / 2 * t_s) + hand * 25 * np.sin(2.3 * t_s)
        if p["turn"].any():
            heading += p["faced"][where] + p["turn"][where] * smooth_step(into / self._length[where])
        return body_to_earth(heading, *angles)

    def _place(
        self,
        t_s: Floats,
        where: NDArray[np.int64],
        into: Floats,
        angles: tuple[Floats, Floats],
        strength: tuple[Floats, Floats, Floats],
    ) -> Floats:
        """Of the clip over the ground, m (N, 3)."""
        p = self._poses
        sagittal, lateral = (np.radians(angle) for angle in angles)
        walk, hand, worn = strength
        phase = p["omega"][where] * t_s
        lever = LEVER_M * worn
        bob = walk * p["bob"][where]
        height = bob * np.sin(phase)
        if self.body.landing:
            height += bob * self.body.landing * np.sin(2 * phase + 0.6)
        if p["typing"].any():
            keys = worn * self._eased("typing", where, into) * _KEYS_M
            height += keys * np.sin(2 * np.pi * 5.3 * t_s) * np.sin(2 * np.pi * 0.21 * t_s)
        return np.stack(
            (
                lever * np.sin(lateral) + hand * 0.012 * np.sin(2 * np.pi * 3.1 * t_s),
                lever * np.cos(lateral) * np.sin(sagittal) + walk * p["surge"][where] * np.sin(phase + 1.0),
                lever * np.cos(lateral) * np.cos(sagittal)
                + height
                + hand * 0.010 * np.sin(2 * np.pi * HANDLING_HZ * t_s),
            ),
            axis=1,
        )

    def _acceleration(self, t_s: Floats) -> Floats:
        """Of the clip over the ground, m/s2 (N, 3)."""
        before, now, after = (self._state(t_s + k * _STEP_S)[1] for k in (-1, 0, 1))
        acceleration: Floats = (before - 2 * now + after) / _STEP_S**2
        return acceleration

    def _celsius(self, t_s: Floats) -> Floats:
        where, into = self._locate(t_s)
        begin, goal = self._temperatures
        return goal[where] + (begin[where] - goal[where]) * np.exp(-into / _TAU_S)

    @cached_property
    def _doings(self) -> tuple[Activity, ...]:
        return tuple(ACTIVITIES[segment.activity] for segment in self.segments)

    @cached_property
    def _poses(self) -> dict[str, Floats]:
        s, doings, body = self.segments, self._doings, self.body
        worn = np.array([float(x.worn) for x in doings])
        turn = np.array([x.turn_deg for x in s])
        return {
            "sagittal": np.array([x.sagittal for x in s]),
            "lateral": np.array([x.lateral for x in s]),
            "change": np.array([x.change_s for x in s]),
            "dip": np.array([x.dip_deg for x in s]),
            "turn": turn,
            "faced": np.concatenate(([0.0], np.cumsum(turn)[:-1])),
            "walk": np.array([x.steps for x in doings]),
            "handle": np.array([x.hand for x in doings]),
            "omega": np.array([2 * np.pi * (x.step_hz * body.pace) for x in doings]),
            "bob": np.array([x.bob_m * body.gait for x in doings]),
            "surge": np.array([x.surge_m * body.gait for x in doings]),
            "pitch": np.array([x.pitch_deg * body.gait for x in doings]),
            "roll": np.array([x.roll_deg * body.gait for x in doings]),
            "typing": np.array([x.typing for x in doings]),
            "sway": np.array([x.sway for x in doings]),
            "wander": np.array([x.wander for x in doings]),
            "worn": worn,
            "put_on": (np.diff(worn, prepend=worn[0]) > 0).astype(np.float64),
            "take_off": (np.diff(worn, append=worn[-1]) < 0).astype(np.float64),
        }

    @cached_property
    def _wander(self) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Rates (rad/s) and phases of the slow wander, sagittal and lateral."""
        rng = np.random.default_rng([self.seed, 0x3A9DE])
        sagittal, lateral = (
            (2 * np.pi * rng.uniform(0.008, 0.12, _WANDERS), rng.uniform(0, 2 * np.pi, _WANDERS)) for _ in range(2)
        )
        return sagittal, lateral

    @cached_property
    def _temperatures(self) -> tuple[Floats, Floats]:
        goal = np.array([_WARM if x.worn else _COLD for x in self._doings])
        begin = np.empty(len(goal))
        now = goal[0]
        for k, segment in enumerate(self.segments):
            begin[k] = now
            now = goal[k] + (now - goal[k]) * np.exp(-segment.seconds / _TAU_S)
        return begin, goal

    @cached_property
    def _fidgets(self) -> dict[str, Floats]:
        """Small changes of a second or two and up to 3 degrees that come to nothing, only at rest."""
        rng = np.random.default_rng([self.seed, 0xF1D6E7])
        duration = float(self._length.sum())
        count = rng.poisson(self.body.fidgets_per_hour * duration / 3600)
        start = np.sort(rng.uniform(0, duration, count))
        length = rng.uniform(0.8, 2.5, count)
        where, into = self._locate(start)
        quiet = np.array([x.fidgets for x in self._doings])[where]
        inside = (into > self._poses["change"][where]) & (into + length < self._length[where])
        apart = np.diff(start, append=np.inf) > length
        good = quiet & inside & apart
        none = {"start": [-1e9], "length": [1.0], "sagittal": [0.0], "lateral": [0.0]}
        kept = {
            "start": start[good],
            "length": length[good],
            "sagittal": rng.uniform(-3, 3, count)[good],
            "lateral": rng.uniform(-3, 3, count)[good],
        }
        return {name: np.concatenate((none[name], kept[name])) for name in none}

    # --- files ---

    def to_json(self) -> str:
        """The script as JSON."""
        return json.dumps(
            {
                "format": FORMAT,
                "seed": self.seed,
                "body": asdict(self.body),
                "segments": [asdict(segment) for segment in self.segments],
                "slips": [asdict(slip) for slip in self.slips],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Script:
        """The script in JSON text. Raises ScriptError."""
        try:
            data: dict[str, Any] = json.loads(text)
            if data["format"] != FORMAT:
                raise ScriptError(f"format {data['format']!r} instead of {FORMAT!r}")
            body = Body(**{**data["body"], "mounting": tuple(data["body"]["mounting"])})
            slips = [Slip(**{**slip, "turn": tuple(slip["turn"])}) for slip in data.get("slips", ())]
            return cls([Segment(**segment) for segment in data["segments"]], body, int(data["seed"]), slips)
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ScriptError):
                raise
            raise ScriptError(f"not a script: {error}") from error

    def save(self, path: Path) -> None:
        """Write the script to a file."""
        path.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Script:
        """The script in a file. Raises ScriptError, OSError."""
        return cls.from_json(path.read_text(encoding="utf-8"))


def _slow(t_s: Floats, rates: Floats, phases: Floats) -> Floats:
    """A sum of sines with an RMS of one."""
    total = np.zeros(len(t_s))
    for rate, phase in zip(rates.tolist(), phases.tolist(), strict=True):
        total += np.sin(rate * t_s + phase)
    scaled: Floats = total * np.sqrt(2 / len(rates))
    return scaled
