"""Lines that die without a word, gateways that do, and what the server sees of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway import messages
from gateway.config import GatewayConfig
from gateway.outbox import Outbox
from server import broker
from tests.gateway.jump import until
from tests.gateway.mqtt.at_broker import QUICK, Ears, fill, publishing, utc_ms
from tests.gateway.mqtt.scripted import Relay

Configured = Callable[..., GatewayConfig]

PROGRAM = """
import asyncio, sys, time
from pathlib import Path
from gateway import messages
from gateway.config import load
from gateway.outbox import Outbox
from gateway.publisher import Publisher

def utc_ms():
    return time.time_ns() // 1_000_000

async def main():
    config = load(Path(sys.argv[1]))
    with Outbox(config.database, utc_ms) as outbox:
        up = Publisher(config, outbox, utc_ms, on_plan=print, on_command=print, on_change=lambda: up.tell_status(
            messages.Status(schema="status/1", online=True, utc_ms=utc_ms(), version=sys.argv[2])))
        up.start()
        await up.run()

asyncio.run(main())
"""


async def test_a_line_that_has_died_is_found_by_keep_alive(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with Relay(mosquitto.port).running() as relay, serving(mosquitto.port) as server:
            timing = replace(QUICK, keep_alive_s=1)
            async with publishing(configured(relay.port), outbox, timing=timing) as up:
                await until(lambda: up.connected, 20)
                relay.freeze()
                fill(outbox, 2)
                up.rows_added()
                await until(lambda: outbox.waiting == 0, 30)
                assert len(server.rows) == 2
                assert relay.connections == 2


async def test_a_computer_that_wakes_connects_anew_without_waiting_for_the_keep_alive(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    slept_ms = 0
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with Relay(mosquitto.port).running() as relay, serving(mosquitto.port):
            timing = replace(QUICK, keep_alive_s=600, retry_first_s=600.0, look_s=0.1)
            clock = lambda: utc_ms() + slept_ms  # noqa: E731
            async with publishing(configured(relay.port), outbox, timing=timing, clock=clock) as up:
                await until(lambda: up.connected, 20)
                relay.freeze()
                fill(outbox, 2)
                slept_ms = 8 * 3_600_000
                await until(lambda: outbox.waiting == 0, 30)
                assert relay.connections == 2


async def test_a_gateway_that_is_killed_is_offline_and_online_again_when_it_is_back(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    config = configured(mosquitto.port)
    config.data_dir.mkdir()
    (tmp_path / "gateway.json").write_text(config.model_dump_json())

    async def start(name: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, str(tmp_path / "gateway.json"), name)

    async with serving(mosquitto.port) as server:
        first = await start("first")
        await until(lambda: bool(server.statuses) and server.statuses[-1].online, 30)
        first.kill()
        await first.wait()
        await until(lambda: not server.statuses[-1].online, 20)
        async with serving(mosquitto.port) as late:
            await until(lambda: bool(late.statuses), 10)
            assert [status.online for status in late.statuses] == [False]
        second = await start("second")
        await until(lambda: server.statuses[-1].online, 30)
        async with serving(mosquitto.port) as late:
            await until(lambda: bool(late.statuses), 10)
            assert [(status.online, status.version) for status in late.statuses] == [(True, "second")]
        second.kill()
        await second.wait()


async def test_a_dead_line_that_is_replaced_does_not_speak_after_the_new_one(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    """The broker still holds the old connection when the new one comes, and sends its last will: before, not after."""
    slept_ms = 0
    ears = Ears()
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with Relay(mosquitto.port).running() as relay, serving(mosquitto.port) as server:
            timing = replace(QUICK, look_s=0.1)
            clock = lambda: utc_ms() + slept_ms  # noqa: E731
            async with publishing(configured(relay.port), outbox, ears, timing=timing, clock=clock) as up:
                await until(lambda: up.connected, 20)
                up.tell_status(messages.Status(schema="status/1", online=True, utc_ms=1))
                await until(lambda: bool(server.statuses), 10)
                relay.freeze()
                slept_ms = 3_600_000
                await until(lambda: relay.connections == 2 and up.connected, 20)
                up.tell_status(messages.Status(schema="status/1", online=True, utc_ms=2))
                await until(lambda: server.statuses[-1].utc_ms == 2, 10)
                assert [status.online for status in server.statuses] == [True, False, True]
                async with serving(mosquitto.port) as late:
                    await until(lambda: bool(late.statuses), 10)
                    assert late.statuses[-1].utc_ms == 2


async def test_a_clean_stop_is_told_as_such(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with serving(mosquitto.port) as server:
            before = utc_ms()
            async with publishing(configured(mosquitto.port), outbox) as up:
                await until(lambda: up.connected, 20)
                up.tell_status(messages.Status(schema="status/1", online=True, utc_ms=1))
                await until(lambda: bool(server.statuses), 10)
            await until(lambda: len(server.statuses) == 2, 10)
            assert not server.statuses[-1].online
            assert server.statuses[-1].utc_ms >= before
        async with serving(mosquitto.port) as late:
            await until(lambda: bool(late.statuses), 10)
            assert [status.online for status in late.statuses] == [False]  # once: the will did not speak, too


async def test_stopping_ends_in_time_on_a_dead_line(
    mosquitto: broker.Broker, configured: Configured, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with Relay(mosquitto.port).running() as relay:
            async with asyncio.timeout(30):
                async with publishing(configured(relay.port), outbox) as up:
                    await until(lambda: up.connected, 20)
                    relay.freeze()
            assert not up.connected
