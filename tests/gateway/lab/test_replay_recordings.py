"""Real recordings through `plumbline replay`, directly and through the firmware."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from firmware.clip import protocol
from gateway import cli
from gateway.core.orientation import sky_in_sensor
from gateway.lab.replay_csv import COLUMNS

pytestmark = pytest.mark.recordings

Floats = NDArray[np.float64]
CLIP_HZ = 104.0


def _write(path: Path, rate: float, acc_g: Floats, gyro_dps: Floats, at_hz: float | None = None) -> Path:
    t = np.arange(len(acc_g)) / rate
    rows = np.column_stack((t, acc_g, gyro_dps))
    if at_hz is not None:
        even = np.arange(0, t[-1], 1 / at_hz)
        rows = np.column_stack([even] + [np.interp(even, t, column) for column in rows[:, 1:].T])
    np.savetxt(path, rows, delimiter=",", header=",".join(COLUMNS), comments="", fmt="%.7f")
    return path


def _walk(recordings: Path, who: str, trial: str) -> Floats:
    rows: Floats = np.loadtxt(recordings / "mobgap" / who / f"TimeMeasure1_{trial}.csv", delimiter=",", skiprows=1)
    return rows[:, 1:]


def _broad(recordings: Path, number: str) -> dict[str, Any]:
    loadmat = pytest.importorskip("scipy.io").loadmat
    (path,) = (recordings / "broad").glob(f"{number}_*.mat")
    fields: dict[str, Any] = loadmat(path, squeeze_me=True)
    return fields


def _replay(*arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(cli.main, ["replay", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.stderr
    out: dict[str, Any] = json.loads(result.stdout)
    return out


def _sky(path: Path) -> Floats:
    quaternion = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=(1, 2, 3, 4))
    return np.stack(sky_in_sensor(quaternion), axis=1)


def _angle(one: Floats, other: Floats) -> Floats:
    angle: Floats = np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(one - other, axis=1) / 2, 0, 1)))
    return angle


@pytest.mark.parametrize("source", ["walk", "broad"])
def test_both_ways_agree_within_a_degree(recordings: Path, tmp_path: Path, source: str) -> None:
    if source == "walk":
        rows = _walk(recordings, "MS_001", "Test5_Trial1")
        path = _write(tmp_path / "r.csv", 100.0, rows[:, :3], rows[:, 3:], CLIP_HZ)
    else:
        trial = _broad(recordings, "01")
        rate = float(trial["sampling_rate"])
        part = slice(0, int(60 * rate))
        acc, gyro = trial["imu_acc"][part] / 9.80665, np.degrees(trial["imu_gyr"][part])
        path = _write(tmp_path / "r.csv", rate, acc, gyro, CLIP_HZ)
    for name, extra in (("direct", ()), ("firmware", ("--through-firmware",))):
        _replay(path, "--samples", tmp_path / f"{name}.csv", *extra)
    one, other = _sky(tmp_path / "direct.csv"), _sky(tmp_path / "firmware.csv")
    known = np.isfinite(other).all(axis=1)
    assert known.mean() > 0.99
    assert np.percentile(_angle(one[known], other[known]), 95) < 1


@pytest.mark.parametrize("number", ["01", "11", "16", "27", "33"])
def test_inclination_of_a_hand_moved_sensor(recordings: Path, tmp_path: Path, number: str) -> None:
    trial = _broad(recordings, number)
    rate = float(trial["sampling_rate"])
    path = _write(tmp_path / "r.csv", rate, trial["imu_acc"] / 9.80665, np.degrees(trial["imu_gyr"]))
    out = _replay(path, "--samples", tmp_path / "s.csv")
    assert out["recording"]["rate_hz"] == pytest.approx(rate, rel=1e-3)
    true = trial["opt_quat"]
    use = trial["movement"].astype(bool) & np.isfinite(true).all(axis=1)
    error = _angle(_sky(tmp_path / "s.csv")[use], np.stack(sky_in_sensor(true[use]), axis=1))
    assert np.sqrt((error**2).mean()) < 1.5


@pytest.mark.parametrize(("who", "trial"), [("HA_001", "Test11_Trial1"), ("MS_001", "Test11_Trial1")])
def test_walking_bouts_are_seen_as_moving(recordings: Path, tmp_path: Path, who: str, trial: str) -> None:
    loadmat = pytest.importorskip("scipy.io").loadmat
    rows = _walk(recordings, who, trial)
    path = _write(tmp_path / "r.csv", 100.0, rows[:, :3], rows[:, 3:])
    out = _replay(path, "--samples", tmp_path / "s.csv")
    # x is up and z forward in these recordings.
    assert np.degrees(np.arccos(out["calibration"]["up"][0])) < 20
    assert out["calibration"]["forward"][2] > 0.9
    moving = np.genfromtxt(tmp_path / "s.csv", delimiter=",", skip_header=1, usecols=(7,)) > 0
    data = loadmat(recordings / "mobgap" / who / "data.mat", squeeze_me=True, struct_as_record=False)["data"]
    bouts = data.TimeMeasure1.Test11.Trial1.Standards.INDIP.ContinuousWalkingPeriod
    t = np.arange(len(rows)) / 100
    walking = np.zeros(len(t), dtype=bool)
    for bout in np.atleast_1d(bouts):
        walking |= (t >= bout.Start) & (t <= bout.End)
    assert moving[walking].mean() > 0.9
    codes = "".join(epoch["codes"] for epoch in out["epochs"])
    whole = np.asarray(walking[: len(walking) // 100 * 100].reshape(-1, 100).all(axis=1))
    told = np.array([int(c, 16) for c in codes])[: len(whole)]
    assert not (told[whole] == protocol.category.SLOUCHED).any()


@pytest.mark.parametrize("trial", ["Test5_Trial1", "Test5_Trial2"])
def test_forward_is_found_from_walking_alone(recordings: Path, tmp_path: Path, trial: str) -> None:
    rows = _walk(recordings, "MS_001", trial)
    out = _replay(_write(tmp_path / "r.csv", 100.0, rows[:, :3], rows[:, 3:]), "--upright", "0:3.5")
    assert out["calibration"]["axis_from"] == "walking"
    assert out["calibration"]["forward"][2] > 0.9
