"""The fusion judged by recordings, and the tools that judge it."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.lab import orientation
from gateway.lab.orientation import Trial

pytest.importorskip("scipy")

AT_50_HZ = {"mean": 0.75, "median": 0.70, "rest": 0.25}
NATIVE_TRIALS = ("01", "16", "21")


def inclination_rmse(trial: orientation.Trial, quaternion: orientation.Floats, *, moving: bool = True) -> float:
    return orientation.up_rmse(trial, orientation.up_in_sensor(quaternion), moving=moving)


def trial(n: int = 400) -> Trial:
    reference = np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))
    movement = np.zeros(n, np.bool_)
    movement[n // 4 :] = True
    return Trial("t", 200.0, np.tile([0.0, 0.0, 1.0], (n, 1)), np.zeros((n, 3)), reference, movement)


def tilted(degrees: float, n: int) -> orientation.Floats:
    half = math.radians(degrees) / 2
    return np.tile([math.cos(half), math.sin(half), 0.0, 0.0], (n, 1))


def test_quantise_rounds_and_saturates() -> None:
    counts = orientation.quantise(np.array([0.0, 1.0004, -20.0, 20.0]), 244e-6)
    assert counts.tolist() == [0, 4100, -32768, 32767]


def test_error_is_of_inclination_only() -> None:
    t = trial()
    yaw = np.tile([math.cos(1.0), 0.0, 0.0, math.sin(1.0)], (len(t.movement), 1))
    assert inclination_rmse(t, yaw) == pytest.approx(0, abs=1e-9)
    assert inclination_rmse(t, tilted(0.5, len(t.movement))) == pytest.approx(0.5)


def test_error_counts_movement_with_a_reference_only() -> None:
    t = trial(8)
    said = tilted(3.0, 8)
    said[2:4] = tilted(4.0, 2)
    reference = t.reference.copy()
    reference[4:] = np.nan
    t = replace(t, reference=reference)
    assert inclination_rmse(t, said) == pytest.approx(4.0)
    assert inclination_rmse(t, said, moving=False) == pytest.approx(3.0)


def test_resample_takes_the_nearest_reference() -> None:
    t = trial(400)
    out = orientation.resample(t, 7, 40)
    assert out.rate_hz == pytest.approx(35.0)
    assert len(out.acc_g) == len(out.gyro_dps) == len(out.reference) == len(out.movement) == 70
    assert int(np.argmax(out.movement)) == 18  # 17 stands nearest to 97, 18 to 103


def test_fuse_says_what_a_still_sensor_is() -> None:
    acc = np.tile([0.0, -math.sin(0.3), math.cos(0.3)], (200, 1))
    q = orientation.fuse(acc, np.zeros((200, 3)), 50.0)
    assert orientation.angle_deg(orientation.up_in_sensor(q), acc).max() < 0.05


HDF5 = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400)
"""The beginning of a file in a form that scipy does not read."""


@pytest.mark.parametrize("content", [b"", b"no recording", b"MATLAB 5.0 MAT-file" + bytes(200), HDF5])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mat"
    path.write_bytes(content)
    with pytest.raises(orientation.RecordingError):
        orientation.load_broad(path)


def test_a_file_without_the_fields_is_refused(tmp_path: Path) -> None:
    scipy_io: Any = import_module("scipy.io")
    path = tmp_path / "x.mat"
    scipy_io.savemat(str(path), {"imu_acc": np.zeros((4, 3))})
    with pytest.raises(orientation.RecordingError):
        orientation.load_broad(path)


@pytest.mark.recordings
def test_inclination_at_50_hz(recordings: Path) -> None:
    """Quantised to +-8 g and +-2000 deg/s."""
    moving, still = [], []
    for path in sorted((recordings / "broad").glob("*.mat")):
        t = orientation.resample(orientation.load_broad(path), *orientation.TO_50_HZ)
        q = orientation.fuse(t.acc_g, t.gyro_dps, t.rate_hz)
        moving.append(inclination_rmse(t, q))
        still.append(inclination_rmse(t, q, moving=False))
    assert moving
    assert np.mean(moving) < AT_50_HZ["mean"]
    assert np.median(moving) < AT_50_HZ["median"]
    assert np.mean(still) < AT_50_HZ["rest"]


@pytest.mark.recordings
@pytest.mark.parametrize("number", NATIVE_TRIALS)
def test_inclination_at_the_native_rate(recordings: Path, number: str) -> None:
    (path,) = (recordings / "broad").glob(f"{number}_*.mat")
    t = orientation.load_broad(path)
    limit = 1.9 if number == "21" else 0.75
    assert inclination_rmse(t, orientation.fuse(t.acc_g, t.gyro_dps, t.rate_hz)) < limit
