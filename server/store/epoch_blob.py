"""Packed epochs: a row is an epoch in 96 fixed bytes, a blob is the rows of one UTC hour, compressed.

row     `ROW`, little-endian, its fields below; the identity comes first
blob    version u8 | count u16 | zlib of the rows by column, `start_ms` and `utc_ms` as differences to the row before,
        which makes both nearly constant

Merging is per identity (boot, judge, start_ms): the higher rev wins. It is commutative, associative and idempotent,
so that any order, repetition and division of deliveries leaves the same hour.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway import messages

VERSION: Final = 1
HOUR_MS: Final = 3_600_000
NO_ANGLE: Final = -128
NO_ERROR: Final = 2**32 - 1
JUDGE_CLIP: Final = 0
JUDGE_GATEWAY: Final = 1

ROW: Final = np.dtype(
    [
        ("boot", "<u8"),
        ("start_ms", "<u4"),
        ("judge", "u1"),
        ("rev", "u1"),
        ("plan", "<u2"),
        ("calibration", "<u2"),
        ("codes", "u1", 30),
        ("sagittal", "i1", 30),
        ("low", "i1"),
        ("high", "i1"),
        ("lateral", "i1"),
        ("shifts", "u1"),
        ("celsius", "i1"),
        ("simulated", "u1"),
        ("utc_error_ms", "<u4"),
        ("utc_ms", "<i8"),
    ]
)
"""Two seconds a byte in `codes`, the earlier in the low half. Angles of -128 mean none, an error of 2**32-1 unknown."""

_LAYOUT: Final = struct.Struct("<QIBBHH30s30bbbbBbBIq")
_SWAPPED: Final = bytes((value & 15) << 4 | value >> 4 for value in range(256))
_IDENTITY: Final = slice(0, 13)
_REV: Final = 13
_CONTENT: Final = slice(14, 83)
_PLACE: Final = slice(84, 96)
_HEADER: Final = struct.Struct("<BH")
_DELTA: Final = ("start_ms", "utc_ms")
_MAX_BYTES: Final = 8 * 2**20
UNPLACED: Final = -(2**63)
"""`utc_ms` of a row that is not placed; such rows are never in a blob of an hour."""

Rows = NDArray[np.void]
"""Shape (N,), dtype ROW."""


class BlobError(ValueError):
    """Bytes that are not a blob of epochs. The only error `decode` raises."""


def pack_row(epoch: messages.Epoch) -> bytes:
    """An epoch as a row."""
    return _LAYOUT.pack(
        int(epoch.boot, 16),
        epoch.start_ms,
        JUDGE_GATEWAY if epoch.judge == "gateway" else JUDGE_CLIP,
        epoch.rev,
        epoch.plan,
        epoch.calibration,
        bytes.fromhex(epoch.codes).translate(_SWAPPED),
        *_angles(epoch.sagittal),
        _angle(epoch.low),
        _angle(epoch.high),
        _angle(epoch.lateral),
        epoch.shifts,
        _angle(epoch.celsius),
        epoch.simulated,
        NO_ERROR if epoch.utc_error_ms is None else epoch.utc_error_ms,
        UNPLACED if epoch.utc_ms is None else epoch.utc_ms,
    )


def _angles(values: Sequence[int | None]) -> Sequence[int | None]:
    return [NO_ANGLE if value is None else value for value in values] if None in values else values


def _angle(value: int | None) -> int:
    return NO_ANGLE if value is None else value


def identity(row: bytes) -> bytes:
    """What a row is known by within its clip: boot, start_ms and judge."""
    return row[_IDENTITY]


def rev(row: bytes) -> int:
    """How often the epoch had been told before."""
    return row[_REV]


def content(row: bytes) -> bytes:
    """What the row says, without where it lies in time: placing it again is not another content."""
    return row[_CONTENT]


def utc_ms(row: bytes) -> int | None:
    """Where the row lies in time; None when it is not placed."""
    value: int = struct.unpack_from("<q", row, 88)[0]
    return None if value == UNPLACED else value


def better(left: bytes, right: bytes) -> bytes:
    """Of two rows of one identity the one to keep: higher rev, then placed, then placed with less error, then earlier.

    Rows of the same rev and different content are ordered by their bytes, so that the choice never depends on the order
    of arguments; ingest sees to it that such a pair does not come here.
    """
    return max(left, right, key=_rank)


def _rank(row: bytes) -> tuple[int, bytes, bool, int, int, bytes]:
    error, utc = struct.unpack_from("<Iq", row, 84)
    return row[_REV], row[_CONTENT], utc != UNPLACED, -error, -utc, row


def merge(left: Iterable[bytes], right: Iterable[bytes]) -> list[bytes]:
    """The rows of both, one an identity, in order of time."""
    kept: dict[bytes, bytes] = {}
    for rows in (left, right):
        for row in rows:
            key = row[_IDENTITY]
            kept[key] = better(kept[key], row) if key in kept else row
    return sorted(kept.values(), key=_order)


def _order(row: bytes) -> tuple[int, bytes]:
    return struct.unpack_from("<q", row, 88)[0], row[_IDENTITY]


def encode(rows: list[bytes]) -> bytes:
    """The blob of at most 65535 rows."""
    table = np.frombuffer(b"".join(rows), dtype=ROW)
    columns = b"".join(_column(table, name) for name in _names())
    return _HEADER.pack(VERSION, len(rows)) + zlib.compress(columns, 9)


def _names() -> tuple[str, ...]:
    names = ROW.names
    assert names is not None  # noqa: S101
    return names


def _column(table: Rows, name: str) -> bytes:
    values = table[name]
    if name in _DELTA:
        values = np.diff(values, prepend=values.dtype.type(0))  # wraps around, and back again when decoded
    if values.ndim == 2:
        values = values.T
    return np.ascontiguousarray(values).tobytes()


def decode(blob: bytes) -> Rows:
    """The rows of a blob. Raises BlobError."""
    if len(blob) < _HEADER.size:
        raise BlobError("blob shorter than its header")
    version, count = _HEADER.unpack_from(blob)
    if version != VERSION:
        raise BlobError(f"blob of version {version}")
    try:
        inflater = zlib.decompressobj()
        columns = inflater.decompress(blob[_HEADER.size :], _MAX_BYTES)
    except zlib.error as error:
        raise BlobError("blob does not decompress") from error
    if not inflater.eof or inflater.unused_data or len(columns) != count * ROW.itemsize:
        raise BlobError(f"blob of {count} rows holds {len(columns)} bytes")
    table: Rows = np.empty(count, dtype=ROW)
    at = 0
    for name in _names():
        field = table.dtype[name]
        part = np.frombuffer(
            columns, dtype=field.base, count=count * (field.itemsize // field.base.itemsize), offset=at
        )
        at += part.nbytes
        if name in _DELTA:
            part = np.cumsum(part, dtype=part.dtype)
        table[name] = part.reshape(field.shape[0], count).T if field.shape else part
    return table


def rows_of(table: Rows) -> list[bytes]:
    """Each row's bytes."""
    data = table.tobytes()
    return [data[at : at + ROW.itemsize] for at in range(0, len(data), ROW.itemsize)]


def codes_of(table: Rows) -> NDArray[np.uint8]:
    """Category of each second, shape (N, 60)."""
    packed = table["codes"]
    out = np.empty((len(table), 60), dtype=np.uint8)
    out[:, 0::2] = packed & 15
    out[:, 1::2] = packed >> 4
    return out


def boot_of(row: bytes) -> str:
    """The boot id of a row, 16 hex digits."""
    return f"{struct.unpack_from('<Q', row)[0]:016x}"


def start_of(row: bytes) -> int:
    """The clip's time at which the row's minute begins, ms since boot."""
    value: int = struct.unpack_from("<I", row, 8)[0]
    return value


def judge_of(row: bytes) -> messages.Judge:
    """Who judged the row."""
    return "gateway" if row[12] == JUDGE_GATEWAY else "clip"
