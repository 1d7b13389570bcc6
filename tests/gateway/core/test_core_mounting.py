"""However the clip is mounted, recalibrated it says the same: through the clip's fusion, with its quantisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.core import Calibration, Samples, calibrate
from gateway.core.calibration import upright
from gateway.core.orientation import inclination, sky_in_sensor
from gateway.lab.motion import rotate
from gateway.lab.replay_csv import Recording
from gateway.lab.replay_fusion import fuse
from gateway.lab.script import Script, Segment

Floats = NDArray[np.float64]

AT_MOST_DEG: Final = 0.1
HOLD, BOW = (2.0, 10.0), (12.0, 20.0)
AXIS: Final = np.array([0.36, 0.48, 0.8])
"""Stands for the wearer's forward in a recording that has no bow."""

unit_quaternions = (
    st.lists(st.floats(-1, 1), min_size=4, max_size=4)
    .map(np.array)
    .filter(lambda q: np.linalg.norm(q) > 0.1)
    .map(lambda q: q / np.linalg.norm(q))
)


def _stream(recording: tuple[Floats, Floats, Floats], mounting: Floats) -> Samples:
    """What the clip makes of a recording when its sensor is turned by `mounting`."""
    t_s, acc_g, gyro_dps = recording
    acc, gyro = rotate(mounting, acc_g), rotate(mounting, gyro_dps)
    rate_hz = (len(t_s) - 1) / float(t_s[-1] - t_s[0])
    return fuse(Recording(t_s, acc, gyro, rate_hz, dropped=0, doubled=0, jitter=0.0)).stream


def _between(samples: Samples, span: tuple[float, float]) -> Samples:
    part = (samples.t_ms >= span[0] * 1000) & (samples.t_ms < span[1] * 1000)
    return Samples(samples.t_ms[part], samples.quaternion[part], samples.acc_mg[part], samples.held[part])


def _angles(samples: Samples, calibration: Calibration) -> Floats:
    return np.stack(inclination(sky_in_sensor(samples.quaternion), calibration))


def _rms(difference: Floats) -> Floats:
    rms: Floats = np.sqrt((difference**2).mean(axis=1))
    return rms


@pytest.fixture(scope="module")
def scripted() -> tuple[tuple[Floats, Floats, Floats], Floats]:
    script = Script(
        [
            Segment(12, "sit"),
            Segment(8, "bow", dip_deg=45),
            Segment(8, "sit", 20.0),
            Segment(10, "walk", 4.0),
            Segment(5, "lift", dip_deg=75, change_s=0.5),
            Segment(8, "sit", 3.0, 9.0),
            Segment(8, "sit", -20.0),
        ],
        seed=100,
    )
    t_s = np.arange(0, float(script.duration_s or 0), 1 / 104)
    acc_g, gyro_dps, _ = script.sample(t_s)
    recording = (t_s, acc_g, gyro_dps)
    stream = _stream(recording, np.array([1.0, 0, 0, 0]))
    return recording, _angles(stream, calibrate(_between(stream, HOLD), _between(stream, BOW), 1))


@settings(max_examples=15)
@given(mounting=unit_quaternions)
def test_a_scripted_wearing(scripted: tuple[tuple[Floats, Floats, Floats], Floats], mounting: Floats) -> None:
    recording, expected = scripted
    stream = _stream(recording, mounting)
    got = _angles(stream, calibrate(_between(stream, HOLD), _between(stream, BOW), 1))
    assert (_rms(got - expected) < AT_MOST_DEG).all()


def _mobgap(recordings: Path) -> tuple[Floats, Floats, Floats]:
    path = recordings / "mobgap" / "MS_001" / "TimeMeasure1_Test11_Trial1.csv"
    rows: Floats = np.loadtxt(path, delimiter=",", skiprows=1)[:, 1:]
    return np.arange(len(rows)) / 100, rows[:, :3], rows[:, 3:]


def _broad(recordings: Path) -> tuple[Floats, Floats, Floats]:
    loadmat = pytest.importorskip("scipy.io").loadmat
    trial: dict[str, Any] = loadmat(next((recordings / "broad").glob("05_*.mat")), squeeze_me=True)
    t_s = np.arange(len(trial["imu_acc"])) / float(trial["sampling_rate"])
    return t_s, trial["imu_acc"] / 9.80665, np.degrees(trial["imu_gyr"])


@pytest.mark.recordings
@pytest.mark.parametrize("source", [_mobgap, _broad])
def test_a_recording(recordings: Path, source: Any) -> None:
    recording = source(recordings)
    rng = np.random.default_rng(100)
    expected = None
    for mounting in ([1.0, 0, 0, 0], *rng.normal(size=(5, 4))):
        unit = np.asarray(mounting) / np.linalg.norm(mounting)
        stream = _stream(recording, unit)
        up = upright(_between(stream, (0.0, 3.3)))
        forward = rotate(unit, AXIS)
        forward -= up * (forward @ up)
        angles = _angles(stream, Calibration(1, up, forward / np.linalg.norm(forward)))
        expected = angles if expected is None else expected
        assert (_rms(angles - expected) < AT_MOST_DEG).all()
