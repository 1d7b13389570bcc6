"""Connections that come and go for months leave nothing behind, and what fails here is not for ever."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import GatewayConfig
from gateway.mqtt.line import Line
from gateway.outbox import Outbox
from server import broker
from tests.gateway.jump import until
from tests.gateway.mqtt.at_broker import QUICK, cut, publishing, utc_ms

Configured = Callable[..., GatewayConfig]


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
async def test_connections_leave_no_files_and_no_threads(
    mosquitto: broker.Broker, configured: Configured, tmp_path: Path
) -> None:
    def held() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    timing = replace(QUICK, retry_first_s=0.01, retry_longest_s=0.01)
    gc.collect()
    gc.disable()
    try:
        with Outbox(tmp_path / "o.db", utc_ms) as outbox:
            async with publishing(configured(mosquitto.port), outbox, timing=timing) as up:
                await until(lambda: up.connected, 20)
                before = held()
                for n in range(2, 8):
                    cut(up)
                    await until(lambda n=n: up._connection.attempts == n and up.connected, 20)  # type: ignore[misc]
                await until(lambda: held() == before, 10)
    finally:
        gc.enable()


async def test_a_failure_of_this_computer_is_told_and_tried_again(
    mosquitto: broker.Broker,
    configured: Configured,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problems = iter([OSError(24, "Too many open files"), ZeroDivisionError("a bug")])
    opened, told = Line.open, []

    def failing(self: Line, answer_s: float) -> None:
        if (error := next(problems, None)) is not None:
            raise error
        told.append(up.problem)
        opened(self, answer_s)

    monkeypatch.setattr(Line, "open", failing)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with publishing(configured(mosquitto.port), outbox) as up:
            await until(lambda: up.connected, 20)
            assert told == ["no connection can be made here: a bug"]
            assert up.problem == ""
