"""Breaks, the longest still bout, shifts over an hour, and the percentiles of a day's angles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import protocol
from gateway.core import Core, EpochOut, Thresholds
from gateway.core.stillness import breaks, longest_still_s, seconds_of
from gateway.lab.script import Body, Script, Segment

code = protocol.category


def _codes(*stretches: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.concatenate([np.full(seconds, told, dtype=np.int64) for told, seconds in stretches])


def test_breaks_are_movements_that_last() -> None:
    told = _codes(
        (code.UPRIGHT, 100), (code.MOVING, 14), (code.UPRIGHT, 60), (code.MOVING, 10), (code.UPRIGHT, 5),
        (code.MOVING, 10), (code.SLOUCHED, 6), (code.MOVING, 15),
    )  # fmt: skip
    assert breaks(told) == [(174, 199), (205, 220)]
    assert breaks(told[:0]) == []


def test_the_longest_still_bout_ends_with_shift_break_or_hole() -> None:
    still = _codes((code.UPRIGHT, 600), (code.LOST, 5), (code.SLOUCHED, 295))
    assert longest_still_s(still, {}) == 900
    assert longest_still_s(still, {300: 2}) == 570
    for told, seconds in ((code.MOVING, 15), (code.LOST, 6), (code.NOT_WORN, 60)):
        assert longest_still_s(np.concatenate((still, _codes((told, seconds)), still[:400])), {}) == 900
    assert longest_still_s(np.concatenate((still, _codes((code.MOVING, 14)), still[:400])), {}) == 1314
    assert longest_still_s(still[:0], {}) == 0


@given(
    st.lists(st.tuples(st.integers(0, code.COUNT - 1), st.integers(1, 90)), max_size=30),
    st.dictionaries(st.integers(0, 30).map(lambda m: 60 * m), st.integers(0, 3)),
)
def test_never_longer_than_what_was_seen_and_no_shorter_without_shifts(
    stretches: list[tuple[int, int]], shifts: dict[int, int]
) -> None:
    told = _codes(*stretches) if stretches else np.zeros(0, dtype=np.int64)
    with_shifts, without = longest_still_s(told, shifts), longest_still_s(told, {})
    assert 0 <= with_shifts <= without <= len(told)
    assert sum(end - start for start, end in breaks(told)) + without <= len(told)


def _epochs(script: Script) -> tuple[list[EpochOut], np.ndarray[Any, np.dtype[np.float64]]]:
    duration_s = float(script.duration_s or 0)
    t_s = np.arange(0, duration_s, 1 / 26)
    core = Core(Thresholds(), script.calibration())
    epochs = core.push(script.samples(t_s)).epochs + core.flush(int(duration_s) * 1000).epochs
    return epochs, script.angles(t_s)[0]


def _hour(seed: int) -> tuple[Script, list[float]]:
    """An hour of sitting with breathing, fidgets and about 36 shifts of 6.5 deg and more; when these are over."""
    rng = np.random.default_rng(seed)
    segments, times, at = [Segment(30, "sit", 0.0)], [], 30.0
    sagittal = lateral = 0.0
    while at < 3600:
        seconds = float(np.clip(70 * rng.lognormal(0, 0.7), 15, 400))
        step = float(rng.uniform(6.5, 18)) * (-1 if sagittal > 8 or (sagittal > -8 and rng.random() < 0.5) else 1)
        sagittal = sagittal + step if rng.random() < 0.8 else sagittal
        lateral = lateral if abs(sagittal - segments[-1].sagittal) > 1 else -np.sign(lateral + 0.1) * abs(step) / 2
        change = float(rng.uniform(0.7, 2.5))
        if max(abs(sagittal - segments[-1].sagittal), abs(lateral - segments[-1].lateral)) >= 6.5:
            times.append(at + change)
        segments.append(Segment(seconds, "sit", sagittal, float(lateral), change))
        at += seconds
    return Script(segments, Body(breath_deg=0.5, fidgets_per_hour=52), seed), times


@pytest.mark.parametrize("seed", [100, 101, 102])
def test_shifts_of_an_hour_are_found_and_fidgets_are_none(seed: int) -> None:
    script, times = _hour(seed)
    epochs, _ = _epochs(script)
    left, hit, extra = list(times), 0, 0
    for epoch in epochs:
        for _ in range(epoch.shifts):
            # Told 5 s after it is over.
            match = next((t for t in left if -60 < epoch.start_ms / 1000 - t <= 12), None)
            hit, extra = (hit + 1, extra) if match is not None else (hit, extra + 1)
            if match is not None:
                left.remove(match)
    assert len(times) >= 25
    assert 2 * hit / (2 * hit + len(left) + extra) >= 0.9


@pytest.mark.parametrize("seed", [100, 101])
def test_percentiles_over_two_second_means_are_those_of_the_samples(seed: int) -> None:
    script, _ = _hour(seed)
    epochs, sagittal = _epochs(script)
    means = np.array([mean for epoch in epochs for mean in epoch.sagittal if mean is not None])
    for share in (10, 50, 90):
        assert np.percentile(means, share) == pytest.approx(np.percentile(sagittal, share), abs=1)


def test_seconds_of_epochs_told_twice_and_with_a_hole(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    walk = poses.of(4.0, 58.4, shake_mg=160)
    told = core.push(poses.join(walk, poses.of(20.0, 62, start_s=58.4), poses.of(0.0, 61, start_s=7200))).epochs
    codes, shifts = seconds_of([*told[::-1]])
    assert len(codes) == 7260
    assert codes[59] == code.SLOUCHED
    assert (codes[125:7200] == code.LOST).all()
    assert sorted(shifts) == [0, 60, 7200]
    assert seconds_of([])[1] == {}
    assert longest_still_s(codes, shifts) == 31
