"""How much heap the firmware needs, without what stands in for chips and radio."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .workday import Day, live_through

KB: Final = 1024
_TRIAL_S: Final = 180.0  # connect, slouch, reminder, and once out of range and back
_TRIAL_AWAY: Final = ((130.0, 142.0),)
_LEAST_KB: Final = 32
_MOST_KB: Final = 192
_BLANK: Final = "import asyncio, gc; asyncio.core; asyncio.sleep_ms; gc.collect(); print(gc.mem_alloc())"


class HeapError(RuntimeError):
    """The firmware does not run in any heap that was tried."""


@dataclass(frozen=True)
class Need:
    """Bytes: the smallest whole heap in which the firmware works, how much of it the stand-ins take, and the image of
    firmware that runs from flash, which is in the heap only here."""

    whole: int
    standins: int
    image: int = 0

    @property
    def apart(self) -> int:
        """What a board has not in its heap."""
        return self.standins + self.image

    @property
    def firmware(self) -> int:
        """Of the firmware with asyncio, which a board has too."""
        return self.whole - self.apart


def blank(micropython: str) -> int:
    """Bytes that an interpreter with nothing but asyncio has in use. Raises subprocess.CalledProcessError."""
    line = [micropython, "-c", _BLANK]
    done = subprocess.run(line, check=True, capture_output=True, text=True, timeout=30)  # noqa: S603 - ours
    return int(done.stdout)


def need(micropython: str, rom: bytes | None = None, progress: Callable[[str], None] = lambda _: None) -> Need:
    """The smallest heap, to a kilobyte, in which a short wearing works, from an image if given. Raises HeapError."""
    image = 0 if rom is None else len(rom)
    too_small, enough = _LEAST_KB, _MOST_KB
    apart = 0
    while enough - too_small > 1:
        middle = (too_small + enough) // 2
        day = _trial(micropython, middle * KB + image, rom)
        progress(f"{middle} kB: {day.failure or 'works'}")
        if day.failure:
            too_small = middle
        else:
            enough, apart = middle, day.apart
    if not apart:
        raise HeapError(f"the firmware does not even run in {_MOST_KB} kB: {day.failure}")
    return Need(enough * KB + image, apart - blank(micropython) - image, image)


def _trial(micropython: str, heap: int, rom: bytes | None) -> Day:
    with tempfile.TemporaryDirectory(prefix="plumbline-heap-") as folder:
        day = live_through(_TRIAL_S, Path(folder), heap, micropython, rom=rom, away=_TRIAL_AWAY)
    if not day.failure and not (day.reminders and day.connections > 1):
        day.failure = "no reminder, or no connection after the link was lost"
    return day
