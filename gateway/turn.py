"""A lock that urgent takers get before all others who wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turn:
    """`async with turn.taken(urgent=...)`: one at a time, the urgent first."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._urgent = 0
        self._calm = asyncio.Event()
        self._calm.set()

    @asynccontextmanager
    async def taken(self, *, urgent: bool) -> AsyncIterator[None]:
        """Hold the turn inside."""
        await (self._take_urgently() if urgent else self._take())
        try:
            yield
        finally:
            self._lock.release()

    async def _take_urgently(self) -> None:
        self._urgent += 1
        self._calm.clear()
        try:
            await self._lock.acquire()
        finally:
            self._urgent -= 1
            if not self._urgent:
                self._calm.set()

    async def _take(self) -> None:
        while True:
            await self._calm.wait()
            await self._lock.acquire()
            if not self._urgent:
                return
            self._lock.release()
