"""Sending a new firmware to the clip, and the file it comes in: the other half of `clip_update`, whose names it also gives.

A release is a file: magic 4 | format u8 | version 3 x u8 | size u32 | SHA-256 32 | Ed25519 signature 64 | image. What is
signed is everything before the signature, so that the digest stands for the image.
"""

import struct

from .base import MalformedError
from .clip_update import *  # noqa: F403 -- one face for the side that does not run on the clip
from .clip_update import BEGIN_LAYOUT, DATA_LAYOUT

MAGIC = b"PLup"
FORMAT = 1
SIGNED_LAYOUT = "<4sB3sI32s"
SIGNED_SIZE = struct.calcsize(SIGNED_LAYOUT)
SIGNATURE_SIZE = 64
HEADER_SIZE = SIGNED_SIZE + SIGNATURE_SIZE
DATA_MAX = 96  # bytes of the image in one write: it fits the clip's buffer with seal and all


def pack_begin(size: int, digest: bytes, version: bytes) -> bytes:
    """Payload of UPDATE_BEGIN."""
    return struct.pack(BEGIN_LAYOUT, size, digest, version)


def pack_data(at: int, data: bytes) -> bytes:
    """Payload of UPDATE_DATA."""
    return struct.pack(DATA_LAYOUT, at) + data


def version_text(version: bytes) -> str:
    """Three bytes as a version."""
    return ".".join([str(part) for part in version])


def pack_signed(version: bytes, size: int, digest: bytes) -> bytes:
    """What a release begins with and what is signed."""
    return struct.pack(SIGNED_LAYOUT, MAGIC, FORMAT, version, size, digest)


def parse_signed(data: bytes) -> "tuple[bytes, int, bytes]":
    """(version, size, SHA-256) of a release. Raises MalformedError: too short, or no release of this format."""
    if len(data) < HEADER_SIZE:
        raise MalformedError("release: %d B" % len(data))
    magic, is_format, version, size, digest = struct.unpack(SIGNED_LAYOUT, data[:SIGNED_SIZE])
    if magic != MAGIC or is_format != FORMAT:
        raise MalformedError("not a release of format %d" % FORMAT)
    return version, size, digest
