"""Small files that are either whole or absent: kind, version, length, payload, CRC-16; replaced by rename."""

import os
import struct

from .wire.base import const, crc_fits, with_crc

_HEADER = const("<2sBBH")
_MAGIC = const(b"PL")


def frame(kind: int, version: int, payload: bytes) -> bytes:
    """The bytes of a guarded file."""
    return with_crc(struct.pack(_HEADER, _MAGIC, kind, version, len(payload)) + payload)


def unframe(data: bytes, kind: int, version: int) -> "bytes | None":
    """The payload, or None when the bytes are damaged or of another kind or version."""
    size = struct.calcsize(_HEADER)
    if len(data) < size + 2 or not crc_fits(data):
        return None
    magic, is_kind, is_version, length = struct.unpack(_HEADER, data[:size])
    if (magic, is_kind, is_version, length) != (_MAGIC, kind, version, len(data) - size - 2):
        return None
    return bytes(data[size:-2])


def read(path: str, kind: int) -> "tuple[int, bytes]":
    """Version and payload of a file; version -1 when it is absent, damaged or of another kind."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return -1, b""
    version = data[3] if len(data) > 3 else 0
    payload = unframe(data, kind, version)
    return (-1, b"") if payload is None else (version, payload)


def load(path: str, kind: int, version: int) -> "bytes | None":
    """The payload of a file, or None when it is absent, damaged or of another version."""
    found, payload = read(path, kind)
    return payload if found == version else None


def save(path: str, kind: int, version: int, payload: bytes) -> None:
    """Replace a file. A power cut leaves the old or the new one. Raises OSError when the flash is full."""
    with open(path + ".new", "wb") as file:
        file.write(frame(kind, version, payload))
    os.rename(path + ".new", path)
