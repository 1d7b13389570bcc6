"""Calibration: an upright hold gives the reference's up, a slow bow gives forward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from .orientation import Floats, sky_in_sensor
from .types import Calibration, Samples

HOLD_MIN_S: Final = 3.0
HOLD_SD_DEG: Final = 2.0
BOW_MIN_DEG: Final = 20.0
OFF_PLANE_DEG: Final = 15.0
"""How far the bow may stray from its plane, root mean square over its deeper half, per 57 degrees of bow: the angle by
which the axis would turn if the stray were its error."""

MOVED: Final = "moved"
TOO_SHORT: Final = "too short"
BOW_TOO_SMALL: Final = "bow too small"
OFF_PLANE: Final = "off-plane"
NO_BOW: Final = "no bow"


class CalibrationError(ValueError):
    """A hold or bow that no calibration can be made from. `reason` is one of the module's constants."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def calibrate(hold: Samples, bow: Samples | None, version: int, procedure: int = 0) -> Calibration:
    """The calibration from an upright hold and a bow.

    Raises CalibrationError: the hold moved, was too short, or there was no bow, or it was too small or off its plane.
    """
    up = upright(hold)
    if bow is None or not len(bow.t_ms):
        raise CalibrationError(NO_BOW, "the hold must be followed by a slow bow forward")
    return Calibration(version, up, forward(bow, up), procedure)


@dataclass(frozen=True)
class Repeatability:
    """How far two calibrations lie apart, in degrees: their up, and their forward seen along up."""

    up_deg: float
    forward_deg: float


def repeatability(old: Calibration, new: Calibration) -> Repeatability:
    """How well `new` repeats `old`. With a clip that was not touched in between, this is how exactly the procedure
    works with this wearer; with one that was put on anew, it is mostly how differently it sits."""
    axis = np.cross(new.up, old.up)
    along = float(new.up @ old.up)
    # The shortest turn that takes the new up to the old one (Rodrigues); forward is then compared in one plane.
    turned = (
        new.forward + np.cross(axis, new.forward) + np.cross(axis, np.cross(axis, new.forward)) / max(1 + along, 1e-9)
    )
    across = float(old.up @ np.cross(old.forward, turned))
    return Repeatability(
        up_deg=float(np.degrees(np.arctan2(np.linalg.norm(axis), along))),
        forward_deg=float(np.degrees(abs(np.arctan2(across, float(old.forward @ turned))))),
    )


def upright(hold: Samples) -> Floats:
    """Up in the sensor's frame, (3,), from a still upright hold. Raises CalibrationError."""
    free = ~hold.held
    t_ms = hold.t_ms[free]
    seconds = (float(t_ms[-1]) - float(t_ms[0])) / 1000 if len(t_ms) else 0.0
    if seconds < HOLD_MIN_S:
        raise CalibrationError(TOO_SHORT, f"held for {seconds:.1f} s, at least {HOLD_MIN_S:g} s are needed")
    sky = np.stack(sky_in_sensor(hold.quaternion[free]), axis=1)
    mean = sky.mean(axis=0)
    # For unit vectors 1 - |mean|^2 is the variance about the mean, in radians squared.
    spread = float(np.degrees(np.sqrt(max(1 - float(mean @ mean), 0.0))))
    if spread > HOLD_SD_DEG:
        raise CalibrationError(MOVED, f"the hold moved by {spread:.1f} deg (SD), at most {HOLD_SD_DEG:g} are allowed")
    up: Floats = mean / np.linalg.norm(mean)
    return up


def forward(bow: Samples, up: Floats) -> Floats:
    """Forward in the sensor's frame, (3,), level in the reference, from a bow. Raises CalibrationError."""
    sky = np.stack(sky_in_sensor(bow.quaternion[~bow.held]), axis=1)
    # Leaning forward, the sky moves backward in the sensor's frame.
    way = -(sky - np.outer(sky @ up, up))
    depth = np.linalg.norm(way, axis=1)
    deepest = float(depth.max(initial=0.0))
    if deepest < np.sin(np.radians(BOW_MIN_DEG)):
        raise CalibrationError(
            BOW_TOO_SMALL, f"{np.degrees(np.arcsin(deepest)):.0f} deg, at least {BOW_MIN_DEG:g} are needed"
        )
    deep = way[depth >= deepest / 2]
    axis = deep.sum(axis=0)
    axis /= np.linalg.norm(axis)
    along = deep @ axis
    across = np.sqrt(np.maximum((deep**2).sum(axis=1) - along**2, 0))
    stray = float(np.degrees(np.arctan2(np.sqrt((across**2).mean()), np.sqrt((along**2).mean()))))
    if stray > OFF_PLANE_DEG or (along < 0).any():
        raise CalibrationError(OFF_PLANE, f"the bow strayed {stray:.0f} deg from its plane")
    axis -= up * (axis @ up)
    result: Floats = axis / np.linalg.norm(axis)
    return result
