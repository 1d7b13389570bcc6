"""Scripted wearings: a motion source whose truth is known. Everything made from a script is simulated and says so.

A script is a row of segments. Each takes the trunk to a posture and keeps it there with an activity; from that follow,
as smooth functions of time, the sensor's orientation and, by differentiation, what its IMU feels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.core import Calibration, Samples

from .activities import ACTIVITIES
from .motion import Floats, G, conjugate, multiply, rotate, smooth_step
from .segments import Body, ScriptError, Segment, Slip
from .trunk import Trunk

__all__ = ["FORMAT", "Body", "Script", "ScriptError", "Segment", "Slip"]

FORMAT: Final = "plumbline-script/1"
_STEP_S: Final = 0.002
_SKY: Final = np.array([0.0, 0.0, 1.0])


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
            if segment.flows and (not k or segments[k - 1].activity != segment.activity):
                raise ScriptError(f"segment {k}: what flows must go on with the activity before")
        self.segments = tuple(segments)
        self.body = body or Body()
        self.seed = seed
        self.slips = tuple(slips)
        self._mounting = np.array(self.body.mounting)
        if abs(float(self._mounting @ self._mounting) - 1) > 1e-6:
            raise ScriptError("the mounting must be a unit quaternion")
        self._trunk = Trunk(self.segments, self.body, seed)
        self.duration_s: float | None = self._trunk.duration_s

    @property
    def starts_s(self) -> Floats:
        """When each segment begins, (S,)."""
        return self._trunk.starts_s.copy()

    @property
    def fidgets_s(self) -> Floats:
        """When fidgets begin, (F,)."""
        return self._trunk.fidgets["start"][1:]

    # --- motion source ---

    def orientation(self, t_s: Floats) -> Floats:
        """Sensor to earth at the times (N,): quaternions (N, 4)."""
        return multiply(self._trunk.state(t_s)[0], self._mounted(t_s))

    def sample(self, t_s: Floats) -> tuple[Floats, Floats, Floats]:
        """Specific force in g (N, 3), rate in deg/s (N, 3), chip deg C (N,), in the sensor's axes."""
        t_s = np.asarray(t_s, dtype=np.float64)
        (before, behind), (now, here), (after, ahead) = (self._state(t_s + k * _STEP_S) for k in (-1, 0, 1))
        turn = multiply(conjugate(before), after)
        turn *= np.sign(turn[:, :1])
        # For a small angle the vector part is half the angle, and the span is two steps.
        gyro = np.degrees(turn[:, 1:] / _STEP_S)
        return rotate(conjugate(now), _force(behind, here, ahead)), gyro, self._trunk.celsius(t_s)

    def samples(self, t_s: Floats) -> Samples:
        """What an ideal clip would stream at the times (N,), for the core; clip time is script time."""
        (_, behind), (now, here), (_, ahead) = (self._state(t_s + k * _STEP_S) for k in (-1, 0, 1))
        acc = (np.sqrt((_force(behind, here, ahead) ** 2).sum(axis=1)) - 1) * 1000
        return Samples(t_s * 1000, now, acc, np.zeros(len(t_s), dtype=np.bool_))

    def celsius(self, t_s: Floats) -> Floats:
        """Chip temperature (N,)."""
        return self._trunk.celsius(t_s)

    def calibration(self, version: int = 1, at_s: float = 0.0) -> Calibration:
        """The calibration that a faultless procedure would find at a time."""
        inverse = conjugate(np.broadcast_to(self._mounted(np.array([at_s])), (1, 4))[0])
        return Calibration(version, up=rotate(inverse, _SKY), forward=rotate(inverse, np.array([0.0, 1.0, 0.0])))

    def angles(self, t_s: Floats) -> tuple[Floats, Floats]:
        """True (sagittal, lateral) in degrees at the times (N,), with breathing, gait and fidgets."""
        return self._trunk.angles(t_s)

    def posture(self, t_s: Floats, *, dips: bool = True) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """(sagittal, lateral, segment index) as the script means them: without breathing, gait and fidgets, and with or
        without what goes down and up again within a segment.
        """
        return self._trunk.posture(t_s, dips=dips)

    def _state(self, t_s: Floats) -> tuple[Floats, Floats]:
        """Orientation of the sensor to earth (N, 4), and its place in m (N, 3)."""
        body, place = self._trunk.state(t_s)
        return multiply(body, self._mounted(t_s)), place

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


def _force(behind: Floats, here: Floats, ahead: Floats) -> Floats:
    """Specific force in g in earth axes (N, 3), from places in m a step apart."""
    force: Floats = (behind - 2 * here + ahead) / _STEP_S**2 / G + _SKY
    return force
