"""The lease: the core's word, carried to the clip at once when it changes and every 2 s while there is news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from firmware.clip import protocol
from gateway.core import Judgement
from gateway.link import Link, RefusedError

control = protocol.control

RENEW_S: Final = (control.LEASE_RENEW_MS - protocol.stream.PACKET_MS) / 1000
"""A lease goes with the first judgement after this time, so that renewals are 2 s apart at most."""


class Lease:
    """Silent when the stream has stopped, so that the clip judges by itself."""

    def __init__(self, on_malformed: Callable[[str, str, bytes], None]) -> None:
        self._on_malformed = on_malformed
        self._news = asyncio.Event()
        self._judgement: Judgement | None = None

    def tell(self, judgement: Judgement) -> None:
        """The core has judged further."""
        self._judgement = judgement
        self._news.set()

    async def run(self, link: Link) -> None:
        """Renew the lease until cancelled. Raises LinkError."""
        loop = asyncio.get_running_loop()
        self._news.clear()
        said: tuple[int, int] | None = None
        said_at = 0.0
        while True:
            await self._news.wait()
            self._news.clear()
            judgement = self._judgement
            if judgement is None:
                continue
            news = (judgement.category, judgement.since_ms)
            if news == said and loop.time() - said_at < RENEW_S:
                continue
            said, said_at = news, loop.time()
            payload = pack(judgement)
            try:
                await link.operate(control.LEASE, payload, urgent=True)
            except RefusedError as error:
                self._on_malformed("lease", str(error), payload)


def pack(judgement: Judgement) -> bytes:
    """The judgement as LEASE carries it; an angle that there is not is 0."""
    angle = judgement.sagittal_deg if judgement.sagittal_deg is not None else 0.0
    since = min(max(judgement.since_ms, 0), judgement.judged_to_ms)
    return control.pack(control.LEASE, judgement.category, since, judgement.judged_to_ms, round(angle * 10))
