"""Sealing control writes and checking journal notifications: the other half of `clip_auth`, whose names it also gives."""

import struct

from .base import MalformedError
from .clip_auth import *  # noqa: F403 -- one face for the side that does not run on the clip
from .clip_auth import TAG_SIZE, hmac_sha256, same, with_tag


def seal(session: bytes, op: int, payload: bytes, counter: int) -> bytes:
    """A control write: op, payload, counter and tag."""
    message = bytes([op]) + payload + struct.pack("<I", counter)
    return message + hmac_sha256(session, message)[:TAG_SIZE]


def without_tag(session: bytes, data: bytes) -> bytes:
    """The frame of a journal notification. Raises MalformedError when its tag is not this session's."""
    frame = bytes(data[:-TAG_SIZE])
    if not same(with_tag(session, frame), bytes(data)):
        raise MalformedError("journal: wrong tag")
    return frame
