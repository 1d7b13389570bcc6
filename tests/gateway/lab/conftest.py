"""Recordings for the replay tests: made from scripts, as a CSV file of a real sensor would look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.lab.presets import mounting
from gateway.lab.replay_csv import COLUMNS
from gateway.lab.script import Body, Script, Segment

Floats = NDArray[np.float64]
WriteCsv = Callable[..., Path]
Table = Callable[..., Floats]

SEGMENTS = [
    Segment(10, "sit", 0.0),
    Segment(6, "bow", 0.0, dip_deg=45.0),
    Segment(20, "sit", 0.0),
    Segment(75, "sit", 20.0, 2.0),
    Segment(20, "sit", 1.0),
    Segment(20, "walk", 4.0),
    Segment(20, "sit", 0.0),
    Segment(20, "sit", -22.0),
    Segment(15, "sit", 0.0),
]


@pytest.fixture(scope="session")
def wearing() -> Script:
    """Three and a half minutes with a bow, a slouch from 36 to 111 s, a walk and a lean back."""
    body = Body(mounting=mounting(np.random.default_rng(7)), fidgets_per_hour=0)
    return Script(SEGMENTS, body, seed=1)


@pytest.fixture(scope="session")
def table() -> Table:
    """Makes (N, 7) rows of COLUMNS of a script as an ordinary sensor feels it, at a rate."""

    def make(script: Script, rate_hz: float, seed: int = 0) -> Floats:
        rng = np.random.default_rng(seed)
        t = np.arange(int((script.duration_s or 0) * rate_hz)) / rate_hz
        acc, gyro, _ = script.sample(t)
        noise = np.sqrt(rate_hz / 2)
        acc = acc + rng.normal(0, 70e-6 * noise, acc.shape) + (0.008, -0.006, 0.012)
        gyro = gyro + rng.normal(0, 3.8e-3 * noise, gyro.shape) + (0.4, -0.3, 0.2)
        return np.column_stack((t, acc, gyro))

    return make


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """Writes rows as a CSV file; `header` and `lines` may spoil it."""

    def write(rows: Floats, name: str = "recording.csv", header: str = ",".join(COLUMNS)) -> Path:
        path = tmp_path / name
        np.savetxt(path, rows, delimiter=",", header=header, comments="", fmt="%.6f")
        return path

    return write
