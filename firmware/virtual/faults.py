"""What can go wrong on the I2C bus, as its master sees it."""

from __future__ import annotations

import errno
import random
from typing import Final, Literal, get_args

Mode = Literal["none", "nack", "glitch", "stuck", "other", "garbage", "reset", "busy"]
"""nack: the chip does not answer, as with a broken solder joint. glitch: the next transfer fails, those after it do
not. stuck: something holds the bus, each transfer times out. other: another chip answers in its place. garbage: what is
read is noise. reset: the chip loses its supply for a moment, now, and forgets. busy: a haptic chip never says that it
is done."""

MODES: Final = get_args(Mode)
_IDENTITY: Final = {0x6A: 0x0F, 0x5A: 0x00}  # register that says what a chip is, by address
_BUSY: Final = (0x5A, 0x0C)
_OTHER_CHIP: Final = 0x24


class Fault:
    """What is wrong with one chip."""

    def __init__(self) -> None:
        self.mode: Mode = "none"
        self._random = random.Random(0)  # noqa: S311 - repeatable on purpose

    def check(self) -> None:
        """Raise the OSError that a transfer ends with, if it does."""
        if self.mode == "glitch":
            self.mode = "none"
            raise OSError(errno.ENODEV, "glitch")
        if self.mode == "nack":
            raise OSError(errno.ENODEV, "no answer")
        if self.mode == "stuck":
            raise OSError(errno.ETIMEDOUT, "the bus is stuck")

    def read(self, address: int, register: int, data: bytes) -> bytes:
        """What the master makes of the bytes that a chip gave."""
        if self.mode == "garbage":
            return self._random.randbytes(len(data))
        at = {"other": _IDENTITY[address], "busy": _BUSY[1] if address == _BUSY[0] else -1}.get(self.mode, -1)
        if not register <= at < register + len(data):
            return data
        said = bytearray(data)
        said[at - register] = _OTHER_CHIP if self.mode == "other" else said[at - register] | 1
        return bytes(said)
