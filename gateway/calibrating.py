"""Calibration from the stream: wait until the wearer has sat or stood still, then bowed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol
from gateway.core import Calibration, CalibrationError, Samples, calibrate

HOLD_MS: Final = 4000
STILL_DEG: Final = 2.5
"""Largest deviation from the mean direction during the hold: sway at rest stays below 2 degrees."""
BOW_DEG: Final = 22.0
"""A little more than the calibration asks for."""
BACK_DEG: Final = 10.0
BOW_WITHIN_MS: Final = 12_000
"""From the end of the hold until the wearer is back from the bow."""


class Calibrator:
    """Feed it samples until it returns a calibration."""

    def __init__(self, version: int, procedure: int = protocol.calibration.SEATED) -> None:
        self._version = version
        self._procedure = procedure
        self._recent = _empty()
        self._hold: Samples | None = None
        self._bow = _empty()
        self.problem = "no still hold of 4 s followed by a bow yet"
        """Why there is no calibration yet, for the one who waits."""

    def feed(self, samples: Samples) -> Calibration | None:
        """Take in samples; the calibration once a hold and a bow have been seen."""
        if not len(samples.t_ms):
            return None
        self._recent = _last(_joined(self._recent, samples), HOLD_MS)
        still = self._still()
        if self._hold is None:
            self._hold = still
            return None
        self._bow = _joined(self._bow, samples)
        angles = self._angles_of_bow(self._hold)
        if angles.max() > BOW_DEG:
            if angles[-1] < BACK_DEG:
                return self._finish(self._hold)
        elif still is not None:
            self._hold, self._bow = still, _empty()
        if samples.t_ms[-1] - self._hold.t_ms[-1] > BOW_WITHIN_MS:
            self._hold, self._bow = None, _empty()
        return None

    def _still(self) -> Samples | None:
        """The newest `HOLD_MS`, if the sensor was still."""
        recent = self._recent
        if recent.t_ms[-1] - recent.t_ms[0] < HOLD_MS - 100 or len(recent.t_ms) < HOLD_MS // 100:
            return None
        up = sky(recent.quaternion)
        mean = up.mean(axis=0)
        return recent if _angles(up, mean / np.linalg.norm(mean)).max() < STILL_DEG else None

    def _angles_of_bow(self, hold: Samples) -> NDArray[np.float64]:
        mean = sky(hold.quaternion).mean(axis=0)
        return _angles(sky(self._bow.quaternion), mean / np.linalg.norm(mean))

    def _finish(self, hold: Samples) -> Calibration | None:
        bow, self._hold, self._bow = self._bow, None, _empty()
        try:
            return calibrate(hold, bow, self._version, self._procedure)
        except CalibrationError as error:
            self.problem = str(error)
            return None


def sky(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Direction of the sky in the sensor's frame, (N, 3): third row of each rotation matrix."""
    w, x, y, z = quaternion.T
    return np.stack((2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z), axis=1)


def _angles(directions: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees between each of (N, 3) unit vectors and one."""
    angles: NDArray[np.float64] = np.degrees(np.arccos(np.clip(directions @ to, -1.0, 1.0)))
    return angles


def _joined(a: Samples, b: Samples) -> Samples:
    return Samples(
        np.concatenate((a.t_ms, b.t_ms)),
        np.concatenate((a.quaternion, b.quaternion)),
        np.concatenate((a.acc_mg, b.acc_mg)),
        np.concatenate((a.held, b.held)),
    )


def _last(samples: Samples, span_ms: float) -> Samples:
    since = np.searchsorted(samples.t_ms, samples.t_ms[-1] - span_ms)
    part = slice(int(since), None)
    return Samples(samples.t_ms[part], samples.quaternion[part], samples.acc_mg[part], samples.held[part])


def _empty() -> Samples:
    return Samples(np.empty(0), np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.bool_))


def to_bytes(calibration: Calibration) -> bytes:
    """The calibration for SET_CALIBRATION."""
    q14 = protocol.calibration.Q14
    up = [round(float(v) * q14) for v in calibration.up]
    forward = [round(float(v) * q14) for v in calibration.forward]
    return protocol.calibration.pack_calibration(
        calibration.version, calibration.procedure, (up[0], up[1], up[2]), (forward[0], forward[1], forward[2])
    )


def from_bytes(data: bytes) -> Calibration | None:
    """The calibration in the characteristic, which is empty when the clip has none.

    Raises protocol.MalformedError.
    """
    if not data:
        return None
    version, procedure, up, forward = protocol.calibration.parse_calibration(data)
    return Calibration(version, _unit(up), _unit(forward), procedure)


def _unit(vector: tuple[int, int, int]) -> NDArray[np.float64]:
    raw = np.array(vector, dtype=np.float64)
    unit: NDArray[np.float64] = raw / np.linalg.norm(raw)
    return unit
