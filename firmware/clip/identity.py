"""Who the clip is (its serial) and which life this is (boot id and counter)."""

import os
import struct

from . import guarded
from .wire.base import const

FILE = const("boot.bin")
_KIND = const(2)
_VERSION = const(1)
_LAYOUT = const("<I8s")


def serial_of(unique_id: bytes) -> str:
    """The clip's identity, 16 lower-case hex digits: the last 8 bytes of the chip's own id, zeros before a shorter one."""
    tail = bytes(unique_id)[-8:]
    return "".join(["%02x" % byte for byte in bytes(8 - len(tail)) + tail])


def begin(path: str = FILE) -> "tuple[bytes, int]":
    """Draw this boot's id of 64 random bits, raise the counter, and store both before anything else is recorded.

    A flash that takes no more lets the counter stand still, which orders boots; what identifies them is new anyway.
    """
    before = guarded.load(path, _KIND, _VERSION)
    counter = 0
    if before is not None and len(before) == struct.calcsize(_LAYOUT):
        counter = struct.unpack(_LAYOUT, before)[0]
    counter = (counter + 1) & 0xFFFFFFFF
    boot = os.urandom(8)
    try:
        guarded.save(path, _KIND, _VERSION, struct.pack(_LAYOUT, counter, boot))
    except OSError:
        pass
    return boot, counter
