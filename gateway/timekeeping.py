"""Clocks over a connection: pings teach the boot's map, TIME tells the clip UTC and its wearer's local time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from firmware.clip import protocol
from gateway import plans
from gateway.ledger import Ledger
from gateway.link import Link, RefusedError

control = protocol.control

FIRST_PINGS: Final = 5
PING_APART_S: Final = 0.1
PING_EVERY_S: Final = 15.0
TIME_EVERY_S: Final = 3600.0
"""Local time changes with the zone's rules; an hour late is early enough for a window."""


class Timekeeping:
    """The clocks of the boot that is connected."""

    def __init__(self, ledger: Ledger, utc_ms: Callable[[], int]) -> None:
        self._ledger = ledger
        self._utc_ms = utc_ms
        self._boot = ""

    async def begin(self, link: Link, boot: str) -> None:
        """Meet the clock of `boot`, then tell it the time. Raises LinkError."""
        self._boot = boot
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
            await self._ping(link)
            if loop.time() - told_at >= TIME_EVERY_S:
                told_at = loop.time()
                await self.tell(link)

    async def _ping(self, link: Link) -> None:
        exchange = await link.ping()
        clock = self._ledger.clock(self._boot)
        clock.exchange(exchange.sent_utc_ms, exchange.clip_ms, exchange.received_utc_ms)

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
