"""Two places in flash for the firmware, of which one runs: where they are, and what is known of them.

A partition with the label `romfs` is two slots of equal size. Each holds an image whose code runs where it lies.
`slots.bin` says which slot is to run, whether it is on trial, and size, SHA-256 and version of both images. It is
replaced by rename, so that at any moment one state holds; everything else is only read.
"""

import hashlib
import struct
import sys

from . import guarded
from .wire.base import const

FILE = const("slots.bin")
_KIND = const(7)
_VERSION = const(1)
_LAYOUT = const("<BBBBI32s3sI32s3s")

# What the list of `load` and `save` has in which place.
ACTIVE = const(0)  # the slot to run, 0 or 1
TRIAL = const(1)  # whether it has yet to prove itself
STARTS = const(2)  # of the trial
FAILED = const(3)  # images that were on trial and did not run: 1 that of slot 0, 2 that of slot 1; and TELL
IMAGES = const(4)  # size, SHA-256 and version of slot 0's image, then of slot 1's
IMAGE_FIELDS = const(3)

TELL = const(4)  # the journal has yet to be told that one did not run

PLACES = ("/a", "/b")  # where the slots' images are mounted
_PIECE = const(256)


def load(path: str = FILE) -> "list | None":  # type: ignore[type-arg]
    """The state, None when there is none or it is damaged."""
    payload = guarded.load(path, _KIND, _VERSION)
    if payload is None or len(payload) != struct.calcsize(_LAYOUT):
        return None
    return list(struct.unpack(_LAYOUT, payload))


def save(state: "list", path: str = FILE) -> None:  # type: ignore[type-arg]
    """Replace the state. A power cut leaves the old or the new one. Raises OSError when the flash is full."""
    guarded.save(path, _KIND, _VERSION, struct.pack(_LAYOUT, *state))


def blank() -> "list":  # type: ignore[type-arg]
    """A state without images."""
    return [0, 0, 0, 0, 0, bytes(32), bytes(3), 0, bytes(32), bytes(3)]


def image(state: "list", slot: int) -> "tuple[int, bytes, bytes]":  # type: ignore[type-arg]
    """(size, SHA-256, version) of a slot's image; size 0: none."""
    at = IMAGES + slot * IMAGE_FIELDS
    return state[at], state[at + 1], state[at + 2]


def has_failed(state: "list", slot: int) -> bool:  # type: ignore[type-arg]
    """Whether a slot's image was on trial and did not run."""
    return bool(state[FAILED] & 1 << slot)


def with_image(state: "list", slot: int, size: int, digest: bytes, version: bytes) -> "list":  # type: ignore[type-arg]
    """The state that has another image in a slot."""
    at = IMAGES + slot * IMAGE_FIELDS
    return state[:at] + [size, digest, version] + state[at + IMAGE_FIELDS :]


def running() -> int:
    """The slot whose firmware this is, -1 when it is the one in the file system."""
    return PLACES.index(sys.path[0]) if sys.path[0] in PLACES else -1


def blocks():  # type: ignore[no-untyped-def]
    """The partition as a block device (MicroPython's extended protocol), None on a board that has none."""
    try:
        from esp32 import Partition  # noqa: PLC0415 -- another processor has another module

        found = Partition.find(Partition.TYPE_DATA, label="romfs")
    except ImportError:
        return None
    return found[0] if found else None


def slot_size(device) -> int:  # type: ignore[no-untyped-def]
    """Bytes of one slot, a whole number of blocks."""
    return int(device.ioctl(4, 0)) // 2 * int(device.ioctl(5, 0))


def is_whole(device, slot: int, size: int, wanted: bytes) -> bool:  # type: ignore[no-untyped-def]
    """Whether a slot holds the image of this size and SHA-256."""
    try:
        return 0 < size <= slot_size(device) and digest(device, slot, size) == wanted
    except OSError:
        return False


def digest(device, slot: int, size: int) -> bytes:  # type: ignore[no-untyped-def]
    """SHA-256 of the first `size` bytes of a slot, as the flash reads now. Raises OSError."""
    block = int(device.ioctl(5, 0))
    at = slot * slot_size(device)
    end = at + size
    piece = bytearray(_PIECE)
    told = hashlib.sha256()
    while at < end:
        part = memoryview(piece)[: min(_PIECE, end - at, block - at % block)]
        device.readblocks(at // block, part, at % block)
        told.update(part)
        at += len(part)
    return told.digest()
