"""What errors of the sensor cost: simulated bows of an otherwise ideal clip, against the calibrated reference.

The wearer rests upright for 30 s, of which the last 4 s are the reference, then bows and holds. The error is that of
the inclination that the core computes, against the bow's true angle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from firmware.clip.fusion import LAG_US
from gateway.core import Calibration, Samples
from gateway.core.calibration import upright
from gateway.core.orientation import inclination, sky_in_sensor

from .evaluate_report import Bar, Report, figures_table, number
from .orientation import Floats, fuse
from .progress import Step

RATE_HZ: Final = 104.0
REST_S: Final = 30.0
BOW_S: Final = 1.5
HOLD_S: Final = 12.0
HELD_AFTER_S: Final = 6.0
"""Twice the time constant of the fusion's low-pass: from here on a posture counts as held."""
LEANS_DEG: Final = (-40.0, -20.0, 20.0, 40.0)
LIMIT_DEG: Final = 0.5
SCALE: Final = 0.02
BIAS_DPS: Final = 2.0
_GYRO_NOISE_DPS: Final = 3.8e-3 * np.sqrt(RATE_HZ / 2)  # LSM6DSOX data sheet, typical densities
_ACC_NOISE_G: Final = 70e-6 * np.sqrt(RATE_HZ / 2)
_TILTS_DEG: Final = (0.0, 25.0)  # of the sensor's x axis from upright, in the plane of the bow
_NOTE: Final = (
    "Simulated. An accelerometer that says 2 % too much on one axis alone turns gravity itself: from a posture a to b "
    "(counted from that axis) the angle is off by 0.01 (sin 2b - sin 2a) rad, which is 0.56 deg from 0 to 40 deg and "
    "0.74 from -20 to 20. No fusion can know it without postures all round; ours adds nothing to it."
)


@dataclass(frozen=True)
class Fault:
    """Errors of a sensor, (3,) each: what it says is true * (1 + scale) + bias."""

    acc_scale: Floats = field(default_factory=lambda: np.zeros(3))
    gyro_scale: Floats = field(default_factory=lambda: np.zeros(3))
    gyro_bias_dps: Floats = field(default_factory=lambda: np.zeros(3))


def faults() -> dict[str, list[Fault]]:
    """The faults by name, each in the signs and axes it can have."""
    both = (1.0, -1.0)
    all_axes = np.ones(3)
    biases = [BIAS_DPS * np.array(signs) for signs in ((1, 1, 1), (1, -1, 1), (-1, -1, -1))]
    return {
        "none": [Fault()],
        "gyroscope bias 2 deg/s, each axis": [Fault(gyro_bias_dps=bias) for bias in biases],
        "gyroscope scale 2 %": [Fault(gyro_scale=sign * SCALE * all_axes) for sign in both],
        "accelerometer scale 2 %, axes alike": [Fault(acc_scale=sign * SCALE * all_axes) for sign in both],
        "all of these at once": [
            Fault(s * SCALE * all_axes, g * SCALE * all_axes, biases[0]) for s in both for g in both
        ],
        ONE_AXIS: [Fault(acc_scale=sign * SCALE * axis) for sign in both for axis in np.eye(3)],
    }


ONE_AXIS: Final = "accelerometer scale 2 %, one axis"


@dataclass(frozen=True)
class _Bow:
    """One simulated bow: up in the sensor's axes and rates in deg/s, (N, 3), and the true lean in deg, (N,)."""

    up: Floats
    gyro_dps: Floats
    lean_deg: Floats
    calibration: Calibration


def _bows() -> Iterator[_Bow]:
    t = np.arange(round((REST_S + BOW_S + HOLD_S) * RATE_HZ)) / RATE_HZ

    def share(at: Floats) -> Floats:
        x = np.clip((at - REST_S) / BOW_S, 0, 1)
        return np.asarray((1 - np.cos(np.pi * x)) / 2)

    late = LAG_US / 1e6
    step = 1e-4
    for tilt in np.radians(_TILTS_DEG):
        for lean in LEANS_DEG:
            # x is up, z out of the back; leaning forward turns about y, and up goes towards z.
            angle = np.radians(lean) * share(t) + tilt
            up = np.stack((np.cos(angle), np.zeros(len(t)), np.sin(angle)), axis=1)
            gyro = np.zeros((len(t), 3))
            gyro[:, 1] = lean * (share(t - late + step) - share(t - late - step)) / (2 * step)
            axes = Calibration(1, up[0], -np.array([-np.sin(tilt), 0.0, np.cos(tilt)]))
            yield _Bow(up, gyro, lean * share(t), axes)


def _said(bow: _Bow, fault: Fault) -> Floats:
    """Inclination in deg (N,) that the core would say, relative to the reference measured by the same sensor."""
    rng = np.random.default_rng(100)
    acc = bow.up * (1 + fault.acc_scale) + rng.normal(0, _ACC_NOISE_G, bow.up.shape)
    gyro = bow.gyro_dps * (1 + fault.gyro_scale) + fault.gyro_bias_dps + rng.normal(0, _GYRO_NOISE_DPS, bow.up.shape)
    quaternion = fuse(acc, gyro, RATE_HZ)
    return _against_reference(quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True), bow)


def _against_reference(quaternion: Floats, bow: _Bow) -> Floats:
    t_ms = np.arange(len(quaternion)) * 1000 / RATE_HZ
    hold = (t_ms >= (REST_S - 4) * 1000) & (t_ms < REST_S * 1000)
    none = np.zeros(int(hold.sum()), dtype=np.bool_)
    up = upright(Samples(t_ms[hold], quaternion[hold], np.zeros(len(none)), none))
    forward = bow.calibration.forward - up * (bow.calibration.forward @ up)
    sky = sky_in_sensor(quaternion)
    return inclination(sky, Calibration(1, up, forward / np.linalg.norm(forward)))[0]


def gravity_alone_deg(bow_up: Floats, fault: Fault, lean_deg: float) -> float:
    """What the fault costs an accelerometer at rest with no noise and no gyroscope at all: the angle between what it
    says in the first and in the last row of (N, 3), against the true one."""
    first, last = ((1 + fault.acc_scale) * row for row in (bow_up[0], bow_up[-1]))
    cosine = float(first @ last / np.linalg.norm(first) / np.linalg.norm(last))
    return abs(float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) - abs(lean_deg))


def sensor_errors(report: Report, step: Step) -> None:
    """Add the second table: what each fault costs, and its bars."""
    bows = list(_bows())
    table = figures_table(
        f"Simulated sensor errors: worst error in deg over bows to {', '.join(f'{lean:g}' for lean in LEANS_DEG)} deg",
        "error of the sensor", "held", "on the way", "s until < 0.5", "by gravity alone",
    )  # fmt: skip
    rows: dict[str, Any] = {}
    cases = faults()
    for i, (name, signs) in enumerate(cases.items()):
        step("sensor errors", i / len(cases))
        rows[name] = row = _worst(bows, signs)
        table.add_row(name, *(number(row[key]) for key in ("held_deg", "way_deg", "until_s", "gravity_deg")))
        if name == ONE_AXIS:
            limit = row["gravity_deg"] + 0.05
            report.bars.append(Bar(f"{name}: held, deg, against gravity alone + 0.05", row["held_deg"], limit))
        elif name != "none":
            report.bars.append(Bar(f"{name}: held, deg", row["held_deg"], LIMIT_DEG))
    report.tables.append(table)
    report.figures["sensor_errors"] = rows
    report.notes.append(_NOTE)


def _worst(bows: list[_Bow], signs: list[Fault]) -> dict[str, float]:
    held = way = until = gravity = 0.0
    bow_end = round((REST_S + BOW_S) * RATE_HZ)
    begin = bow_end + round(HELD_AFTER_S * RATE_HZ)
    for bow in bows:
        for fault in signs:
            off = np.abs(_said(bow, fault) - bow.lean_deg)
            held = max(held, float(off[begin:].max()))
            way = max(way, float(off[round(REST_S * RATE_HZ) :].max()))
            above = np.flatnonzero(off[bow_end:] >= LIMIT_DEG)
            until = max(until, float(above[-1] + 1) / RATE_HZ if len(above) else 0.0)
            gravity = max(gravity, gravity_alone_deg(bow.up, fault, float(bow.lean_deg[-1])))
    return {
        "held_deg": round(held, 4),
        "way_deg": round(way, 4),
        "until_s": round(until, 2),
        "gravity_deg": round(gravity, 4),
    }
