"""Clocks over a connection: pings teach the boot's map, TIME tells the clip UTC and its wearer's local time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from firmware.clip import protocol
from gateway import plans
from gateway.clock_map import ClockReport
from gateway.ledger import Ledger
from gateway.link import Link, RefusedError

control = protocol.control

FIRST_PINGS: Final = 5
PING_APART_S: Final = 0.1
PING_EVERY_S: Final = 15.0
TIME_EVERY_S: Final = 3600.0
"""Local time changes with the zone's rules; an hour late is early enough for a window."""
SET_MS: Final = 50.0
SLEW: Final = 1e-3
"""Twice the rate at which NTP may lead a clock to the right time without a step (500 ppm)."""

logger = logging.getLogger(__name__)


class Timekeeping:
    """The clocks of the boot that is connected."""

    def __init__(self, ledger: Ledger, utc_ms: Callable[[], int]) -> None:
        self._ledger = ledger
        self._utc_ms = utc_ms
        self._boot = ""
        self._look: tuple[float, float] | None = None  # a steady clock in ms, and how far UTC was ahead of it then

    @property
    def report(self) -> ClockReport | None:
        """What is known of the clock of the boot met last."""
        return self._ledger.clock(self._boot).report if self._boot else None

    async def begin(self, link: Link, boot: str) -> None:
        """Meet the clock of `boot`, then tell it the time. Raises LinkError."""
        self._boot = boot
        if self._was_set():
            self._ledger.clock(boot).stepped()
        await self._meet(link)

    async def _meet(self, link: Link) -> None:
        for _ in range(FIRST_PINGS):
            await self._ping(link)
            await asyncio.sleep(PING_APART_S)
        await self.tell(link)

    async def run(self, link: Link) -> None:
        """Go on until cancelled. Raises LinkError."""
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        while True:
            await asyncio.sleep(PING_EVERY_S)
            if not await self._ping(link):
                await self._meet(link)
                told_at = loop.time()
            elif loop.time() - told_at >= TIME_EVERY_S:
                told_at = loop.time()
                await self.tell(link)

    async def _ping(self, link: Link) -> bool:
        """Exchange times with the clip; False when the computer's clock was set meanwhile, which makes it worthless."""
        exchange = await link.ping()
        clock = self._ledger.clock(self._boot)
        if self._was_set():
            clock.stepped()
            return False
        clock.exchange(exchange.sent_utc_ms, exchange.clip_ms, exchange.received_utc_ms)
        return True

    def _was_set(self) -> bool:
        """Whether UTC has moved otherwise than time since the last look: it was set, or the computer slept."""
        steady_ms = asyncio.get_running_loop().time() * 1000
        ahead_ms = self._utc_ms() - steady_ms
        before, self._look = self._look, (steady_ms, ahead_ms)
        if before is None:
            return False
        moved_ms = ahead_ms - before[1]
        if abs(moved_ms) <= SET_MS + SLEW * (steady_ms - before[0]):
            return False
        logger.info("the computer's clock was set by %+.1f s, or it slept; meeting the clip's anew", moved_ms / 1000)
        return True

    async def tell(self, link: Link) -> None:
        """Give the clip UTC, and how far ahead of it the plan's zone is. Raises LinkError."""
        utc_ms = self._utc_ms()
        clip_ms = self._ledger.clock(self._boot).clip_now(utc_ms)
        if clip_ms is None:
            return
        plan = self._ledger.plan
        offset = plans.utc_offset_min(plan.zone, utc_ms) if plan is not None else 0
        payload = control.pack(control.TIME, clip_ms, utc_ms, offset)
        try:
            await link.operate(control.TIME, payload)
        except RefusedError as error:
            self._ledger.keep("time", str(error), payload)
