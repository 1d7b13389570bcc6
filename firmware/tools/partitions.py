"""The flash of a board with 4 MB: MicroPython's own division, but for the file system's end, which is two slots.

MicroPython stays where its images put it, so that only the table changes. Format of the table: ESP-IDF, "Partition
Tables" (32 bytes an entry, then an MD5 of the entries).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

TABLE_AT: Final = 0x8000
_TABLE_SIZE: Final = 0xC00
_ENTRY: Final = "<2sBBII16sI"
_MAGIC: Final = b"\xaa\x50"
_MD5_MAGIC: Final = b"\xeb\xeb" + b"\xff" * 14
_TYPES: Final = {"app": 0, "data": 1}


@dataclass(frozen=True)
class Partition:
    """One entry: name, "app" or "data", its subtype by name and number, where it begins and how long it is."""

    name: str
    kind: str
    subtype: str
    code: int
    at: int
    size: int


FILES: Final = Partition("vfs", "data", "fat", 0x81, 0x200000, 0x1C0000)
SLOTS: Final = Partition("romfs", "data", "0x8f", 0x8F, 0x3C0000, 0x40000)
TABLE: Final = (
    Partition("nvs", "data", "nvs", 0x02, 0x9000, 0x6000),
    Partition("phy_init", "data", "phy", 0x01, 0xF000, 0x1000),
    Partition("factory", "app", "factory", 0x00, 0x10000, 0x1F0000),
    FILES,
    SLOTS,
)
SLOT_SIZE: Final = SLOTS.size // 2


def csv() -> str:
    """The table as text."""
    rows = [f"{p.name}, {p.kind}, {p.subtype}, {p.at:#x}, {p.size:#x}," for p in TABLE]
    return "\n".join(["# Name, Type, SubType, Offset, Size, Flags", *rows]) + "\n"


def binary() -> bytes:
    """The table as it stands in flash from TABLE_AT on."""
    entries = b"".join(
        struct.pack(_ENTRY, _MAGIC, _TYPES[p.kind], p.code, p.at, p.size, p.name.encode(), 0) for p in TABLE
    )
    summed = entries + _MD5_MAGIC + hashlib.md5(entries, usedforsecurity=False).digest()
    return summed.ljust(_TABLE_SIZE, b"\xff")


def how_to_install(chip: str, table: str, port: str | None) -> list[list[str]]:
    """Commands that put the table onto a board; MicroPython makes a new file system at the next start."""
    line = ["esptool", "--chip", chip, *(["--port", port] if port else [])]
    return [
        [*line, "write_flash", f"{TABLE_AT:#x}", table],
        [*line, "erase_region", f"{FILES.at:#x}", f"{FILES.size:#x}"],
    ]
