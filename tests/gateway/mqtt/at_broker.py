"""A publisher at a broker, for tests: what it hears, what it sends, and how its line is cut."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from gateway import messages
from gateway.config import GatewayConfig
from gateway.mqtt.timing import Timing
from gateway.outbox import Outbox
from gateway.publisher import Publisher
from tests.gateway.fake_clip import SERIAL

QUICK = Timing(answer_s=2.0, retry_first_s=0.4, look_s=0.5)


def utc_ms() -> int:
    return time.time_ns() // 1_000_000


class Ears:
    def __init__(self) -> None:
        self.plans: list[messages.PlanMessage] = []
        self.commands: list[messages.Command] = []
        self.changes = 0

    def count(self) -> None:
        self.changes += 1


@asynccontextmanager
async def publishing(
    config: GatewayConfig,
    outbox: Outbox,
    ears: Ears | None = None,
    timing: Timing = QUICK,
    clock: Callable[[], int] = utc_ms,
    *,
    older: bool = False,
) -> AsyncIterator[Publisher]:
    ears = ears or Ears()
    up = Publisher(
        config,
        outbox,
        clock,
        on_plan=ears.plans.append,
        on_command=ears.commands.append,
        on_change=ears.count,
        timing=timing,
    )
    if older:
        up._connection._versions.not_understood()  # begin with MQTT 3.1.1
    up.start()
    task = asyncio.create_task(up.run())
    try:
        yield up
    finally:
        task.cancel()
        await up.stop()


def cut(up: Publisher) -> None:
    """End the TCP connection without a word."""
    line: Any = up._connection._line
    line._client.socket().shutdown(socket.SHUT_RDWR)


def fill(outbox: Outbox, n: int) -> None:
    outbox.put([messages.Unreadable(clip=SERIAL, journal_id=k) for k in range(n)])
