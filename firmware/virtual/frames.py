"""Frames between the radio and its stations: one ordered TCP connection a station carries everything.

to the radio    length u32 | kind u8 | now i64 | payload
to a station    length u32 | kind u8 | now i64 | horizon i64 | payload

`length` counts the payload only; times are simulated microseconds. Because every frame carries the time, whatever is
delivered is delivered at its time. Before the horizon a clip may move its own clock without asking: nobody else waits
for anything until then, and the horizon comes back to now as soon as the clip does something that others could notice.
The radio counts the frames it sent, the station those it read: a station that reports idle with an equal
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
CLOCK = 7  # to a station: how long it slept, i64 microseconds | by how much its UTC is set, i64 milliseconds

NEVER = -1
MAX_LENGTH = 1 << 24

_UP = struct.Struct("<IBq")
_DOWN = struct.Struct("<IBqq")
_IDLE = struct.Struct("<qI")
_CLOCK = struct.Struct("<qq")


class FrameError(ValueError):
    """Bytes on a station's connection that are not a frame."""


class Frame(NamedTuple):
    """One frame as read; the horizon does not concern whoever reads frames with a `Splitter`."""

    kind: int
    now_us: int
    payload: bytes


def up(kind: int, payload: bytes = b"", *, now_us: int = 0) -> bytes:
    """A frame to the radio."""
    return _UP.pack(len(payload), kind, now_us) + payload


def down(kind: int, now_us: int, payload: bytes = b"", *, horizon_us: int = 0) -> bytes:
    """A frame to a station."""
    return _DOWN.pack(len(payload), kind, now_us, horizon_us) + payload


def idle(due_us: int | None, frames_read: int) -> bytes:
    """The frame by which a station says that it has nothing to do before `due_us`."""
    return up(IDLE, _IDLE.pack(NEVER if due_us is None else due_us, frames_read & 0xFFFFFFFF))


def parse_idle(payload: bytes) -> tuple[int | None, int]:
    """(due or None, frames read). Raises FrameError."""
    if len(payload) != _IDLE.size:
        raise FrameError(f"idle frame of {len(payload)} bytes")
    due_us, frames_read = _IDLE.unpack(payload)
    return (None if due_us == NEVER else due_us), frames_read


def clock(slept_us: int, step_ms: int) -> bytes:
    """Payload of a CLOCK."""
    return _CLOCK.pack(slept_us, step_ms)


def parse_clock(payload: bytes) -> tuple[int, int]:
    """(slept in microseconds, step in milliseconds). Raises struct.error."""
    slept_us, step_ms = _CLOCK.unpack(payload)
    return slept_us, step_ms


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
            length, kind, now_us = self._header.unpack_from(buffer, at)[:3]
            if length > MAX_LENGTH:
                raise FrameError(f"frame of {length} bytes")
            end = at + size + length
            if len(buffer) < end:
                break
            out.append(Frame(kind, now_us, bytes(buffer[at + size : end])))
            at = end
        del buffer[:at]
        return out
