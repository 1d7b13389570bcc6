"""However the stream is cut, and wherever the core is put away and taken up again, the same comes out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import Core, Judgements, Output, Samples, SnapshotError, Thresholds, Trailer

Step = tuple[str, Any]


def _stream(poses: Any) -> Samples:
    """Slouches, a lean, walking, a desk, gaps of every kind, the motor, and a slouch found late, 8 minutes in all."""
    samples = poses.join(
        poses.sequence((0, 22), (20, 31.3), (3, 8), (-20, 9), (8, 6), (11, 25), start_s=30.1),
        poses.of(12, 14, start_s=131.4, shake_mg=150),
        poses.of(25, 20, start_s=145.4),
        poses.of(30, 85, start_s=165.4, breath_deg=0.0),
        poses.sequence((0, 20), (65, 14), (0, 30), start_s=250.4),
        poses.of(15, 40, start_s=314.4, lateral=lambda t: t - 15),
        poses.sequence((14, 20), (2, 15), start_s=600.0),
        poses.of(12, 23.6, start_s=635.0, shake_mg=150),
        poses.of(lambda t: np.where(t > 20, 18 + 60 * np.sin(np.pi * (t - 20) / 5) ** 2, 18), 25, start_s=658.6),
        poses.sequence((18, 15), (1, 30), start_s=683.6),
    )
    samples = poses.hold(samples, 58, 60.5)
    t = samples.t_ms / 1000
    keep = ~(((t > 70) & (t < 70.7)) | ((t > 75) & (t < 78.2)) | ((t > 110.1) & (t < 110.4)))
    return Samples(t[keep] * 1000, samples.quaternion[keep], samples.acc_mg[keep], samples.held[keep])


def _trailers(samples: Samples) -> list[Trailer]:
    return [
        Trailer(t_ms=float(t), gyro_rms_dps=0, acc_rms_mg=0, saturated=0, celsius=25 + int(t) // 60_000)
        for t in samples.t_ms[25::26]
    ]


def _feed(core: Core, stream: tuple[Samples, list[Trailer]], out: Output, begin: int, end: int) -> None:
    samples, trailers = stream
    s = slice(begin, end)
    part = Samples(samples.t_ms[s], samples.quaternion[s], samples.acc_mg[s], samples.held[s])
    first = samples.t_ms[begin] if begin else -1
    last = samples.t_ms[end] if end < len(samples.t_ms) else np.inf
    told = core.push(part, [trailer for trailer in trailers if first <= trailer.t_ms < last])
    out.epochs += told.epochs
    out.episodes += told.episodes
    out.judgements = Judgements.joined((out.judgements.columns, told.judgements.columns))


@settings(max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 11_600), max_size=40),
    restore=st.sets(st.integers(0, 40), max_size=5),
    change=st.integers(100, 8000),
)
def test_same_output_for_any_cuts(poses: Any, cuts: list[int], restore: set[int], change: int) -> None:
    samples = _stream(poses)
    trailers = _trailers(samples)
    thresholds = Thresholds(plan_version=1)
    changed = replace(thresholds, plan_version=2, angle_deg=13.0)

    def run(edges: list[int], put_away: set[int]) -> tuple[Output, bytes]:
        core, out = Core(thresholds, poses.calibration), Output()
        for k, (begin, end) in enumerate(pairwise(edges)):
            _feed(core, (samples, trailers), out, begin, end)
            if end == change:
                core.set_thresholds(changed)
                core.set_paused(True)
            if end == min(change + 300, len(samples.t_ms) - 1):
                core.set_paused(False)
                core.set_calibration(replace(poses.calibration, version=9))
            if k in put_away:
                core = Core.restore(core.snapshot())
        return out, core.snapshot()

    n = len(samples.t_ms)
    fixed = {0, n, change, min(change + 300, n - 1)}
    expected, expected_end = run(sorted(fixed), set())
    got, got_end = run(sorted(fixed | {c for c in cuts if c < n}), restore)
    assert got.epochs == expected.epochs
    assert got.episodes == expected.episodes
    assert list(got.judgements) == list(expected.judgements)
    assert got_end == expected_end
    assert len(expected.epochs) >= 6
    assert len(expected.episodes) >= 3
    assert (600_000, 2) in [(epoch.start_ms, epoch.rev) for epoch in expected.epochs]


def test_every_sample_by_itself(poses: Any) -> None:
    samples = poses.sequence((0, 20), (20, 30), (0, 25))
    whole, single = Core(Thresholds(), poses.calibration), Core(Thresholds(), poses.calibration)
    expected = whole.push(samples)
    got = Output()
    for k in range(len(samples.t_ms)):
        _feed(single, (samples, []), got, k, k + 1)
    assert (got.epochs, got.episodes) == (expected.epochs, expected.episodes)
    assert list(got.judgements) == list(expected.judgements)
    assert single.snapshot() == whole.snapshot()


def test_a_late_double_or_broken_sample_changes_nothing_and_is_counted(poses: Any) -> None:
    samples = poses.sequence((0, 30), (20, 45))
    order = np.arange(len(samples.t_ms)).tolist()
    order[500:500] = [470, 471, 499, 499]
    doubled = Samples(samples.t_ms[order], samples.quaternion[order], samples.acc_mg[order], samples.held[order])
    broken = np.isin(np.arange(len(order)), [900, 901])
    doubled = replace(doubled, acc_mg=np.where(broken, np.nan, doubled.acc_mg))
    clean = np.ones(len(samples.t_ms), dtype=bool)
    clean[[896, 897]] = False
    core, other = Core(Thresholds(), poses.calibration), Core(Thresholds(), poses.calibration)
    got = core.push(doubled)
    expected = other.push(
        Samples(samples.t_ms[clean], samples.quaternion[clean], samples.acc_mg[clean], samples.held[clean])
    )
    assert got.epochs == expected.epochs
    assert core.dropped == 6


@pytest.mark.parametrize("bad", [b"", b"{}", b"[]", b"\xff", b'{"snapshot": 99}', b'{"snapshot": 2}'])
def test_restore_refuses_what_is_no_snapshot(bad: bytes) -> None:
    with pytest.raises(SnapshotError):
        Core.restore(bad)


def test_restore_refuses_a_cut_snapshot(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    core.push(poses.of(0, 5))
    with pytest.raises(SnapshotError):
        Core.restore(core.snapshot()[:-20])
