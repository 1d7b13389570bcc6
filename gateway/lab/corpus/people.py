"""Wearers and clips of the corpus: no two are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gateway.lab.presets import mounting
from gateway.lab.script import Body

FIDGETS_PER_HOUR: Final = 52.0
SHIFTS_PER_HOUR: Final = 36.0
# Medians of an hour in an office chair; people differ about them.


@dataclass(frozen=True)
class Wearer:
    """A body and its habits.

    slouches, leans: share of seated postures. depth: median of slouches in degrees. gradual: share of slouches that
    come on slowly. shifts_per_hour: changes of seated posture. walk_deg: how far forward it walks. heeds: chance that a
    slouch ends soon after a reminder would have come.
    """

    body: Body
    slouches: float
    leans: float
    depth_deg: float
    gradual: float
    shifts_per_hour: float
    walk_deg: float
    heeds: float


@dataclass(frozen=True)
class Chip:
    """How a sensor errs: offsets in g and deg/s, scales as factors, drift in deg/s per kelvin from 25 deg C, all (3,);
    noise densities in g and deg/s per root hertz; `rate_error` a fraction of the data rate."""

    acc_bias: tuple[float, float, float]
    acc_scale: tuple[float, float, float]
    gyro_bias: tuple[float, float, float]
    gyro_scale: tuple[float, float, float]
    gyro_drift: tuple[float, float, float]
    acc_noise: float
    gyro_noise: float
    rate_error: float


def wearer(rng: np.random.Generator) -> Wearer:
    """Somebody."""
    body = Body(
        mounting=mounting(rng),
        breath_deg=float(np.exp(rng.uniform(np.log(0.09), np.log(0.5)))),
        breath_hz=float(rng.uniform(0.18, 0.30)),
        fidgets_per_hour=float(FIDGETS_PER_HOUR * rng.uniform(0.5, 1.6)),
        breath_wander=float(rng.uniform(0.2, 0.5)),
        wander_deg=float(rng.uniform(0.15, 0.5)),
        pace=float(rng.uniform(0.78, 1.08)),
        gait=float(rng.uniform(0.55, 1.2)),
        landing=float(rng.uniform(0.0, 0.35)),
    )
    return Wearer(
        body=body,
        slouches=float(rng.uniform(0.25, 0.5)),
        leans=float(rng.uniform(0.04, 0.12)),
        depth_deg=float(rng.uniform(13, 19)),
        gradual=float(rng.uniform(0.25, 0.5)),
        shifts_per_hour=float(SHIFTS_PER_HOUR * rng.uniform(0.6, 1.4)),
        walk_deg=float(np.clip(rng.normal(8, 3), 1, 16)),
        heeds=float(rng.uniform(0.1, 0.5)),
    )


def chip(rng: np.random.Generator) -> Chip:
    """Some clip's sensor: noise as in its datasheet (ST DS12814), offsets and scales as parts differ."""

    def three(spread: float, about: float = 0.0) -> tuple[float, float, float]:
        x, y, z = (about + rng.uniform(-spread, spread, 3)).tolist()
        return x, y, z

    return Chip(
        acc_bias=three(0.02),
        acc_scale=three(0.02, 1.0),
        gyro_bias=three(1.0),
        gyro_scale=three(0.01, 1.0),
        gyro_drift=three(0.02),
        acc_noise=70e-6,
        gyro_noise=3.8e-3,
        rate_error=float(rng.uniform(-0.01, 0.01)),
    )
