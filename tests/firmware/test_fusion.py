"""The clip's fusion as a filter: what it says of motions that are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware.clip.fusion import LAG_US, Fusion
from gateway.lab.orientation import angle_deg, quantise, up_in_sensor

Array = NDArray[np.float64]
ACC = 244
GYRO = 70_000
FINE_HZ = 800


def _turned(v: Array, turn: Array) -> Array:
    """Components of the fixed vector v in a frame that has turned by `turn` (rad, in its own axes)."""
    a = float(np.linalg.norm(turn))
    if a == 0.0:
        return v
    n = turn / a
    back: Array = v * math.cos(a) - np.cross(n, v) * math.sin(a) + n * (n @ v) * (1 - math.cos(a))
    return back


def motion(
    rates_dps: Callable[[Array], Array], rate_hz: float, seconds: float, start: tuple[float, float, float] = (0, 0, 1)
) -> tuple[Array, Array, Array]:
    """(rates (N, 3) deg/s, up (N, 3), up LAG_US later (N, 3)) at the N sample times of a motion that begins with up at
    `start`."""
    n = round(seconds * rate_hz)
    fine = np.arange(round((seconds + 0.1) * FINE_HZ))
    steps = np.radians(rates_dps((fine + 0.5) / FINE_HZ)) / FINE_HZ
    ups = np.empty((len(fine) + 1, 3))
    ups[0] = np.array(start) / np.linalg.norm(start)
    for i in range(len(fine)):
        ups[i + 1] = _turned(ups[i], steps[i])
    t = np.arange(n) / rate_hz

    def at(when: Array) -> Array:
        return np.stack([np.interp(when, np.arange(len(ups)) / FINE_HZ, ups[:, k]) for k in range(3)], axis=1)

    return rates_dps(t), at(t), at(t + LAG_US / 1e6)


def up_of(f: Fusion) -> Array:
    """Up in the sensor's axes (3,), as the fusion has it."""
    return up_in_sensor(np.array([f.w, f.x, f.y, f.z], float))


def run(f: Fusion, acc_g: Array, gyro_dps: Array, acc_lsb_ug: int = ACC, gyro_lsb_udps: int = GYRO) -> Array:
    """Feed the fusion; up (N, 3) after every sample."""
    out = np.empty((len(acc_g), 4))
    counts = np.hstack((quantise(acc_g, acc_lsb_ug / 1e6), quantise(gyro_dps, gyro_lsb_udps / 1e6)))
    for i, (ax, ay, az, gx, gy, gz) in enumerate(counts.tolist()):
        f.update(ax, ay, az, gx, gy, gz)
        out[i] = f.w, f.x, f.y, f.z
    return up_in_sensor(out)


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: sum(c * c for c in v) > 0.01)


def bow(t: Array, lean_deg: float, from_s: float, over_s: float) -> Array:
    """Rates (N, 3) of one smooth bow about y."""
    x = np.clip((t - from_s) / over_s, 0, 1)
    inside = (x > 0) & (x < 1)
    out = np.zeros((len(t), 3))
    out[:, 1] = np.where(inside, lean_deg * np.pi / 2 / over_s * np.sin(np.pi * x), 0.0)
    return out


@settings(max_examples=30)
@given(
    up=directions, rate=st.sampled_from([10_000, 26_000, 104_000, 1_000_000]), acc=st.sampled_from([61, 122, 244, 488])
)
def test_stands_up_with_the_first_sample_and_stays(up: tuple[float, float, float], rate: int, acc: int) -> None:
    a, b, c = (round(v / np.linalg.norm(up) * 1e6 / acc) for v in up)
    true = np.array([a, b, c]) / math.sqrt(a * a + b * b + c * c)
    f = Fusion(rate, acc, GYRO)
    f.update(a, b, c, 0, 0, 0)
    assert angle_deg(up_of(f), true) < 0.03
    for _ in range(300):
        f.update(a, b, c, 0, 0, 0)
    assert angle_deg(up_of(f), true) < 0.02


def test_upright_is_the_identity() -> None:
    f = Fusion(104_000, ACC, GYRO)
    f.update(0, 0, 4098, 0, 0, 0)
    assert (f.w, f.x, f.y, f.z) == (32768, 0, 0, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("rate_hz", [26, 104, 416])
def test_turns_the_right_way(axis: int, sign: int, rate_hz: int) -> None:
    """A quarter turn within a second; around z only the quaternion shows it."""

    def rates(t: Array) -> Array:
        return np.roll(bow(t, sign * 90.0, 1, 1), axis - 1, axis=1)

    gyro, up, _ = motion(rates, rate_hz, 3)
    f = Fusion(rate_hz * 1000, ACC, GYRO)
    got = run(f, up, gyro)
    assert angle_deg(got[-1], up[-1]) < 0.5
    angle = math.degrees(2 * math.atan2((f.x, f.y, f.z)[axis], f.w))
    assert angle == pytest.approx(sign * 90.0, abs=0.5)


@given(
    rate_hz=st.sampled_from([25, 52, 104, 286, 1000]),
    seed=st.integers(0, 2**32 - 1),
    ranges=st.sampled_from([(61, 8750), (122, 17_500), (244, 35_000), (244, 70_000), (488, 70_000)]),
)
@settings(max_examples=12)
def test_follows_swaying_at_any_rate_and_range(rate_hz: int, seed: int, ranges: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    hz, phase, size = rng.uniform(0.2, 1.2, 3), rng.uniform(0, 6.28, 3), rng.uniform(-200, 200, 3)
    gyro, up, later = motion(
        lambda t: size * np.sin(6.28 * hz * t[:, None] + phase), rate_hz, 8, tuple(rng.normal(size=3))
    )
    got = run(Fusion(rate_hz * 1000, *ranges), up, gyro, *ranges)
    # Above 430 Hz the lead is one and a half samples.
    true = later if rate_hz < 430 else up + (later - up) * (1.5 / rate_hz / 0.0035)
    assert angle_deg(got, true)[2 * rate_hz :].max() < 0.6


def test_shaking_does_not_tilt() -> None:
    """Pushes of 0.5 g to and fro at 1 Hz, upright: the accelerometer alone would swing by 27 degrees."""
    t = np.arange(30 * 104) / 104
    acc = np.stack([0.5 * np.sin(2 * np.pi * t), np.zeros_like(t), np.ones_like(t)], axis=1)
    got = run(Fusion(104_000, ACC, GYRO), acc, np.zeros((len(t), 3)))
    assert angle_deg(got, np.array([0.0, 0.0, 1.0]))[6 * 104 :].max() < 2.0


@pytest.mark.parametrize("lean", [-40.0, -15.0, 15.0, 40.0])
@pytest.mark.parametrize("rate_hz", [26, 104])
def test_scale_and_bias_errors_cost_little_after_rest(lean: float, rate_hz: int) -> None:
    """2 % and 2 deg/s, against the reference that was calibrated with the same errors."""
    gyro, up, _ = motion(lambda t: bow(t, lean, 35, 1.5), rate_hz, 60)
    rng = np.random.default_rng(3)
    gyro = gyro * np.array([1.02, 0.98, 1.02]) + np.array([2.0, -2.0, 2.0]) + rng.normal(0, 0.05, gyro.shape)
    acc = up * np.array([1.02, 1.02, 1.02]) + rng.normal(0, 0.001, up.shape)
    f = Fusion(rate_hz * 1000, ACC, GYRO)
    got = run(f, acc, gyro)
    reference = got[30 * rate_hz : 34 * rate_hz].mean(axis=0)
    said = np.degrees(np.arctan2(got[:, 0], got[:, 2]) - math.atan2(reference[0], reference[2]))
    off = np.abs(np.abs(said) - abs(lean))
    assert off[37 * rate_hz :].max() < 0.5 + 0.02 * abs(lean) - 0.3  # the gyroscope's 2 % of the bow, at once
    assert off[43 * rate_hz :].max() < 0.2  # gone with the filter's time constant


@pytest.mark.parametrize("over_s", [5.0, 20.0, 60.0])
def test_a_slow_slouch_is_not_learnt_as_bias(over_s: float) -> None:
    gyro, up, later = motion(lambda t: bow(t, 20, 60, over_s), 104, 90 + over_s)
    rng = np.random.default_rng(4)
    got = run(
        Fusion(104_000, ACC, GYRO), up + rng.normal(0, 0.001, up.shape), gyro + rng.normal(0, 0.05, gyro.shape) + 0.4
    )
    assert angle_deg(got, later)[10 * 104 :].max() < 0.4


def turning(rate_dps: float, from_s: float, to_s: float, lean: float) -> tuple[Array, Array, Array]:
    """A chair that turns evenly, and a bow to `lean` at its end; 104 Hz, with noise."""

    def rates(t: Array) -> Array:
        return bow(t, lean, to_s, 1.5)

    gyro, up, later = motion(rates, 104, to_s + 10)
    t = np.arange(len(gyro)) / 104
    gyro = gyro + up * np.where((t >= from_s) & (t < to_s), rate_dps, 0.0)[:, None]
    rng = np.random.default_rng(100)
    return gyro + rng.normal(0, 0.03, gyro.shape), up + rng.normal(0, 0.0005, up.shape), later


@pytest.mark.parametrize("rate_dps", [-3.5, 1.0, 2.0, 3.5])
def test_a_slowly_turning_chair_is_not_learnt_as_bias(rate_dps: float) -> None:
    """For 8 s, after half a minute at a desk. Taken for bias, it would tip the bow that follows by degrees."""
    gyro, up, later = turning(rate_dps, 30, 38, 35.0)
    got = run(Fusion(104_000, ACC, GYRO), up, gyro)
    assert angle_deg(got, later)[38 * 104 :].max() < 0.5


@pytest.mark.parametrize("jump_dps", [-2.0, 0.3, 2.0])
def test_a_bias_that_jumped_is_right_after_half_a_minute_of_rest(jump_dps: float) -> None:
    gyro, up, later = turning(0.0, 0, 50, 35.0)
    gyro[20 * 104 :] += np.array([jump_dps, -jump_dps, jump_dps])
    got = run(Fusion(104_000, ACC, GYRO), up, gyro)
    assert angle_deg(got, later)[50 * 104 :].max() < 0.5


@settings(max_examples=6)
@given(
    rate_hz=st.sampled_from([26, 52, 104, 208]),
    seed=st.integers(0, 2**32 - 1),
    size=st.floats(10, 80),
    bias=st.floats(-1.5, 1.5),
    scale=st.floats(0.995, 1.005),
)
def test_moving_anyhow_after_rest(rate_hz: int, seed: int, size: float, bias: float, scale: float) -> None:
    """Rest, then smooth turns about all axes and pushes, by a sensor with bias, scale error and noise."""
    rng = np.random.default_rng(seed)
    hz, phase = rng.uniform(0.1, 0.8, (4, 3)), rng.uniform(0, 6.28, (4, 3))
    part = rng.normal(0, size / 2, (4, 3))

    def rates(t: Array) -> Array:
        turns = part[:, None] * np.sin(6.28 * hz[:, None] * t[None, :, None] + phase[:, None])
        return np.asarray(turns.sum(axis=0) * np.clip(t - 8, 0, 1)[:, None])

    gyro, up, later = motion(rates, rate_hz, 24, tuple(rng.normal(size=3)))
    t = np.arange(len(gyro)) / rate_hz
    push = 0.001 * size * np.sin(6.28 * rng.uniform(0.5, 3, 3) * t[:, None]) * np.clip(t - 8, 0, 1)[:, None]
    noise = math.sqrt(rate_hz / 2)
    got = run(
        Fusion(rate_hz * 1000, ACC, GYRO),
        up + push + rng.normal(0, 70e-6 * noise, up.shape),
        gyro * scale + bias + rng.normal(0, 3.8e-3 * noise, gyro.shape),
    )
    off = angle_deg(got, later)[8 * rate_hz :]
    assert math.sqrt(float((off**2).mean())) < 0.25 + 0.012 * size


def test_the_bias_is_learnt_in_motion() -> None:
    """Never at rest: a bias of 1 deg/s, which costs about 3 degrees when nothing is learnt."""
    hz, phase = np.array([0.31, 0.43, 0.57]), np.array([0.0, 1.0, 2.0])
    gyro, up, later = motion(lambda t: 60 * np.sin(6.28 * hz * t[:, None] + phase), 52, 120)
    got = run(Fusion(52_000, ACC, GYRO), up, gyro + np.array([1.0, -1.0, 1.0]))
    off = angle_deg(got, later)
    assert off[: 10 * 52].max() > 1.5
    assert off[-40 * 52 :].max() < 0.8


@pytest.mark.parametrize("rate_hz", [26, 104])
def test_the_filter_fills_anew_when_the_bias_is_learnt(rate_hz: int) -> None:
    """Still from the start, with 2.5 deg/s of bias: once settled for good, the orientation is right."""
    f = Fusion(rate_hz * 1000, ACC, GYRO)
    seen = []
    for _ in range(7 * rate_hz):
        f.update(0, 0, 4098, 20, -29, 3)
        seen.append(f.settled)
    last = len(seen) - seen[::-1].index(False)
    assert 3 * rate_hz <= last <= 5.5 * rate_hz
    f.reset()
    for _ in range(last + 1):
        f.update(0, 0, 4098, 20, -29, 3)
    assert f.settled
    assert angle_deg(up_of(f), np.array([0.0, 0.0, 1.0])) < 0.3
    f.reset()
    assert not f.settled


def test_reset_is_as_new() -> None:
    rng = np.random.default_rng(5)
    samples = rng.integers(-3000, 3000, (400, 6)).tolist()
    one, two = Fusion(52_000, ACC, GYRO), Fusion(52_000, ACC, GYRO)
    for s in samples:
        one.update(*s)
    one.reset()
    for s in samples:
        one.update(*s)
        two.update(*s)
    assert (one.w, one.x, one.y, one.z, one.settled) == (two.w, two.x, two.y, two.z, two.settled)


def test_waits_for_weight() -> None:
    """Silent or falling sensors say nothing of up; the first sample with weight does."""
    f = Fusion(104_000, ACC, GYRO)
    for _ in range(50):
        f.update(0, 0, 0, 5, 5, 5)
    assert (f.w, f.x, f.y, f.z) == (32768, 0, 0, 0)
    f.update(0, -4098, 0, 0, 0, 0)
    assert angle_deg(up_of(f), np.array([0.0, -1.0, 0.0])) < 0.03


def test_gets_up_after_the_sensor_was_turned_while_it_was_silent() -> None:
    """Upside down without a gyroscope sample: within seconds the quaternion follows the weight."""
    f = Fusion(104_000, ACC, GYRO)
    for _ in range(500):
        f.update(0, 0, 4098, 0, 0, 0)
    for _ in range(30 * 104):
        f.update(0, 0, -4098, 0, 0, 0)
    assert angle_deg(up_of(f), np.array([0.0, 0.0, -1.0])) < 0.5


@given(st.lists(st.tuples(*[st.integers(-32768, 32767)] * 6), min_size=1, max_size=80), st.integers(1, 60))
def test_the_norm_holds(samples: list[tuple[int, int, int, int, int, int]], repeat: int) -> None:
    f = Fusion(104_000, ACC, GYRO)
    for s in samples:
        for _ in range(repeat):
            f.update(*s)
            assert abs(math.sqrt(f.w**2 + f.x**2 + f.y**2 + f.z**2) - 32768) < 200


@pytest.mark.parametrize(
    "arguments",
    [
        (9_999, 244, 70_000),
        (1_000_001, 244, 70_000),
        (104_000, 9, 70_000),
        (104_000, 501, 70_000),
        (104_000, 244, 999),
        (104_000, 244, 150_001),
    ],
)
def test_refuses_what_it_cannot_scale(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="udps"):
        Fusion(*arguments)


def test_forgets_faster_when_the_gyroscope_was_cut() -> None:
    """A jerk of 5,000 deg/s for 30 ms, of which a range of 2,000 shows less than half."""

    def rates(t: Array) -> Array:
        out = np.zeros((len(t), 3))
        out[(t >= 8) & (t < 8.03), 0] = 5000.0
        return out

    gyro, up, _ = motion(rates, 104, 10.5)
    f = Fusion(104_000, ACC, GYRO)
    got = run(f, up, gyro)
    off = angle_deg(got, up)
    lost = off[round(8.1 * 104)]
    assert lost > 40
    assert not f.settled
    assert off[9 * 104] < 0.4 * lost  # the low-pass alone would need three seconds
    assert off[-1] < 0.15 * lost
