"""Judging the clip's fusion by recordings with an optical reference.

The recordings are the trials of BROAD (Laidig, Caruso, Cereatti, Seel: "BROAD - A benchmark for robust inertial
orientation estimation", Data 6(7), 2021). The figure is theirs: the RMS of the inclination error over the samples
of the movement phase.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware.clip.fusion import Fusion
from firmware.clip.protocol import status

Floats = NDArray[np.float64]

STANDARD_GRAVITY = 9.80665
TO_50_HZ = (7, 40)  # of BROAD's 285.714 Hz


class RecordingError(ValueError):
    """A file that is not a trial of BROAD."""


@dataclass(frozen=True)
class Trial:
    """One recording: acc_g and gyro_dps (N, 3); reference (N, 4), w x y z, sensor to earth with z up, NaN where the
    optical system did not see; movement (N,) bool."""

    name: str
    rate_hz: float
    acc_g: Floats
    gyro_dps: Floats
    reference: Floats
    movement: NDArray[np.bool_]


def load_broad(path: Path) -> Trial:
    """Read one `.mat` file. Raises RecordingError when it is not a trial of BROAD, OSError when it cannot be read."""
    scipy_io: Any = import_module("scipy.io")  # only here: scipy is no part of a gateway
    try:
        fields = scipy_io.loadmat(str(path), squeeze_me=True)
        trial = Trial(
            name=path.stem,
            rate_hz=float(fields["sampling_rate"]),
            acc_g=np.asarray(fields["imu_acc"], np.float64) / STANDARD_GRAVITY,
            gyro_dps=np.degrees(np.asarray(fields["imu_gyr"], np.float64)),
            reference=np.asarray(fields["opt_quat"], np.float64),
            movement=np.asarray(fields["movement"], np.bool_),
        )
    except KeyError as error:
        raise RecordingError(f"{path.name}: not a trial of BROAD (it has no {error.args[0]})") from error
    except (scipy_io.matlab.MatReadError, NotImplementedError, TypeError, ValueError) as error:
        raise RecordingError(f"{path.name}: not a trial of BROAD ({error})") from error
    n = len(trial.movement)
    if not trial.acc_g.shape == trial.gyro_dps.shape == (n, 3) or trial.reference.shape != (n, 4):
        raise RecordingError(f"{path.name}: not a trial of BROAD (its arrays do not fit together)")
    return trial


def resample(trial: Trial, up: int, down: int) -> Trial:
    """The trial at up / down of its rate: sensors by polyphase filtering, the reference by the nearest sample."""
    signal: Any = import_module("scipy.signal")
    acc: Floats = signal.resample_poly(trial.acc_g, up, down, axis=0)
    gyro: Floats = signal.resample_poly(trial.gyro_dps, up, down, axis=0)
    nearest = np.minimum(np.rint(np.arange(len(acc)) * (down / up)).astype(np.intp), len(trial.movement) - 1)
    return replace(
        trial,
        rate_hz=trial.rate_hz * up / down,
        acc_g=acc,
        gyro_dps=gyro,
        reference=trial.reference[nearest],
        movement=trial.movement[nearest],
    )


def quantise(values: Floats, lsb: float) -> NDArray[np.int16]:
    """What an int16 register of `lsb` a count says: rounded, and saturated at both ends."""
    counts: NDArray[np.int16] = np.clip(np.rint(values / lsb), -32768, 32767).astype(np.int16)
    return counts


def fuse(
    acc_g: Floats,
    gyro_dps: Floats,
    rate_hz: float,
    acc_lsb_ug: int = status.ACC_LSB_UG,
    gyro_lsb_udps: int = status.GYRO_LSB_UDPS,
) -> Floats:
    """Orientations (N, 4), w x y z, of the clip's own fusion over (N, 3) samples, quantised first."""
    return fuse_all(acc_g, gyro_dps, rate_hz, acc_lsb_ug, gyro_lsb_udps)[0]


def fuse_all(
    acc_g: Floats,
    gyro_dps: Floats,
    rate_hz: float,
    acc_lsb_ug: int = status.ACC_LSB_UG,
    gyro_lsb_udps: int = status.GYRO_LSB_UDPS,
) -> tuple[Floats, Floats]:
    """What `fuse` gives, and the gyroscope bias (3,) in deg/s that the fusion has learnt by the end."""
    fusion = Fusion(round(rate_hz * 1000), acc_lsb_ug, gyro_lsb_udps)
    counts = np.hstack((quantise(acc_g, acc_lsb_ug / 1e6), quantise(gyro_dps, gyro_lsb_udps / 1e6))).tolist()
    out = np.empty((len(counts), 4))
    update = fusion.update
    for i, (ax, ay, az, gx, gy, gz) in enumerate(counts):
        update(ax, ay, az, gx, gy, gz)
        out[i] = fusion.w, fusion.x, fusion.y, fusion.z
    bias = np.array([fusion.bias.dps_x, fusion.bias.dps_y, fusion.bias.dps_z]) / (1 << 24)
    return out / 32768, bias


def saturated(acc_g: Floats, gyro_dps: Floats) -> int:
    """Samples of (N, 3) that the clip's ranges cut, on any axis; on the clip its trailer counts them."""
    cut = (np.abs(acc_g) > status.ACC_LSB_UG * 0.032767) | (np.abs(gyro_dps) > status.GYRO_LSB_UDPS * 0.032767)
    return int(cut.any(axis=1).sum())


def up_in_sensor(quaternion: Floats) -> Floats:
    """Unit vectors (N, 3): the earth's up in the sensor's axes, for quaternions (N, 4) of any norm but 0."""
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    up = np.stack((2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z), axis=-1)
    unit: Floats = up / np.linalg.norm(up, axis=-1, keepdims=True)
    return unit


def angle_deg(one: Floats, other: Floats) -> Floats:
    """Angles (N,) between unit vectors (N, 3), exact also when they are small."""
    degrees: Floats = np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(one - other, axis=-1) / 2, 0, 1)))
    return degrees


def up_rmse(trial: Trial, up: Floats, *, moving: bool = True) -> float:
    """RMS in degrees of the inclination error of up directions (N, 3) in the sensor's axes over the trial's samples in
    movement (or, with `moving` false, out of it) that have a reference. NaN where no sample counts."""
    use = (trial.movement == moving) & np.isfinite(trial.reference).all(axis=1)
    if not use.any():
        return float("nan")
    error = angle_deg(up[use], up_in_sensor(trial.reference[use]))
    return float(np.sqrt(np.mean(error**2)))
