"""Streams made of poses: what a clip would send for a trunk held at given angles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.core import Calibration, Output, Samples

Floats = NDArray[np.float64]
RATE_HZ = 26.0


class Poses:
    """Sensor x is right, y is forward, z is up in the reference posture, unless it is mounted otherwise."""

    calibration = Calibration(version=3, up=np.array([0.0, 0, 1]), forward=np.array([0.0, 1, 0]))

    @staticmethod
    def multiply(a: Floats, b: Floats) -> Floats:
        aw, ax, ay, az = np.moveaxis(np.asarray(a), -1, 0)
        bw, bx, by, bz = np.moveaxis(np.asarray(b), -1, 0)
        return np.stack(
            (
                aw * bw - ax * bx - ay * by - az * bz,
                aw * bx + ax * bw + ay * bz - az * by,
                aw * by - ax * bz + ay * bw + az * bx,
                aw * bz + ax * by - ay * bx + az * bw,
            ),
            axis=-1,
        )

    @staticmethod
    def quaternion(sagittal_deg: Floats, lateral_deg: Floats) -> Floats:
        """Forward is a turn about -x, then right a turn about forward (y)."""
        s, r = np.radians(sagittal_deg) / 2, np.radians(lateral_deg) / 2
        zero = np.zeros_like(s)
        forward = np.stack((np.cos(s), -np.sin(s), zero, zero), axis=-1)
        right = np.stack((np.cos(r), zero, np.sin(r), zero), axis=-1)
        return Poses.multiply(forward, right)

    @staticmethod
    def of(
        angle: Callable[[Floats], Floats] | float,
        seconds: float,
        *,
        start_s: float = 0.0,
        lateral: Callable[[Floats], Floats] | float = 0.0,
        shake_mg: float = 0.0,
        breath_deg: float = 0.2,
        rate_hz: float = RATE_HZ,
    ) -> Samples:
        """A stretch at an angle (or angle over time since its start), breathing."""
        t = np.arange(0, seconds, 1 / rate_hz)
        s = angle(t) if callable(angle) else np.full(len(t), float(angle))
        r = lateral(t) if callable(lateral) else np.full(len(t), float(lateral))
        s = s + breath_deg * np.sin(2 * np.pi * 0.25 * (t + start_s))
        acc = 1.5 * np.sin(2 * np.pi * 0.25 * t) + shake_mg * 2**0.5 * np.sin(2 * np.pi * 1.9 * t)
        return Samples((t + start_s) * 1000, Poses.quaternion(s, r), acc, np.zeros(len(t), dtype=bool))

    @staticmethod
    def join(*parts: Samples) -> Samples:
        return Samples(
            np.concatenate([p.t_ms for p in parts]),
            np.concatenate([p.quaternion for p in parts]),
            np.concatenate([p.acc_mg for p in parts]),
            np.concatenate([p.held for p in parts]),
        )

    @staticmethod
    def sequence(*parts: tuple[float, float], start_s: float = 0.0, **kwargs: float) -> Samples:
        """Stretches of (angle, seconds), one after the other."""
        out = []
        for angle, seconds in parts:
            out.append(Poses.of(angle, seconds, start_s=start_s, **kwargs))
            start_s += seconds
        return Poses.join(*out)

    @staticmethod
    def part(samples: Samples, begin: int, end: int) -> Samples:
        s = slice(begin, end)
        return Samples(samples.t_ms[s], samples.quaternion[s], samples.acc_mg[s], samples.held[s])

    @staticmethod
    def hold(samples: Samples, begin_s: float, end_s: float) -> Samples:
        """The same with the motor's mark on [begin, end)."""
        return replace(samples, held=(samples.t_ms >= begin_s * 1000) & (samples.t_ms < end_s * 1000))

    @staticmethod
    def codes(*outputs: Output) -> dict[int, int]:
        """Code of each clip second, the last telling wins."""
        out: dict[int, int] = {}
        for output in outputs:
            for epoch in output.epochs:
                out.update({epoch.start_ms // 1000 + k: code for k, code in enumerate(epoch.codes)})
        return out


@pytest.fixture(scope="session")
def poses() -> type[Poses]:
    return Poses
