"""Frames between the radio and its stations: one ordered TCP connection a station carries everything.

to the radio    length u32 | kind u8 | payload
to a station    length u32 | kind u8 | now i64, simulated microseconds | payload

`length` counts the payload only. Because every frame to a station carries the time, whatever is delivered is delivered
at its time. The radio counts the frames it sent, the station those it read: a station that reports idle with an equal
count has nothing in flight towards it. Little-endian.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

HELLO = 1  # JSON: name, bluetooth, token
CALL = 2  # from a clip: operation u8 and its arguments; answered at once by a REPLY
IDLE = 3  # due i64 microseconds (-1: never) | frames read u32
BUSY = 4  # woken by something outside simulated time: hold the clock and tell it (a GRANT)
HCI = 5  # one HCI packet, both directions
CONTROL = 6  # JSON request, JSON answer

WELCOME = 1  # JSON
REPLY = 2  # errno u8 (0: done) | result
GRANT = 3  # time has come to what the station waited for
EVENT = 4  # to a clip: number u8 and its values

NEVER = -1
MAX_LENGTH = 1 << 24

_UP = struct.Struct("<IB")
_DOWN = struct.Struct("<IBq")
_IDLE = struct.Struct("<qI")


class FrameError(ValueError):
    """Bytes on a station's connection that are not a frame."""


class Frame(NamedTuple):
    """One frame as read; `now_us` is 0 on frames to the radio."""

    kind: int
    now_us: int
    payload: bytes


def up(kind: int, payload: bytes = b"") -> bytes:
    """A frame to the radio."""
    return _UP.pack(len(payload), kind) + payload


def down(kind: int, now_us: int, payload: bytes = b"") -> bytes:
    """A frame to a station."""
    return _DOWN.pack(len(payload), kind, now_us) + payload


def idle(due_us: int | None, frames_read: int) -> bytes:
    """The frame by which a station says that it has nothing to do before `due_us`."""
    return up(IDLE, _IDLE.pack(NEVER if due_us is None else due_us, frames_read & 0xFFFFFFFF))


def parse_idle(payload: bytes) -> tuple[int | None, int]:
    """(due or None, frames read). Raises FrameError."""
    if len(payload) != _IDLE.size:
        raise FrameError(f"idle frame of {len(payload)} bytes")
    due_us, frames_read = _IDLE.unpack(payload)
    return (None if due_us == NEVER else due_us), frames_read


class Splitter:
    """Cuts a byte stream into frames, however it was chunked."""

    def __init__(self, *, from_radio: bool) -> None:
        self._header = _DOWN if from_radio else _UP
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Frames completed by `data`. Raises FrameError when a length is beyond all reason."""
        buffer = self._buffer
        buffer += data
        out: list[Frame] = []
        at = 0
        size = self._header.size
        while len(buffer) - at >= size:
            length, kind, *rest = self._header.unpack_from(buffer, at)
            if length > MAX_LENGTH:
                raise FrameError(f"frame of {length} bytes")
            end = at + size + length
            if len(buffer) < end:
                break
            out.append(Frame(kind, rest[0] if rest else 0, bytes(buffer[at + size : end])))
            at = end
        del buffer[:at]
        return out
