"""What the sensor on the wearer's back feels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class MotionSource(Protocol):
    """Acceleration, angular rate and temperature of the sensor at any time, in the sensor's axes."""

    duration_s: float | None

    def sample(self, t_s: Array) -> tuple[Array, Array, Array]:
        """Specific force in g (N, 3), rate in deg/s (N, 3) and chip temperature in deg C (N,) at the times (N,), in
        seconds since the clip was first switched on."""


class Still:
    """A clip that lies or hangs without moving.

    Parameters
    ----------
    acc_g
        Specific force in g; at rest it points to the sky and measures 1 g.
    celsius
        Chip temperature.
    """

    duration_s: float | None = None

    def __init__(self, acc_g: Sequence[float] = (0.0, 0.0, 1.0), celsius: float = 30.0) -> None:
        self._acc = np.asarray(acc_g, dtype=np.float64)
        self._celsius = celsius

    def sample(self, t_s: Array) -> tuple[Array, Array, Array]:
        """See `MotionSource`."""
        n = len(t_s)
        return np.tile(self._acc, (n, 1)), np.zeros((n, 3)), np.full(n, self._celsius)


class Recording:
    """A recording, interpolated linearly between its samples and held at its ends.

    Parameters
    ----------
    t_s
        Rising times (N,), seconds.
    acc_g, gyro_dps
        Specific force in g and rate in deg/s, (N, 3).
    celsius
        Chip temperature (N,) or one number.

    Raises ValueError when the shapes do not fit, a value is not finite or the times do not rise.
    """

    duration_s: float | None

    def __init__(self, t_s: Array, acc_g: Array, gyro_dps: Array, celsius: Array | float = 30.0) -> None:
        self._t = np.asarray(t_s, dtype=np.float64)
        n = len(self._t)
        self._acc = np.asarray(acc_g, dtype=np.float64)
        self._gyro = np.asarray(gyro_dps, dtype=np.float64)
        self._celsius = np.broadcast_to(np.asarray(celsius, dtype=np.float64), (n,))
        if n == 0 or self._acc.shape != (n, 3) or self._gyro.shape != (n, 3):
            raise ValueError(f"recording of {n} times, acc {self._acc.shape}, gyro {self._gyro.shape}")
        if np.any(np.diff(self._t) <= 0):
            raise ValueError("the times of a recording must rise")
        for values in (self._t, self._acc, self._gyro, self._celsius):
            if not np.all(np.isfinite(values)):
                raise ValueError("a recording holds a value that is not finite")
        self.duration_s = float(self._t[-1])

    def sample(self, t_s: Array) -> tuple[Array, Array, Array]:
        """See `MotionSource`."""
        acc = np.column_stack([np.interp(t_s, self._t, self._acc[:, i]) for i in range(3)])
        gyro = np.column_stack([np.interp(t_s, self._t, self._gyro[:, i]) for i in range(3)])
        return acc, gyro, np.interp(t_s, self._t, self._celsius)
