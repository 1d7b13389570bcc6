"""An event loop whose clock jumps to the next timer when nothing else is to do: hours pass in a moment."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
START_UTC_MS = 1_790_000_000_000


class JumpLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = 0.0
        super().__init__()

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:  # type: ignore[attr-defined]
            self._scheduled[0]._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
            heapq.heappop(self._scheduled)  # type: ignore[attr-defined]
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in jumping time."""
    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        return runner.run(main)


def utc_ms() -> int:
    """UTC as the loop's clock has it."""
    return START_UTC_MS + round(asyncio.get_running_loop().time() * 1000)


async def until(condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Wait for a condition. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110  (what is waited for is not always an event of ours)
            await asyncio.sleep(0.05)
