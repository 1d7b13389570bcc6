"""The arithmetic from fusion to packet fits the small int of a 32-bit board: stream, trailer, clock of the samples."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware.clip.protocol import stream
from firmware.clip.stream import HighPass, StreamBuilder
from firmware.clip.timebase import Timebase
from tests.plugins.narrow import SMALL, Small, narrow

FULL = 32768
Sample = tuple[int, int, int, int, int, int]


class Imu:
    acc_lsb_ug = 244
    gyro_lsb_udps = 70000
    rate_mhz = 104000
    saturated = 32760


class Turning:
    """A fusion that gives out any quaternion."""

    def __init__(self) -> None:
        self.w, self.x, self.y, self.z = Small(FULL), Small(0), Small(0), Small(0)
        self.settled = True

    def update(self, *_: int) -> None:
        self.w, self.x, self.y, self.z = self.z, self.w, self.x, self.y


class Sink:
    def __init__(self) -> None:
        self.packets = 0

    def packet(self, buf: bytearray, length: int) -> None:
        stream.parse_header(bytes(buf[:length]))
        self.packets += 1

    def orientation(self, builder: StreamBuilder) -> None:
        assert -SMALL <= builder.acc_mg < SMALL


def checked() -> tuple[StreamBuilder, Timebase, Sink]:
    """A builder and its clock, all of whose numbers are Small."""
    sink = Sink()
    builder = StreamBuilder(Turning(), Imu(), sink)
    timebase = Timebase(builder)
    narrow(builder, builder._gyro, builder._acc, timebase)
    return builder, timebase, sink


axis = st.one_of(st.sampled_from([-32768, 32767, 0, 1, -1, 4098]), st.integers(-32768, 32767))
samples = st.tuples(axis, axis, axis, axis, axis, axis)
ROUND = 20 << 16  # ms after which the low half of the time has come round to where it was, often
# What happens in one poll: ms since the one before, samples that came, all like this or with the sign flipping.
polls = st.tuples(
    st.sampled_from([40, 40, 40, 80, 199, 1000, 40_000, ROUND]), st.integers(0, 60), samples, st.booleans()
)
starts = st.one_of(
    st.integers(0, 1 << 34), st.sampled_from([0, (1 << 30) - 200, (1 << 31) - 200, (1 << 32) - 200, (1 << 40) - 200])
)


@given(start=starts, motion=st.lists(polls, min_size=1, max_size=20))
@example(start=(1 << 32) - 1, motion=[(40, 4, (32767,) * 6, True)] * 600)
@example(start=0, motion=[(199, 1, (-32768,) * 6, True)] * 600)
@example(start=0, motion=[(40, 4, (0,) * 6, False), (40 + ROUND, 4, (0,) * 6, False)])
@settings(max_examples=40)
def test_every_number_is_small(start: int, motion: list[tuple[int, int, Sample, bool]]) -> None:
    builder, timebase, sink = checked()
    now = start
    sign = 1
    for passed, count, sample, flip in motion:
        now += passed
        low, high = Small(now & 0xFFFF), Small(now >> 16)
        timebase.before(Small(2 * count), low, high)
        for _ in range(count):
            builder.sample(*(Small(max(-FULL, min(FULL - 1, v * sign))) for v in sample))
            sign = -sign if flip else sign
        if not timebase.after(Small(count), low, high):
            builder.close()
            builder.gap = True
            timebase.restart()
        for part in (builder, builder._gyro, builder._acc, timebase):
            assert all(-SMALL <= value < SMALL for value in vars(part).values() if isinstance(value, int))
    assert sink.packets or sum(count for _, count, _, _ in motion) < 64


@given(mg=st.integers(-70_000, 70_000))
def test_companding_stays_small(mg: int) -> None:
    assert -128 <= stream.compand(Small(mg)) <= 127


@given(rms=st.integers(0, 100_000))
def test_the_trailers_logarithm_stays_small(rms: int) -> None:
    assert 0 <= stream.log_code(Small(rms)) <= 255


@given(st.lists(st.integers(-FULL, FULL), min_size=4, max_size=4))
def test_a_quaternion_of_any_norm_is_packed_in_small_numbers(quaternion: list[int]) -> None:
    w, x, y, z = map(Small, quaternion)
    stream.pack_sample(bytearray(7), 0, w, x, y, z, Small(0))


@pytest.mark.parametrize("flip", [1, -1])
def test_rms_of_a_minute_without_a_second_stays_small(flip: int) -> None:
    """Seconds can be long: when samples are missing, the one that was cut goes on in the next."""
    high_pass = HighPass()
    narrow(high_pass)
    value = 32767
    for _ in range(104 * 60):
        high_pass.update(Small(value), Small(-value), Small(value))
        value *= flip
    assert 0 <= high_pass.take() < 1 << 14
