"""A day through the core against the least that any program must do with it: quaternion to inclination in numpy."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from gateway.core import Calibration, Core, Samples, Thresholds

HOURS = 8
AT_MOST = 15
"""Times the plain conversion; measured 7 to 9 on an idle machine, so that only a real slip fails on a busy one."""


def _best(function: Callable[[], object], times: int = 3) -> float:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        took.append(time.perf_counter() - start)
    return min(took)


def _day(hours: float) -> Samples:
    t = np.arange(0, hours * 3600, 1 / 26)
    half = np.radians(10 + 8 * np.sin(t / 40) + 3 * np.sin(t / 7) + 0.2 * np.sin(1.6 * t)) / 2
    zero = np.zeros_like(half)
    quaternion = np.stack((np.cos(half), -np.sin(half), zero, zero), axis=1)
    return Samples(t * 1000, quaternion, 2 * np.sin(t), np.zeros(len(t), dtype=bool))


def _plain(quaternion: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> object:
    w, x, y, z = quaternion.T
    up = (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y))
    return np.degrees(np.arctan2(-up[1], up[2])), np.degrees(np.arcsin(np.clip(-up[0], -1, 1)))


CALIBRATION = Calibration(1, np.array([0.0, 0, 1]), np.array([0.0, 1, 0]))


def test_a_day_costs_a_small_multiple_of_plain_inclination(record_property: Callable[[str, object], None]) -> None:
    day = _day(HOURS)
    plain = _best(lambda: _plain(day.quaternion))
    core = _best(lambda: Core(Thresholds(), CALIBRATION).push(day))
    record_property("core_s", round(core, 3))
    record_property("ratio", round(core / plain, 1))
    print(f"{HOURS} h at 26 Hz: core {core:.3f} s, plain inclination {plain:.3f} s, ratio {core / plain:.1f}")
    assert core < AT_MOST * plain


def test_time_grows_with_the_length_and_no_faster() -> None:
    one, four = _day(2), _day(8)
    ratio = _best(lambda: Core(Thresholds(), CALIBRATION).push(four)) / _best(
        lambda: Core(Thresholds(), CALIBRATION).push(one)
    )
    assert ratio < 4 * 1.7


@pytest.mark.parametrize("packet", [10])
def test_a_live_stream_costs_little(packet: int) -> None:
    part = _day(0.05)
    core = Core(Thresholds(), CALIBRATION)
    start = time.perf_counter()
    for k in range(0, len(part.t_ms), packet):
        s = slice(k, k + packet)
        core.push(Samples(part.t_ms[s], part.quaternion[s], part.acc_mg[s], part.held[s]))
    took = time.perf_counter() - start
    print(f"180 s in packets of {packet}: {took:.2f} s, {180 / took:.0f} live streams on one core")
    assert 180 / took > 20
