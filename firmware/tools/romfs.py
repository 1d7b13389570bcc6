"""A ROMFS image: files that MicroPython runs where they lie in flash, without loading their code into the heap.

Format: MicroPython's documentation of ROMFS. An image is one record; a record is kind, length and payload, the first
two as big-endian groups of 7 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

_FILESYSTEM: Final = 0x14A6B1  # reads "RM1"
_DATA: Final = 2
_FOLDER: Final = 4
_FILE: Final = 5


def image(folder: Path, without: Sequence[Path] = ()) -> bytes:
    """Image of what is in a folder, hidden files and those in `without` apart, in an order that does not change."""
    return _record(_FILESYSTEM, _content(folder, without))


def _content(folder: Path, without: Sequence[Path]) -> bytes:
    out = b""
    for path in sorted(set(folder.iterdir()) - set(without)):
        name = path.name.encode()
        head = _number(len(name)) + name
        if path.is_dir():
            out += _record(_FOLDER, head + _content(path, without))
        elif not path.name.startswith("."):
            out += _record(_FILE, head + _record(_DATA, path.read_bytes()))
    return out


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


def _number(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
