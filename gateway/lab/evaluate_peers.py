"""The filters and gates of others that run beside ours. Each may be missing: they come with the extra `evaluate`."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from .evaluate_report import peer
from .orientation import STANDARD_GRAVITY, Floats, Trial, up_in_sensor


def vqf_up(trial: Trial) -> Floats:
    """Up in the sensor's axes (N, 3) by the C++ `VQF`, real-time, without magnetometer, with its own defaults (Laidig
    and Seel 2023). It gets what the sensors said before any quantisation. Raises MissingError."""
    return up_in_sensor(_vqf(trial)["quat6D"])


def vqf_bias(trial: Trial) -> Floats:
    """The gyroscope bias (3,) in deg/s that the same has learnt by the end. Raises MissingError."""
    bias: Floats = np.degrees(_vqf(trial)["bias"][-1])
    return bias


def _vqf(trial: Trial) -> dict[str, Floats]:
    gyro = np.ascontiguousarray(np.radians(trial.gyro_dps))
    acc = np.ascontiguousarray(trial.acc_g * STANDARD_GRAVITY)
    out: dict[str, Floats] = peer("vqf", "vqf").VQF(1 / trial.rate_hz).updateBatch(gyro, acc)
    return out


def imufusion_up(trial: Trial) -> Floats:
    """Up in the sensor's axes (N, 3) by imufusion's `Ahrs` without magnetometer, with its own defaults (Madgwick's
    revised filter). Raises MissingError."""
    imufusion = peer("imufusion", "imufusion")
    settings = imufusion.AhrsSettings()
    settings.sample_rate = trial.rate_hz
    ahrs = imufusion.Ahrs()
    ahrs.set_settings(settings)
    out = np.empty((len(trial.acc_g), 4))
    for i, (gyro, acc) in enumerate(zip(trial.gyro_dps, trial.acc_g, strict=True)):
        ahrs.update_no_magnetometer(gyro, acc)
        out[i] = ahrs.get_quaternion()
    return up_in_sensor(out)


def accelerometer_up(trial: Trial) -> Floats:
    """Up in the sensor's axes (N, 3) as the accelerometer alone has it, sample by sample."""
    up: Floats = trial.acc_g / np.maximum(np.linalg.norm(trial.acc_g, axis=1, keepdims=True), 1e-9)
    return up


def skdh_walking(acc_g: Floats, rate_hz: float) -> NDArray[np.bool_]:
    """Walking, (N,), by scikit-digital-health's lumbar gait classifier, in its windows of 3 s. Raises MissingError."""
    context = peer("skdh.context", "scikit-digital-health")
    time_s = np.arange(len(acc_g)) / rate_hz
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its libraries, about their own versions
        bouts = context.PredictGaitLumbarLgbm().predict(time=time_s, accel=np.ascontiguousarray(acc_g), fs=rate_hz)
    walking = np.zeros(len(acc_g), dtype=np.bool_)
    for begin, end in zip(bouts["Gait Bout Start Index"], bouts["Gait Bout Stop Index"], strict=True):
        walking[int(begin) : int(end)] = True
    return walking
