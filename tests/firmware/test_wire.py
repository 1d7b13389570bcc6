"""The byte layouts under hypothesis: what goes in comes out, and bytes that make no sense raise one named error."""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import keystore, protocol
from firmware.clip.protocol import auth, calibration, category, control, plan, records, status, stream
from firmware.clip.wire import base

u8 = st.integers(0, 255)
u16 = st.integers(0, 65535)
u32 = st.integers(0, 2**32 - 1)
i8 = st.integers(-128, 127)
i16 = st.integers(-32768, 32767)
boots = st.binary(min_size=8, max_size=8)
quaternions = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: math.hypot(*q) > 0.1)


def q15(q: tuple[float, ...]) -> tuple[int, int, int, int]:
    norm = math.hypot(*q)
    w, x, y, z = (round(v / norm * 32768) for v in q)
    return w, x, y, z


@given(quaternions, st.integers(-127, 127))
def test_a_sample_keeps_its_rotation(q: tuple[float, ...], code: int) -> None:
    buf = bytearray(stream.SAMPLE_SIZE + 2)
    given_q = q15(q)
    stream.pack_sample(buf, 1, *given_q, code)
    w, x, y, z, mg = stream.unpack_sample(bytes(buf), 1)
    sign = 1 if sum(a * b for a, b in zip((w, x, y, z), given_q, strict=True)) > 0 else -1
    # Half the angle between the two: below 0.01 deg.
    assert math.dist((w, x, y, z), [sign * v / 32768 for v in given_q]) < 1.5e-4
    assert mg == stream.expand(code)
    assert buf[0] == 0
    assert buf[-1] == 0


@given(st.integers(0, 2**30))
def test_the_integer_root_is_exact(n: int) -> None:
    assert base.isqrt(n) == math.isqrt(n)


@given(st.integers(0, 2**15))
def test_the_integer_root_is_exact_beside_squares(root: int) -> None:
    for n in (root * root, max(0, root * root - 1)):
        assert base.isqrt(n) == math.isqrt(n)


@given(st.integers(-40000, 40000))
def test_companding_is_monotone_and_close(mg: int) -> None:
    code = stream.compand(mg)
    assert -127 <= code <= 127
    assert stream.compand(mg + 1) >= code
    back = stream.expand(code)
    inside = max(-4032, min(4032, mg))
    assert abs(back - inside) <= 1 + math.sqrt(abs(inside))


@given(st.integers(0, 65535))
def test_log_codes_are_monotone_and_close(value: int) -> None:
    code = stream.log_code(value)
    assert stream.log_code(value + 1) >= code
    low = stream.log_value(code)
    if code < 255:
        assert low <= value
        assert value + 1 <= (low + 1) * 2 ** (1 / 8)


@given(
    st.integers(0, 14).filter(lambda flags: flags != stream.FLAG_SUMMARY and not flags & stream.FLAG_TRAILER),
    u16,
    u32,
    st.lists(quaternions, max_size=stream.MAX_SAMPLES),
    st.none() | st.tuples(u8, u8, u8, st.integers(0, 100), i8),
)
def test_a_packet_comes_back(
    flags: int, seq: int, t_ms: int, samples: list[tuple[float, ...]], trailer: tuple[int, int, int, int, int] | None
) -> None:
    buf = bytearray(stream.HEADER_SIZE + len(samples) * stream.SAMPLE_SIZE + (stream.TRAILER_SIZE if trailer else 0))
    if trailer:
        flags |= stream.FLAG_TRAILER
        stream.pack_trailer(buf, len(buf) - stream.TRAILER_SIZE, *trailer)
    if flags == stream.FLAG_SUMMARY:
        flags &= ~stream.FLAG_GAP
    stream.pack_header(buf, flags, len(samples), seq, t_ms & 0xFFFF, t_ms >> 16)
    for i, q in enumerate(samples):
        stream.pack_sample(buf, stream.HEADER_SIZE + i * stream.SAMPLE_SIZE, *q15(q), i)
    assert stream.parse_header(bytes(buf)) == (flags, len(samples), seq, t_ms)
    assert len(buf) <= protocol.uuids.MTU_WANTED - 3
    if trailer:
        gyro, acc, saturated, motor, celsius = trailer
        expected = (stream.log_value(gyro), stream.log_value(acc), saturated, motor, celsius)
        assert stream.parse_trailer(bytes(buf)) == expected


@given(u32, st.integers(0, category.COUNT - 1), quaternions, u8, i8)
def test_a_summary_comes_back_and_fits_the_smallest_mtu(
    t_ms: int, code: int, q: tuple[float, ...], acc: int, sagittal: int
) -> None:
    data = bytes(stream.pack_summary(t_ms, code, *q15(q), acc, sagittal))
    assert len(data) == 20
    assert stream.parse_summary(data)[0:2] == (t_ms, code)
    assert stream.parse_summary(data)[3:] == (None if sagittal == -128 else sagittal, stream.log_value(acc))
    with pytest.raises(protocol.MalformedError):
        stream.parse_header(data)


@given(
    st.tuples(st.integers(0, 1), u8, boots, st.integers(0, 71582).map(lambda m: m * 60000), u16, u16),
    st.binary(min_size=60, max_size=60).map(lambda b: bytes(v % category.COUNT for v in b)),
    st.binary(min_size=30, max_size=30),
    st.tuples(i8, i8, i8, u8, i8),
)
def test_an_epoch_comes_back(
    head: tuple[int, int, bytes, int, int, int], codes: bytes, sagittal: bytes, rest: tuple[int, int, int, int, int]
) -> None:
    data = records.pack_epoch(*head, codes, sagittal, *rest)
    assert len(data) == records.EPOCH_SIZE <= records.MAX_SIZE
    out = records.parse(data)
    assert (out["judge"], out["rev"], out["boot"], out["start_ms"], out["plan"], out["calibration"]) == head
    assert out["codes"] == codes
    means = struct.unpack("30b", sagittal)
    assert out["sagittal"] == [None if v == -128 else v for v in means]
    low, high, lateral, shifts, celsius = rest
    nothing = records.NO_ANGLE
    assert (out["low"], out["high"], out["lateral"]) == tuple(None if v == nothing else v for v in (low, high, lateral))
    assert (out["shifts"], out["celsius"]) == (shifts, None if celsius == nothing else celsius)


@given(st.integers(0, 1), u8, boots, u32, u32, i16, i16, st.integers(0, 4), u16)
def test_an_episode_comes_back(
    judge: int, rev: int, boot: bytes, a: int, b: int, peak: int, mean: int, reason: int, version: int
) -> None:
    start, end = sorted((a, b))
    out = records.parse(records.pack_episode(judge, rev, boot, start, version, version, end, peak, mean, reason))
    assert (out["start_ms"], out["end_ms"], out["peak"], out["mean"], out["end_reason"]) == (
        start,
        end,
        peak,
        mean,
        reason,
    )


@given(st.integers(0, 1), u8, boots, u32, u32, i16, st.integers(0, 8), st.integers(0, 3), u32)
def test_a_reminder_comes_back(
    judge: int, rev: int, boot: bytes, a: int, b: int, angle: int, reason: int, response: int, response_ms: int
) -> None:
    since, start = sorted((a, b))
    data = records.pack_reminder(judge, rev, boot, start, 1, 2, since, angle, reason, response, response_ms)
    out = records.parse(data)
    assert (out["since_ms"], out["angle"], out["reason"]) == (since, angle, reason)
    assert (out["response"], out["response_ms"]) == (response, response_ms)
    assert records.parse_journal_frame(records.journal_frame(7, data)) == (7, data)


def test_the_longest_record_fits_a_sealed_notification_at_the_streaming_mtu() -> None:
    data = records.pack_epoch(0, 1, bytes(8), 60000, 1, 1, bytes([10] * 60), bytes(30), 0, 0, 0, 0, 0)
    frame = records.journal_frame(1, data)
    assert len(auth.with_tag(bytes(32), frame)) <= protocol.uuids.MTU_STREAM - 3  # of a notification's head


@given(st.binary(max_size=100), st.binary(min_size=32, max_size=32), st.data())
def test_a_journal_notification_is_taken_whole_or_not_at_all(record: bytes, key: bytes, data: st.DataObject) -> None:
    sealed = auth.with_tag(key, records.journal_frame(7, record))
    assert auth.without_tag(key, sealed) == records.journal_frame(7, record)
    changed = bytearray(sealed)
    changed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    cut = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    for wrong in (bytes(changed), cut, sealed + b"\0"):
        with pytest.raises(protocol.MalformedError):
            auth.without_tag(key, wrong)
    with pytest.raises(protocol.MalformedError):
        auth.without_tag(bytes([key[0] ^ 1]) + key[1:], sealed)


plans = st.builds(
    lambda values: dict(zip(plan.FIELDS, values, strict=True)),
    st.tuples(*[st.integers(*limits) for limits in zip(plan.LOWEST, plan.HIGHEST, strict=True)]),
).filter(lambda values: values["recovery_deg"] < values["angle_deg"])


@given(plans)
def test_a_plan_comes_back(values: dict[str, int]) -> None:
    made = plan.Plan()
    for name, value in values.items():
        setattr(made, name, value)
    out = plan.parse_plan(made.pack())
    assert {name: getattr(out, name) for name in plan.FIELDS} == values


@given(plans)
def test_a_plan_of_the_layout_before_the_trigger_is_read(values: dict[str, int]) -> None:
    made = plan.Plan()
    for name, value in values.items():
        setattr(made, name, value)
    old = made.pack()[:21]
    out = plan.parse_plan(old)
    added = {"trigger", "quiet_start_min", "quiet_end_min", "probe_every"}
    assert {name: getattr(out, name) for name in plan.FIELDS} == {k: 0 if k in added else values[k] for k in values}
    assert out.pack() == old + bytes(plan.SIZE - 21)
    for size in (*range(21), *range(22, plan.SIZE)):
        with pytest.raises(protocol.MalformedError, match="plan"):
            plan.parse_plan(made.pack()[:size])


@given(st.sampled_from(plan.FIELDS), st.integers(0, 65535))
def test_a_plan_out_of_its_limits_is_named(name: str, value: int) -> None:
    at = plan.FIELDS.index(name)
    low, high = plan.LOWEST[at], plan.HIGHEST[at]
    made = plan.Plan()
    setattr(made, name, value)
    if low <= value <= high and made.recovery_deg < made.angle_deg:
        assert getattr(plan.parse_plan(made.pack()), name) == value
        return
    with pytest.raises(protocol.MalformedError, match=name if not low <= value <= high else "recovery_deg"):
        made.pack()


@given(st.dictionaries(st.binary(min_size=8, max_size=8), st.binary(min_size=32, max_size=32), max_size=4))
def test_keys_come_back(keys: dict[bytes, bytes]) -> None:
    assert keystore.parse(keystore.pack(list(keys.items()))) == list(keys.items())


@given(st.binary(min_size=32, max_size=32), u8, st.binary(max_size=60), st.integers(1, 2**32 - 1))
def test_a_sealed_write_opens_once_and_only_unchanged(session: bytes, op: int, payload: bytes, counter: int) -> None:
    sealed = auth.seal(session, op, payload, counter)
    assert auth.unseal(session, sealed, counter - 1) == (op, payload, counter)
    with pytest.raises(protocol.MalformedError):
        auth.unseal(session, sealed, counter)
    for at in range(len(sealed)):
        torn = bytearray(sealed)
        torn[at] ^= 0x10
        with pytest.raises(protocol.MalformedError):
            auth.unseal(session, bytes(torn), 0)


DECODERS: list[Callable[[bytes], object]] = [
    stream.parse_header,
    stream.parse_trailer,
    stream.parse_summary,
    lambda data: stream.unpack_sample(data, 0),
    records.parse,
    records.parse_journal_frame,
    status.parse_status,
    status.parse_settings,
    plan.parse_plan,
    calibration.parse_calibration,
    control.parse_hello,
    control.parse_auth,
    control.parse_event,
    lambda data: control.parse(data[0] if data else 0, data[1:]),
    lambda data: auth.unseal(bytes(32), data, 0),
    keystore.parse,
]


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.binary(max_size=120))
def test_random_bytes_raise_one_error_or_none(decode: Callable[[bytes], object], data: bytes) -> None:
    with contextlib.suppress(protocol.MalformedError):
        decode(data)


GOOD = [
    bytes(stream.pack_summary(1000, 3, 32768, 0, 0, 0, 0, 0)),
    records.pack_epoch(0, 1, bytes(8), 60000, 1, 1, bytes([10] * 60), bytes(30), 0, 0, 0, 0, 0),
    records.pack_episode(0, 1, bytes(8), 60000, 1, 1, 70000, 5, 5, 0),
    records.pack_reminder(0, 1, bytes(8), 60000, 1, 1, 50000, 0, 0, 0, 0),
    records.pack_event(16, bytes(8), 0, 1, 1, 1),
    plan.Plan().pack(),
    calibration.pack_calibration(1, 0, (0, 16384, 0), (0, 0, 16384)),
    keystore.pack([(bytes(8), bytes(32))]),
    control.pack_challenge(bytes(16), bytes(16)),
]


@given(st.sampled_from(GOOD), st.data())
def test_almost_right_bytes_raise_one_error_or_none(good: bytes, data: st.DataObject) -> None:
    torn = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        torn[data.draw(st.integers(0, len(torn) - 1))] = data.draw(u8)
    torn = torn[: data.draw(st.integers(0, len(torn)))] + data.draw(st.binary(max_size=3))
    for decode in DECODERS:
        with contextlib.suppress(protocol.MalformedError):
            decode(bytes(torn))
