"""Are the units those that the columns claim? Physics tells: at rest |a| is 1 g, and gravity turns as the gyro says."""

from __future__ import annotations

from typing import Final

import numpy as np

from .replay_csv import CsvError, Floats, Recording

WINDOW_S: Final = 0.4
TURNED_DEG: Final = 3.0
"""Windows in which the acceleration's direction changed by less say nothing about the rates."""
TOO_SLOW: Final = 15.0
"""In degrees a second, measured turns explain at least a quarter of what the accelerometer sees, also under violent
movement; in radians a second they would explain a fortieth at best."""
AGAINST: Final = -0.5
"""Correlation of seen and measured turns below which the rates are certainly of other axes or signs. Violent movement
brings it down to -0.2 in recordings that are in order; rates of the opposite sign have -0.9 in calm movement."""


def check_units(recording: Recording) -> list[str]:
    """What could not be checked, for the report. Raises CsvError for units or signs that are certainly others."""
    norm = np.linalg.norm(recording.acc_g, axis=1)
    usual = float(np.median(norm))
    if not 0.7 < usual < 1.4:
        if 0.7 < usual / 9.80665 < 1.4:
            raise CsvError(
                f"the median acceleration is {usual:.2f}: this looks like m/s2; ax_g, ay_g, az_g must be in g"
            )
        if 0.7 < usual / 1000 < 1.4:
            raise CsvError(f"the median acceleration is {usual:.0f}: this looks like mg; ax_g, ay_g, az_g must be in g")
        raise CsvError(
            f"the median acceleration is {usual:.2f} g, where gravity alone makes 1 g: wrong units, or gravity removed"
        )
    seen, measured = _turns(recording)
    if len(seen) < 3:
        return ["nothing turned enough to check the unit of the angular rates"]
    ratio = _rms(seen) / max(_rms(measured), 1e-12)
    if ratio > TOO_SLOW:
        raise CsvError(
            f"the acceleration's direction turns {ratio:.0f} times faster than gx_dps, gy_dps, gz_dps say: "
            "this looks like rad/s; they must be in deg/s"
        )
    if ratio < 1 / TOO_SLOW:
        raise CsvError(
            f"gx_dps, gy_dps, gz_dps say {1 / ratio:.0f} times more turning than the acceleration's direction shows: "
            "they must be in deg/s"
        )
    agreement = float((seen * measured).sum() / (_rms(seen) * _rms(measured) * len(seen)))
    if agreement < AGAINST:
        raise CsvError(
            "the acceleration's direction turns against gx_dps, gy_dps, gz_dps: the signs or axes of one do not "
            "belong to the other's"
        )
    return []


def _turns(recording: Recording) -> tuple[Floats, Floats]:
    """Changes of a, as seen and as the rates would have them while it is gravity's, from window to window, (N, 3) g."""
    length = max(int(WINDOW_S * recording.rate_hz), 2)
    n = len(recording.t_s) // length * length
    acc = recording.acc_g[:n].reshape(-1, length, 3).mean(axis=1)
    rate = np.radians(recording.gyro_dps[:n].reshape(-1, length, 3).mean(axis=1))
    middle = recording.t_s[:n].reshape(-1, length).mean(axis=1)
    seen = np.diff(acc, axis=0)
    span = np.diff(middle)[:, None]
    measured = np.cross((acc[1:] + acc[:-1]) / 2, (rate[1:] + rate[:-1]) / 2) * span
    one_g = np.abs(np.linalg.norm(acc, axis=1) - 1) < 0.15
    turned = np.maximum(*(np.linalg.norm(change, axis=1) for change in (seen, measured))) > np.radians(TURNED_DEG)
    use = one_g[1:] & one_g[:-1] & turned & (np.diff(middle) < 2 * WINDOW_S)
    return seen[use], measured[use]


def _rms(vectors: Floats) -> float:
    return float(np.sqrt((vectors**2).sum(axis=1).mean()))
