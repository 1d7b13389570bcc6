"""A day through the core against the least that any program must do with it: quaternion to inclination in numpy.

Time is the processor's, and the least of many turns, so that a busy machine does not fail what is not slow.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.core import Calibration, Core, Samples, Thresholds

HOURS: Final = 8.0
AT_MOST: Final = 10.0
"""Times the plain conversion."""
DAYS: Final = (1, 2, 4, 8)
DAY_MINUTES: Final = 30
"""A day cut short, so that eight of them are soon over."""
STREAMS: Final = 100
PACKET: Final = 10
CALIBRATION: Final = Calibration(1, np.array([0.0, 0, 1]), np.array([0.0, 1, 0]))

Floats = NDArray[np.float64]
Record = Callable[[str, object], None]


def _took(function: Callable[[], object]) -> float:
    """Processor seconds, without those in which the garbage of the tests before is looked through."""
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        function()
        return time.process_time() - start
    finally:
        gc.enable()


def _least(*functions: Callable[[], object], times: int) -> list[float]:
    """The least that each took, measured by turns, after a first turn that does not count."""
    for function in functions:
        function()
    turns = [[_took(function) for function in functions] for _ in range(times)]
    return [min(took) for took in zip(*turns, strict=True)]


def _day(hours: float, start_s: float = 0.0) -> Samples:
    """Sitting that sways, breathes and now and then slouches, with a walk of two minutes every half hour."""
    t = start_s + np.arange(0, hours * 3600, 1 / 26)
    half = np.radians(10 + 8 * np.sin(t / 40) + 3 * np.sin(t / 7) + 0.2 * np.sin(1.6 * t)) / 2
    zero = np.zeros_like(half)
    quaternion = np.stack((np.cos(half), -np.sin(half), zero, zero), axis=1)
    walking = t % 1800 < 120
    acc = 2 * np.sin(t) + walking * 220 * np.sin(2 * np.pi * 1.9 * t)
    return Samples(t * 1000, quaternion, acc, np.zeros(len(t), dtype=bool))


def _part(samples: Samples, part: slice) -> Samples:
    return Samples(samples.t_ms[part], samples.quaternion[part], samples.acc_mg[part], samples.held[part])


def _plain(quaternion: Floats) -> object:
    w, x, y, z = quaternion.T
    up = (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y))
    return np.degrees(np.arctan2(-up[1], up[2])), np.degrees(np.arcsin(np.clip(-up[0], -1, 1)))


def _core() -> Core:
    return Core(Thresholds(), CALIBRATION)


def test_a_day_costs_a_small_multiple_of_plain_inclination(record_property: Record) -> None:
    day = _day(HOURS)
    core, plain = _least(lambda: _core().push(day), lambda: _plain(day.quaternion), times=15)
    record_property("core_s", round(core, 3))
    record_property("ratio", round(core / plain, 1))
    print(f"{HOURS:g} h at 26 Hz: core {core:.3f} s, plain inclination {plain:.3f} s, ratio {core / plain:.1f}")
    assert core <= AT_MOST * plain


def test_a_day_beside_a_fusion_in_real_time(record_property: Record) -> None:
    """The core's day beside the same day through VQF's real-time filter in C++, gyroscope and accelerometer alone."""
    vqf = pytest.importorskip("vqf")
    day = _day(HOURS)
    n = len(day.t_ms)
    gyro, acc = np.zeros((n, 3)), np.tile([0.0, 0.0, 9.81], (n, 1))
    core, fusion = _least(lambda: _core().push(day), lambda: vqf.VQF(1 / 26).updateBatch(gyro, acc), times=3)
    record_property("vqf_s", round(fusion, 3))
    print(f"{HOURS:g} h at 26 Hz: core {core:.3f} s, VQF in real time {fusion:.3f} s")
    assert fusion > 0


def _fed(days: int) -> Core:
    core = _core()
    for day in range(days):
        core.push(_day(DAY_MINUTES / 60, day * DAY_MINUTES * 60.0))
    return core


def test_time_grows_with_the_days_and_no_faster(record_property: Record) -> None:
    took = _least(*(partial(_fed, days) for days in DAYS), times=5)
    per_day = [seconds / days for seconds, days in zip(took, DAYS, strict=True)]
    record_property("per_day", [round(seconds, 4) for seconds in per_day])
    print("a day of 1, 2, 4, 8:", " ".join(f"{seconds * 1000:.1f}" for seconds in per_day), "ms")
    assert max(per_day[1:]) < 1.3 * per_day[0]


def test_memory_does_not_grow_with_the_days(record_property: Record) -> None:
    _fed(1)
    kept = []
    for days in DAYS:
        gc.collect()
        tracemalloc.start()
        core = _fed(days)
        gc.collect()
        kept.append((tracemalloc.get_traced_memory()[0], len(core.snapshot())))
        tracemalloc.stop()
    record_property("kept_bytes", kept)
    print("bytes kept and in the snapshot after 1, 2, 4, 8 days:", kept)
    for column in zip(*kept, strict=True):
        assert max(column) < 1.2 * column[0] + 4096


def test_a_hundred_live_streams_on_one_core(record_property: Record) -> None:
    """Each in packets as they come, told minute by minute."""
    seconds = 65
    stream = _day(seconds / 3600)
    cores = [_core() for _ in range(STREAMS // 10)]
    parts = [_part(stream, slice(k, k + PACKET)) for k in range(0, len(stream.t_ms), PACKET)]

    def live() -> None:
        for part in parts:
            for core in cores:
                core.push(part)

    share = _took(live) / seconds * STREAMS / len(cores)
    record_property("share_of_a_core", round(share, 3))
    print(f"{STREAMS} live streams in packets of {PACKET}: {share:.2f} s a second of one core")
    assert share < 1
