"""Reading stream packets: the other half of `clip_stream`, whose names it also gives."""

import struct

from .base import VERSION, MalformedError
from .clip_stream import *  # noqa: F403 -- one face for the side that does not run on the clip
from .clip_stream import (
    FLAG_SUMMARY,
    FLAG_TRAILER,
    HEADER_SIZE,
    SAMPLE_SIZE,
    SUMMARY_SIZE,
    TRAILER_SIZE,
)

MAX_SAMPLES = 32  # 8 + 32 * 7 + 6 = 238 bytes fit an MTU of 247
Q15 = 32768


def expand(code: int) -> int:
    """Inverse of `compand`: mg, at most 4,032."""
    return code * abs(code) // 4 if code >= 0 else -(code * code // 4)


def unpack_sample(data: bytes, at: int) -> tuple[float, float, float, float, int]:
    """One sample at `at` as (w, x, y, z, |a| - 1 g in mg); the quaternion is a unit float quaternion."""
    if len(data) < at + SAMPLE_SIZE:
        raise MalformedError("sample: the data ends before it")
    largest = data[at] & 3
    a = (data[at] >> 2) | (data[at + 1] << 6) | ((data[at + 2] & 1) << 14)
    b = (data[at + 2] >> 1) | (data[at + 3] << 7)
    c = data[at + 4] | (data[at + 5] << 8)
    if c & 0x8000:
        raise MalformedError("sample: the bit above the quaternion must be 0")
    scale = 1 / (16384 * 2**0.5)
    p = (a - 16384) * scale
    q = (b - 16384) * scale
    r = (c - 16384) * scale
    rest = 1.0 - p * p - q * q - r * r
    if rest < 0.2:  # the omitted component is the largest: its square is at least 1/4
        raise MalformedError("sample: the quaternion's components are too large")
    m = rest**0.5
    acc = data[at + 6]
    mg = expand(acc - 256 if acc >= 128 else acc)
    if largest == 0:
        return m, p, q, r, mg
    if largest == 1:
        return p, m, q, r, mg
    if largest == 2:
        return p, q, m, r, mg
    return p, q, r, m, mg


def log_value(code: int) -> int:
    """Inverse of `log_code`, to the lower edge of the step."""
    octave = code >> 4
    return (1 << octave) + (((code & 15) << octave) >> 4) - 1


def parse_header(data: bytes) -> tuple[int, int, int, int]:
    """(flags, n, packet_seq, t_ms) of a stream packet whose length fits its header.

    Raises MalformedError: unknown version, a summary, or a length that the header does not announce.
    """
    if len(data) < HEADER_SIZE:
        raise MalformedError("stream packet shorter than its header")
    head, n, seq, t_ms = struct.unpack("<BBHI", data[:HEADER_SIZE])
    if head >> 4 != VERSION:
        raise MalformedError("stream packet of version %d, expected %d" % (head >> 4, VERSION))
    flags = head & 15
    if flags == FLAG_SUMMARY:
        raise MalformedError("a summary where a stream packet was expected")
    size = HEADER_SIZE + n * SAMPLE_SIZE + (TRAILER_SIZE if flags & FLAG_TRAILER else 0)
    if n > MAX_SAMPLES or len(data) != size:
        raise MalformedError("stream packet of %d bytes announces %d" % (len(data), size))
    return flags, n, seq, t_ms


def parse_trailer(data: bytes) -> tuple[int, int, int, int, int]:
    """(gyro RMS 0.1 deg/s, acc RMS mg, saturated samples, motor 1/100 s, chip deg C) of a packet that has a trailer."""
    if len(data) < TRAILER_SIZE:
        raise MalformedError("shorter than a stream trailer")
    gyro, acc, saturated, motor, celsius, zero = struct.unpack("<BBBBbB", data[-TRAILER_SIZE:])
    if zero or motor > 100:
        raise MalformedError("stream trailer out of range")
    return log_value(gyro), log_value(acc), saturated, motor, celsius


def parse_summary(data: bytes) -> tuple[int, int, tuple[float, float, float, float], int | None, int]:
    """(t_ms, category, quaternion, sagittal degrees or None, acc RMS mg). Raises MalformedError."""
    if len(data) != SUMMARY_SIZE or data[0] != (VERSION << 4 | FLAG_SUMMARY):
        raise MalformedError("not a summary packet")
    category = data[1]
    if category > 10:
        raise MalformedError("summary: category %d is unknown" % category)
    w, x, y, z, _ = unpack_sample(data, 8)
    sagittal, acc = struct.unpack("<bB", data[15:17])
    return (
        struct.unpack("<I", data[4:8])[0],
        category,
        (w, x, y, z),
        None if sagittal == -128 else sagittal,
        log_value(acc),
    )
