"""The hot path allocates nothing, on 64 bits and on 32, and makes the same packets everywhere."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from firmware.clip.protocol import stream

SAMPLES = 10_400
TICK_MS = 40
GYRO, ACC, TEMPERATURE = 1, 2, 3  # tags of the sensor's FIFO
Axes = tuple[int, int, int]


def motion(k: int, rng: random.Random) -> tuple[Axes, Axes]:
    """(rates, accelerations) of sample k in raw LSB: rest, leaning, shaking, white noise, and rail to rail."""
    t = k / 104
    phase = int(t / 7) % 5
    if phase == 1:
        lean = math.sin(t) / 2
        return (round(math.cos(t) * 409), 0, round(150 * math.sin(9 * t))), (
            0,
            round(4098 * math.cos(lean)),
            round(-4098 * math.sin(lean)),
        )
    if phase == 2:
        shake = round(9000 * math.sin(30 * t))
        return (shake * 3, -shake, 700), (shake, 4098 - shake, shake // 3)
    if phase == 3:
        any_axes = [rng.randint(-32768, 32767) for _ in range(6)]
        return (any_axes[0], any_axes[1], any_axes[2]), (any_axes[3], any_axes[4], any_axes[5])
    if phase == 4:
        rail = [rng.choice((-32768, 32767)) for _ in range(6)]
        return (rail[0], rail[1], rail[2]), (rail[3], rail[4], rail[5])
    rest = [rng.randint(-5, 5) for _ in range(5)]
    return (20 + rest[0], rest[1] - 11, rest[2]), (rest[3], 4098, rest[4])


def words(rng: random.Random) -> Iterator[bytes]:
    """Each sample's FIFO words: two, with a temperature now and then, and at times one that is missing."""
    for k in range(SAMPLES):
        slot = (k & 3) << 1
        rates, accelerations = motion(k, rng)
        sample = struct.pack("<B3hB3h", GYRO << 3 | slot, *rates, ACC << 3 | slot, *accelerations)
        if k % 65 == 7:
            sample += struct.pack("<B3h", TEMPERATURE << 3 | slot, rng.randint(-128, 127) << 8, 0, 0)
        yield sample[7:] if k % 1009 == 500 else sample


def recording(start_ms: int) -> dict[str, Any]:
    """What programs/allocation.py passes by: a poll each 40 ms, some late, one so late that samples are missing."""
    rng = random.Random(5)
    fifo = list(words(rng))
    polls = bytearray()
    at = 4
    now_ms = 0
    while at < len(fifo):
        gap_ms = 1000 if len(polls) == 3 * 1200 else rng.choice((TICK_MS, TICK_MS, TICK_MS, 4 * TICK_MS))
        now_ms += min(gap_ms, 4 * TICK_MS)
        end = min(4 + now_ms * 104 // 1000, len(fifo))
        motor = 3 if 300 < len(polls) // 3 < 330 else 2 if 330 <= len(polls) // 3 < 340 else 0
        polls += bytes((sum(map(len, fifo[at:end])) // 7, motor, gap_ms // 4))
        at = end
    first = sum(map(len, fifo[:4])) // 7
    return {"words": b"".join(fifo).hex(), "polls": polls.hex(), "first": first, "start_ms": start_ms}


def packets_of(answer: dict[str, Any]) -> list[bytes]:
    """The packets, each behind its length."""
    data = bytes.fromhex(answer["packets"])
    out = []
    while data:
        out.append(data[1 : 1 + data[0]])
        data = data[1 + data[0] :]
    return out


def check(answer: dict[str, Any], start_ms: int) -> None:
    """Nothing has been allocated, and every kind of packet was among what was made."""
    assert answer["grown"] == 0
    assert answer["samples"] * 4 > 10_000
    packets = packets_of(answer)
    assert len(packets) == answer["count"] > 230
    headers = [stream.parse_header(packet) for packet in packets]
    times = [(t_ms - start_ms + 1000) & 0xFFFFFFFF for _, _, _, t_ms in headers]
    assert times == sorted(times)
    assert 96_000 < times[-1] < 106_000
    seen = {flags for flags, _, _, _ in headers}
    for flag in (stream.FLAG_TRAILER, stream.FLAG_MOTOR, stream.FLAG_UNSETTLED, stream.FLAG_GAP):
        assert any(flags & flag for flags in seen)
    trailers = [
        stream.parse_trailer(packet)
        for packet, (flags, *_) in zip(packets, headers, strict=True)
        if flags & stream.FLAG_TRAILER
    ]
    assert len(trailers) > 90
    assert max(saturated for _, _, saturated, _, _ in trailers) > 90
    assert len({celsius for *_, celsius in trailers}) > 20


# From boot, and so that the clip's time passes the small int of a 32-bit chip, its sign, and the stream's 32 bits.
STARTS = pytest.mark.parametrize("start_ms", [0, (1 << 30) - 5000, (1 << 31) - 5000, (1 << 32) - 5000])


@STARTS
def test_from_the_fifo_to_the_packet_the_heap_does_not_grow(both: Callable[..., Any], start_ms: int) -> None:
    check(both("allocation.py", recording(start_ms)), start_ms)


@STARTS
@pytest.mark.micropython32
def test_nor_does_it_on_32_bits(all_three: Callable[..., Any], start_ms: int) -> None:
    check(all_three("allocation.py", recording(start_ms)), start_ms)
