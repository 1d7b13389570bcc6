"""What a clip's inertial sensor gives out over a day: noise, offsets, scales, the motor, sixteen bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip.protocol import status
from gateway.lab.motion import Floats

from .day import Day

RATE_HZ: Final = 104.0
BLOCK: Final = 8192
MOTOR_HZ: Final = 175.0
MOTOR_G: Final = (0.36, 0.36, 0.3)
"""Frequency and strength of a small eccentric motor as a clip feels it."""

Ints = NDArray[np.int64]


def sample_times(day: Day) -> Floats:
    """When the sensor samples, (N,) seconds of the script."""
    rate = RATE_HZ * (1 + day.chip.rate_error)
    return np.arange(1, int(day.duration_s * rate)) / rate


def readings(day: Day, t_s: Floats) -> Iterator[tuple[Ints, Floats]]:
    """Raw samples (B, 6), acceleration and rate in LSB, and chip temperature (B,), block by block."""
    rng = np.random.default_rng([day.seed, 0x5E])
    part = day.chip
    root_hz = float(np.sqrt(RATE_HZ / 2))  # noise density times the root of the bandwidth
    for begin in range(0, len(t_s), BLOCK):
        t = t_s[begin : begin + BLOCK]
        acc, gyro, celsius = day.script.sample(t)
        acc = acc * np.array(part.acc_scale) + np.array(part.acc_bias)
        acc += rng.normal(0.0, part.acc_noise * root_hz, acc.shape) + _motor(day, t)
        gyro = gyro * np.array(part.gyro_scale) + np.array(part.gyro_bias)
        gyro += np.outer(celsius - 25.0, part.gyro_drift) + rng.normal(0.0, part.gyro_noise * root_hz, gyro.shape)
        raw = np.hstack((acc / (status.ACC_LSB_UG * 1e-6), gyro / (status.GYRO_LSB_UDPS * 1e-6)))
        yield np.clip(np.rint(raw), -32768, 32767).astype(np.int64), celsius


def motor_runs(day: Day, t_s: Floats, after_s: float = 0.0) -> NDArray[np.bool_]:
    """Whether the motor runs at the rising times (N,), or stopped less than `after_s` ago."""
    runs = np.zeros(len(t_s), dtype=np.bool_)
    for begin, end in day.motor:
        runs[slice(*np.searchsorted(t_s, (begin, end + after_s)).tolist())] = True
    return runs


def _motor(day: Day, t_s: Floats) -> Floats:
    wave = np.where(motor_runs(day, t_s), np.sin(2 * np.pi * MOTOR_HZ * t_s), 0.0)
    return np.outer(wave, MOTOR_G)
