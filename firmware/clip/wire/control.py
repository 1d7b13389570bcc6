"""Writing control operations and reading the events that answer: the other half of `clip_control`, whose names it also
gives."""

import struct

from .base import MalformedError, need
from .clip_auth import NONCE_SIZE, PROOF_SIZE
from .clip_control import *  # noqa: F403 -- one face for the side that does not run on the clip
from .clip_control import _PAYLOAD, AUTH, EVENT_CHALLENGE, EVENT_PAIRED, EVENT_PONG, EVENT_RESULT, EVENT_UPDATE, HELLO
from .pairing import parse_paired

LEASE_RENEW_MS = 2000

RESULT_NAMES = (
    "ok",
    "unknown gateway",
    "wrong proof",
    "wrong seal",
    "malformed",
    "version not newer",
    "out of range",
    "busy",
    "not pairing",
    "wrong digest",
)


def pack(op: int, *values: int) -> bytes:
    """Payload of `op`."""
    return struct.pack(_PAYLOAD[op], *values)


def pack_hello(gateway: bytes, nonce: bytes) -> bytes:
    """The first write on a connection."""
    return bytes([HELLO]) + gateway + nonce


def pack_auth(proof: bytes) -> bytes:
    """The second write on a connection."""
    return bytes([AUTH]) + proof


def parse_event(data: bytes) -> tuple[int, tuple[object, ...]]:
    """(event, values): challenge (nonce, proof), result (op, counter, result), pong (token, t_ms), paired (public key,
    confirmation), update (at).

    Raises MalformedError.
    """
    if not data:
        raise MalformedError("empty event")
    event = data[0]
    if event == EVENT_CHALLENGE:
        need(data, 1 + NONCE_SIZE + PROOF_SIZE, "challenge")
        return event, (bytes(data[1 : 1 + NONCE_SIZE]), bytes(data[1 + NONCE_SIZE :]))
    if event == EVENT_RESULT:
        need(data, 7, "result")
        values = struct.unpack("<BIB", data[1:])
        if values[2] >= len(RESULT_NAMES):
            raise MalformedError("unknown result %d" % values[2])
        return event, values
    if event == EVENT_PONG:
        need(data, 7, "pong")
        return event, struct.unpack("<HI", data[1:])
    if event == EVENT_UPDATE:
        need(data, 5, "update")
        return event, struct.unpack("<I", data[1:])
    if event == EVENT_PAIRED:
        return event, parse_paired(data)
    raise MalformedError("unknown event %d" % event)
