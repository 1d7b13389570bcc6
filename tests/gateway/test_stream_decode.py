"""The vectorised decoder says what the contract's own decoder says, sample by sample."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import protocol
from gateway import stream

wire = protocol.stream
component = st.integers(-32768, 32767)


@st.composite
def unit_quaternions(draw: st.DrawFn) -> tuple[int, int, int, int]:
    raw = np.array(draw(st.tuples(component, component, component, component)), dtype=float)
    norm = float(np.linalg.norm(raw))
    if norm < 1:
        return (32767, 0, 0, 0)
    w, x, y, z = (round(float(v) * 32767 / norm) for v in raw)
    return w, x, y, z


samples = st.lists(st.tuples(unit_quaternions(), st.integers(-5000, 5000)), max_size=wire.MAX_SAMPLES)


def pack(
    rows: list[tuple[tuple[int, int, int, int], int]], flags: int, seq: int, t_ms: int, trailer: bytes = b""
) -> bytes:
    buf = bytearray(wire.HEADER_SIZE + len(rows) * wire.SAMPLE_SIZE)
    wire.pack_header(buf, flags, len(rows), seq, t_ms & 0xFFFF, t_ms >> 16)
    for i, (q, mg) in enumerate(rows):
        wire.pack_sample(buf, wire.HEADER_SIZE + i * wire.SAMPLE_SIZE, *q, wire.compand(mg))
    return bytes(buf) + trailer


@given(samples, st.integers(0, 65535), st.integers(0, 2**32 - 1), st.booleans())
def test_equal_to_the_contracts_decoder(
    rows: list[tuple[tuple[int, int, int, int], int]], seq: int, t_ms: int, motor: bool
) -> None:
    data = pack(rows, wire.FLAG_MOTOR if motor else 0, seq, t_ms)
    packet = stream.decode(data, 38_461)
    assert (packet.seq, packet.t_ms, packet.settled, packet.trailer) == (seq, t_ms, True, None)
    for i in range(len(rows)):
        *q, mg = wire.unpack_sample(data, wire.HEADER_SIZE + i * wire.SAMPLE_SIZE)
        np.testing.assert_allclose(packet.samples.quaternion[i], q, atol=1e-12)
        assert packet.samples.acc_mg[i] == mg
        assert packet.samples.t_ms[i] == pytest.approx(t_ms + i * 38.461)
        assert packet.samples.held[i] == motor


def test_trailer_and_flags() -> None:
    trailer = bytearray(wire.TRAILER_SIZE)
    wire.pack_trailer(trailer, 0, wire.log_code(120), wire.log_code(31), 3, 50, -4)
    rows = [((32767, 0, 0, 0), 0)] * 2
    packet = stream.decode(
        pack(rows, wire.FLAG_TRAILER | wire.FLAG_UNSETTLED, 1, 5000, bytes(trailer)), period_us=40_000
    )
    assert not packet.settled
    assert packet.trailer is not None
    assert packet.trailer.t_ms == 5040
    assert packet.trailer.gyro_rms_dps == pytest.approx(12.0, rel=0.07)
    assert packet.trailer.acc_rms_mg == pytest.approx(31, rel=0.07)
    assert (packet.trailer.saturated, packet.trailer.celsius) == (3, -4)


@given(st.binary(max_size=300))
def test_anything_else_raises_the_named_error(data: bytes) -> None:
    with contextlib.suppress(protocol.MalformedError):
        stream.decode(data, 38_461)


@given(samples, st.integers(8, 400), st.integers(0, 255))
def test_malformed_exactly_where_the_contract_says_so(
    rows: list[tuple[tuple[int, int, int, int], int]], at: int, value: int
) -> None:
    data = bytearray(pack(rows, 0, 1, 1))
    if at >= len(data):
        return
    data[at] = value
    try:
        for i in range(len(rows)):
            wire.unpack_sample(bytes(data), wire.HEADER_SIZE + i * wire.SAMPLE_SIZE)
        bad = False
    except protocol.MalformedError:
        bad = True
    if bad:
        with pytest.raises(protocol.MalformedError):
            stream.decode(bytes(data), 38_461)
    else:
        stream.decode(bytes(data), 38_461)
