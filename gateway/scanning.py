"""One scan for all who look for a clip: windows of listening, and pauses between them that grow while nothing is found.

Active, because the clip tells its service in the answer to a scan; passive scanning, which BlueZ does by patterns where
it is told to offer that, was not tried. Nobody scans while everybody is found, nor while a connection is being made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from firmware.clip import protocol
from gateway.backoff import CHANCE, BackOff, Chance

WINDOW_S: Final = 10.0
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
OFF_FIRST_S: Final = 2.0
OFF_LONGEST_S: Final = 60.0
"""Waits between attempts while there is no usable Bluetooth."""
HAND_OVER_S: Final = 0.2
"""Whoever has found a clip connects to it before others go on looking."""
SCAN: Final = "scan (is Bluetooth there and switched on?)"

Matches = Callable[[BLEDevice, AdvertisementData], bool]

logger = logging.getLogger(__name__)


class ScanError(Exception):
    """There is no usable Bluetooth at present."""


class Scanner:
    """The computer's one scan. `busy` is held while it listens, and to be held by whoever connects."""

    def __init__(self, busy: asyncio.Lock, random: Chance = CHANCE) -> None:
        self._busy = busy
        self._wanted: dict[str, tuple[Matches, asyncio.Future[BLEDevice]]] = {}
        self._sought: set[str] = set()  # those looked for in the windows since the pauses began to grow
        self._pauses = BackOff(random, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        self._off = BackOff(random, first_s=OFF_FIRST_S, longest_s=OFF_LONGEST_S)
        self._problem = ""
        self._enough = asyncio.Event()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def find(self, name: str, matches: Matches, timeout_s: float) -> BLEDevice | None:
        """What matches, None when it was not heard in `timeout_s`; the pause between two windows counts, too. `name`
        tells those who look apart. Raises ScanError when there is no usable Bluetooth."""
        future: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()
        self._wanted[name] = (matches, future)
        if name not in self._sought and not self._problem:
            self.hasten()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(timeout_s):
                found = await future
        except TimeoutError:
            if self._problem:
                raise ScanError(self._problem) from None
            return None
        finally:
            if self._wanted.get(name, (None, None))[1] is future:
                del self._wanted[name]
                if not self._wanted:
                    asyncio.get_running_loop().call_soon(self._stop_if_idle)
        self._sought.discard(name)
        return found

    def hasten(self) -> None:
        """Look at once: the computer woke up, or somebody begins to look."""
        self._pauses.reset()
        self._off.reset()
        self._hurry.set()

    def _stop_if_idle(self) -> None:
        """End the window, unless who gave up looks again at once."""
        if not self._wanted:
            self._enough.set()
            self._hurry.set()

    async def _run(self) -> None:
        while self._wanted:
            self._hurry.clear()
            try:
                async with self._busy:
                    found = await self._window()
            except (BleakError, OSError, TimeoutError, EOFError) as error:
                self._fail(f"cannot {SCAN}: {error or type(error).__name__}")
                await self._pause(self._off.wait_s(0.0))
                continue
            if self._problem:
                logger.info("Bluetooth can be used again")
            self._problem = ""
            self._off.reset()
            if found:
                self._pauses.reset()
                await asyncio.sleep(HAND_OVER_S)
            elif self._wanted:
                await self._pause(self._pauses.wait_s(0.0))

    async def _pause(self, wait_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._hurry.wait()

    async def _window(self) -> bool:
        """Listen once; whether something was found."""
        self._enough.clear()
        self._sought.update(self._wanted)
        found = False

        def seen(device: BLEDevice, data: AdvertisementData) -> None:
            nonlocal found
            for matches, future in list(self._wanted.values()):
                if not future.done() and matches(device, data):
                    future.set_result(device)
                    found = True
                    self._enough.set()

        async with BleakScanner(seen, service_uuids=[protocol.uuids.SERVICE]):
            with suppress(TimeoutError):
                async with asyncio.timeout(WINDOW_S):
                    await self._enough.wait()
        return found

    def _fail(self, problem: str) -> None:
        if problem != self._problem:
            logger.warning("%s", problem)
        self._problem = problem
        for _, future in list(self._wanted.values()):
            if not future.done():
                future.set_exception(ScanError(problem))
