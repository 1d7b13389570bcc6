"""What every byte layout shares: the one named error, integer helpers and the CRC."""

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T", int, str, bytes)

    def const(value: T) -> T:
        """`value`; MicroPython's compiler puts it wherever the name of a private constant stands."""
        return value

else:
    try:
        from micropython import const
    except ImportError:

        def const(value):
            """`value`."""
            return value


VERSION = 1


class MalformedError(ValueError):
    """Bytes that do not follow the contract. The only error a decoder raises."""


def need(data: bytes, size: int, what: str) -> None:
    """Raise MalformedError unless `data` is exactly `size` bytes long."""
    if len(data) != size:
        raise MalformedError("%s: %d B" % (what, len(data)))


def clamp(value: int, low: int, high: int) -> int:
    """`value` moved into [low, high]."""
    return low if value < low else high if value > high else value


def isqrt(n: int) -> int:
    """Integer square root of a non-negative integer (Newton; MicroPython's math has none)."""
    if n < 2:
        return n
    x = 16 if n < 4096 else 512 if n < 4194304 else 8192
    x = (x + n // x) >> 1  # the root or above it, whatever it began with
    while True:
        y = (x + n // x) >> 1
        if y >= x:
            return x
        x = y


def crc16(data: bytes, crc: int = 0xFFFF) -> int:
    """CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF)."""
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021) & 0xFFFF if crc & 0x8000 else (crc << 1) & 0xFFFF
    return crc


def with_crc(body: bytes) -> bytes:
    """`body` and its CRC."""
    return body + struct.pack("<H", crc16(body))


def crc_fits(data: bytes) -> bool:
    """Whether `data` ends with the CRC of what is before it."""
    return len(data) > 2 and bool(struct.unpack("<H", data[-2:])[0] == crc16(data[:-2]))
