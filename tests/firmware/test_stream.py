"""From sensor samples to packets: what a decoder gets back, when packets close, and when the samples were."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip.protocol import stream
from firmware.clip.stream import HighPass, StreamBuilder
from firmware.clip.timebase import Timebase

ONE_G = 4098  # LSB at 0.244 mg


class Imu:
    acc_lsb_ug = 244
    gyro_lsb_udps = 70000
    rate_mhz = 104000
    saturated = 32760


class Still:
    """A fusion that has nothing to turn."""

    def __init__(self) -> None:
        self.w, self.x, self.y, self.z = 32768, 0, 0, 0
        self.settled = True

    def update(self, *raw: int) -> None:
        pass


@dataclass
class Sink:
    packets: list[bytes] = field(default_factory=list)
    seen: list[tuple[int, int]] = field(default_factory=list)

    def packet(self, buf: bytearray, length: int) -> None:
        self.packets.append(bytes(buf[:length]))

    def orientation(self, builder: StreamBuilder) -> None:
        self.seen.append((builder.high << 16 | builder.low, builder.acc_mg))

    @property
    def headers(self) -> list[tuple[int, int, int, int]]:
        return [stream.parse_header(packet) for packet in self.packets]

    @property
    def trailers(self) -> list[tuple[int, int, tuple[int, int, int, int, int]]]:
        """(clip second the trailer speaks for, packet's last ms, values)."""
        out = []
        for packet, (flags, n, _, t_ms) in zip(self.packets, self.headers, strict=True):
            if flags & stream.FLAG_TRAILER:
                last = t_ms + round((n - 1) * 1000 / 26)
                out.append((last // 1000 - 1, last, stream.parse_trailer(packet)))
        return out


def halves(ms: int) -> tuple[int, int]:
    """(low, high) of a clip time."""
    return ms & 0xFFFF, ms >> 16


def make(start_ms: int = 0) -> tuple[StreamBuilder, Sink]:
    sink = Sink()
    builder = StreamBuilder(Still(), Imu(), sink)
    builder.place(*halves(start_ms), 0)
    return builder, sink


def feed(builder: StreamBuilder, samples: int, acc: int = ONE_G, gyro: int = 0) -> None:
    for _ in range(samples):
        builder.sample(0, acc, 0, gyro, 0, 0)


def test_packets_close_after_400_ms_and_number_themselves() -> None:
    builder, sink = make()
    feed(builder, 104 * 10)
    assert all(n == 11 for _, n, _, _ in sink.headers)
    assert [seq for _, _, seq, _ in sink.headers] == list(range(len(sink.packets)))
    starts = [t_ms for _, _, _, t_ms in sink.headers]
    assert starts[0] == 38
    assert all(b - a in (422, 423, 424) for a, b in itertools.pairwise(starts))
    payload = sum(len(p) for p in sink.packets) - 6 * len(sink.trailers)
    assert payload / sum(n for _, n, _, _ in sink.headers) <= 8


@pytest.mark.parametrize("start", [0, 65_400, 2**30 - 500, 2**32 - 70_000])
def test_one_trailer_a_clip_second_over_every_wrap(start: int) -> None:
    builder, sink = make(start)
    feed(builder, 104 * 8)
    seconds = [second for second, _, _ in sink.trailers]
    first = start // 1000
    assert seconds == list(range(first, first + len(seconds)))
    assert len(seconds) >= 7
    assert all(last - (second + 1) * 1000 < 430 for second, last, _ in sink.trailers)


def test_a_change_of_the_motor_flag_closes_the_packet() -> None:
    builder, sink = make()
    feed(builder, 20)
    builder.held = builder.running = True
    feed(builder, 60)
    builder.running = False
    feed(builder, 60)
    builder.held = False
    feed(builder, 200)
    kinds = [bool(flags & stream.FLAG_MOTOR) for flags, _, _, _ in sink.headers]
    assert kinds == sorted(kinds[:1]) + [True] * sum(kinds) + [False] * (len(kinds) - 1 - sum(kinds))
    assert sum(n for flags, n, _, _ in sink.headers if flags & stream.FLAG_MOTOR) == 30
    assert next(values[3] for _, _, values in sink.trailers) == pytest.approx(60 * 100 / 104, abs=1)


def test_gap_and_unsettled_are_said_once() -> None:
    builder, sink = make()
    builder.gap = True
    builder.fusion.settled = False
    feed(builder, 44)
    builder.fusion.settled = True
    feed(builder, 44)
    flags = [flags for flags, _, _, _ in sink.headers]
    assert flags[0] & stream.FLAG_GAP
    assert flags[0] & stream.FLAG_UNSETTLED
    assert not flags[1] & (stream.FLAG_GAP | stream.FLAG_UNSETTLED)


@given(st.integers(1, stream.MAX_SAMPLES))
def test_a_small_mtu_makes_small_packets(most: int) -> None:
    builder, sink = make()
    builder.max_samples = most
    feed(builder, 300)
    assert max(n for _, n, _, _ in sink.headers) <= most
    assert max(map(len, sink.packets)) <= 8 + 7 * most + 6


@given(st.lists(st.integers(-30000, 30000), min_size=4, max_size=4))
def test_acceleration_is_averaged_over_four(axis: list[int]) -> None:
    builder, sink = make()
    for value in axis:
        builder.sample(value, 0, 0, 0, 0, 0)
    mean = sum(abs(v) for v in axis) / 4 * 0.244 - 1000
    assert sink.seen[0][1] == pytest.approx(mean, abs=3)


def test_rms_above_half_a_hertz_of_a_tone() -> None:
    for hz, gain in ((0.05, 0.1), (0.52, 0.707), (5.0, 0.995)):
        high_pass = HighPass()
        for i in range(104 * 60):
            high_pass.update(round(1000 * math.sin(2 * math.pi * hz * i / 104)), 0, 0)
            if i == 104 * 20:
                high_pass.take()
        assert high_pass.take() == pytest.approx(1000 * gain / math.sqrt(2), rel=0.06)


def test_trailer_values_have_their_units() -> None:
    builder, sink = make()
    builder.celsius = -7
    for i in range(104 * 30):
        wave = math.sin(2 * math.pi * 4 * i / 104)
        builder.sample(round(400 * wave), ONE_G, 0, round(2000 * wave), 0, 0 if i % 104 else 32767)
    gyro, acc, saturated, motor, celsius = sink.trailers[-1][2]
    assert gyro == pytest.approx(math.hypot(2000 * 0.7 / math.sqrt(2), 32767 * 0.7 / math.sqrt(104) * 0.25), rel=0.1)
    assert acc == pytest.approx(400 * 0.244 / math.sqrt(2), rel=0.08)
    assert (saturated, motor, celsius) == (1, 0, -7)


@given(
    rate=st.floats(99, 109),
    start=st.integers(0, 2**31),
    polls=st.lists(st.sampled_from([40, 40, 40, 40, 80, 160]), min_size=200, max_size=400),
)
def test_samples_are_placed_within_a_period_of_when_they_were(rate: float, start: int, polls: list[int]) -> None:
    sink = Sink()
    builder = StreamBuilder(Still(), Imu(), sink)
    timebase = Timebase(builder)
    now = start
    fed = 0
    for poll in polls:
        now += poll
        due = int((now - start) * rate / 1000)
        words = 2 * (due - fed)
        timebase.before(words, *halves(now))
        feed(builder, due - fed)
        fed = due
        assert timebase.after(words // 2, *halves(now))
        true_ms = start + fed * 1000 / rate
        given_ms = (builder.high << 16 | builder.low) + builder._us / 1000
        assert abs(given_ms - true_ms) <= 11
    if now - start > 21_000:
        assert builder.period_us == pytest.approx(1e6 / rate, rel=0.06)


def test_the_measured_period_settles() -> None:
    builder, _ = make()
    timebase = Timebase(builder)
    fed = 0
    for now in range(40, 200_000, 40):
        due = int(now * 101.3 / 1000)
        timebase.before(2 * (due - fed), *halves(now))
        feed(builder, due - fed)
        timebase.after(due - fed, *halves(now))
        fed = due
    assert builder.period_us == pytest.approx(1e6 / 101.3, rel=5e-4)


def test_a_long_silence_is_a_gap() -> None:
    builder, _ = make()
    timebase = Timebase(builder)
    timebase.before(8, *halves(1_000))
    feed(builder, 4)
    assert timebase.after(4, *halves(1_000))
    assert not timebase.after(0, *halves(2_000))
    timebase.before(8, *halves(2_040))
    feed(builder, 4)
    assert timebase.after(4, *halves(2_040))
    assert 2_020 <= builder.low <= 2_040
