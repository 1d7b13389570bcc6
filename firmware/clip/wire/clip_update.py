"""A new firmware on its way to the clip.

begin  size u32 | SHA-256 32 | version 3 x u8: what comes; answered by the event `at u32`, from where it is to go on
data   at u32 | bytes: the next ones
end    nothing: the image is whole, check it
"""

import struct

from .base import MalformedError, const, need
from .clip_control import EVENT_UPDATE

BEGIN_LAYOUT = const("<I32s3s")
DATA_LAYOUT = const("<I")
DATA_HEADER = const(4)


def parse_begin(payload: bytes) -> "tuple[int, bytes, bytes]":
    """(size, SHA-256, version). Raises MalformedError."""
    need(payload, struct.calcsize(BEGIN_LAYOUT), "update")
    return struct.unpack(BEGIN_LAYOUT, payload)


def parse_data(payload: bytes) -> "tuple[int, memoryview]":
    """(at, bytes). Raises MalformedError."""
    if len(payload) <= DATA_HEADER:
        raise MalformedError("update: %d B" % len(payload))
    return struct.unpack(DATA_LAYOUT, payload[:DATA_HEADER])[0], memoryview(payload)[DATA_HEADER:]


def pack_at(at: int) -> bytes:
    """The event that says how much of the image is safely written."""
    return bytes((EVENT_UPDATE,)) + struct.pack(DATA_LAYOUT, at)


def version_of(text: str) -> bytes:
    """A version such as "0.1.0" as three bytes, which compare as versions do."""
    return bytes([int(part) for part in text.split(".")])
