"""Sealing control writes: the other half of `clip_auth`, whose names it also gives."""

import struct

from .clip_auth import *  # noqa: F403 -- one face for the side that does not run on the clip
from .clip_auth import TAG_SIZE, hmac_sha256


def seal(session: bytes, op: int, payload: bytes, counter: int) -> bytes:
    """A control write: op, payload, counter and tag."""
    message = bytes([op]) + payload + struct.pack("<I", counter)
    return message + hmac_sha256(session, message)[:TAG_SIZE]
