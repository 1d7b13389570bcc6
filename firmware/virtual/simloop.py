"""An asyncio event loop whose clock is not the computer's.

`SimLoop.time()` is the time of its `Clock`; when the loop has nothing ready it asks the clock to wait. Sockets, threads
and signals still wake it in wall time. Timers of the same instant run in the order in which they were set, which the
standard loop does not promise.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

Events = list[tuple[selectors.SelectorKey, int]]
MICRO = 1_000_000


class Clock(Protocol):
    """Where a loop gets its time from."""

    @property
    def now_us(self) -> int:
        """Simulated microseconds."""

    def attach(self, selector: SimSelector) -> None:
        """Take the loop's selector, to watch sockets of the clock's own with it."""

    def wait(self, selector: SimSelector, due_us: int | None) -> Events:
        """Return when time has come to `due_us` (None: never), or with events, or when callbacks were added."""


def of_the_loop(events: Events) -> Events:
    """The events that are asyncio's own: it registers pairs of handles, a clock registers its stations."""
    return [event for event in events if isinstance(event[0].data, tuple)]


class SimSelector(selectors.DefaultSelector):
    """A selector that waits in simulated time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        clock.attach(self)

    def select(self, timeout: float | None = None) -> Events:
        """As the base class, but a positive timeout is simulated time."""
        if timeout is not None and timeout <= 0:
            return of_the_loop(self.wall_select(0))
        now = self._clock.now_us
        return self._clock.wait(self, None if timeout is None else now + round(timeout * MICRO))

    def wall_select(self, timeout: float | None) -> Events:
        """Select in wall time, seconds."""
        return super().select(timeout)


class _OrderedTimer(asyncio.TimerHandle):
    """A timer that knows its turn among timers of the same instant."""

    turn: int = 0

    def __lt__(self, other: object) -> bool:
        if isinstance(other, _OrderedTimer):
            return (self.when(), self.turn) < (other.when(), other.turn)
        return NotImplemented


class SimLoop(asyncio.SelectorEventLoop):
    """An event loop on `clock`. Its resolution is one simulated microsecond."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._turns = itertools.count()
        super().__init__(SimSelector(clock))
        self._clock_resolution = 1 / MICRO

    def time(self) -> float:
        """Simulated seconds."""
        return self.clock.now_us / MICRO

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As the base class; equal times keep the order of the calls."""
        self._check_closed()  # type: ignore[attr-defined]
        timer = _OrderedTimer(when, callback, args, self, context)
        timer.turn = next(self._turns)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer
