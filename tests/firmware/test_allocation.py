"""The hot path allocates nothing, on 64 bits and on 32, and makes the same packets everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from firmware.clip.protocol import stream
from firmware.tools.allocation import recording


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
