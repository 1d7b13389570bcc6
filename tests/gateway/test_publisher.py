"""The publisher against real brokers. These run in wall time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway import messages
from gateway.config import GatewayConfig
from gateway.mqtt.delivery import BATCHES_IN_FLIGHT
from gateway.outbox import Outbox
from server import broker
from tests.gateway.fake_clip import GATEWAY, SERIAL
from tests.gateway.jump import until
from tests.gateway.mqtt.at_broker import QUICK, Ears, cut, fill, publishing, utc_ms

Configured = Callable[..., GatewayConfig]


async def test_rows_leave_when_the_server_has_settled_them(
    any_broker: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 450)
        async with serving(any_broker.port) as server:
            server.reject = lambda row: "no good" if row.n == 7 else None
            async with publishing(configured(any_broker.port), outbox) as up:
                await until(lambda: outbox.waiting == 0, 30)
                assert [len(batch.rows) for batch in server.batches] == [200, 200, 50]
                assert sorted(server.rows) == [n for n in range(1, 451) if n != 7]
                assert outbox.rejected == 1
                fill(outbox, 3)
                up.rows_added()
                await until(lambda: outbox.waiting == 0, 5)


async def test_a_puback_means_nothing_and_silence_brings_rows_again(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 5)
        async with serving(mosquitto.port) as server:
            server.acknowledge = False
            async with publishing(configured(mosquitto.port), outbox, timing=replace(QUICK, resend_s=0.6, look_s=0.2)):
                await until(lambda: len(server.batches) >= 2, 10)
                assert outbox.waiting == 5
                assert server.batches[0] == server.batches[1]
                for batch in (server.batches[0], server.batches[1]):
                    server.settle(batch)
                await until(lambda: outbox.waiting == 0, 10)


async def test_no_more_than_a_few_batches_are_on_their_way(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 2000)
        async with serving(mosquitto.port) as server:
            server.acknowledge = False
            async with publishing(configured(mosquitto.port), outbox):
                await until(lambda: len(server.batches) == BATCHES_IN_FLIGHT, 10)
                await asyncio.sleep(0.3)
                assert len(server.batches) == BATCHES_IN_FLIGHT
                server.acknowledge = True
                server.settle(server.batches[2])  # out of order
                await until(lambda: outbox.waiting == 1800 - 200 * (len(server.batches) - 4), 10)


async def test_malformed_and_foreign_messages_are_kept_and_skipped(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    ears = Ears()
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with serving(mosquitto.port) as server, publishing(configured(mosquitto.port), outbox, ears):
            await until(lambda: ears.changes == 1, 10)
            server.send("ack", b"{")
            server.send("plan", b"[]")
            server.send("command", b"\xff\x00")
            server.send("ack", b'{"schema":"ack/1","spool":"' + b"0" * 32 + b'","first":0,"last":99999}')
            command = messages.Command(
                schema="command/1", id="x", clip=SERIAL, expires_utc_ms=utc_ms() + 1000, kind="resume"
            )
            server.send("command", messages.encode(command))
            plan = messages.PlanMessage(schema="plan/1", clip=SERIAL, plan=messages.Plan(version=2))
            server.send("plan", messages.encode(plan))
            await until(lambda: bool(ears.plans), 10)
            assert ears.commands == [command]
            assert ears.plans == [plan]
            assert outbox.malformed == {"mqtt": 3}


async def test_the_status_is_retained_and_the_will_speaks_for_the_dead(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    config = configured(mosquitto.port)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with publishing(config, outbox) as up:
            await until(lambda: up.connected, 10)
            up.tell_status(messages.Status(schema="status/1", online=True, utc_ms=utc_ms()))
            async with serving(mosquitto.port) as server:
                await until(lambda: bool(server.statuses), 10)
                assert server.statuses[-1].online
                cut(up)
                await until(lambda: not server.statuses[-1].online, 10)
                await until(lambda: up.connected, 10)
        async with serving(mosquitto.port) as server:
            await until(lambda: bool(server.statuses), 10)
            assert not server.statuses[-1].online


async def test_a_broker_that_comes_back_gets_everything(configured: Configured, serving: Any, tmp_path: Path) -> None:
    from tests.gateway.conftest import ACCOUNTS

    try:
        first = broker.start(tmp_path / "b1", ACCOUNTS, kind="mosquitto")
    except broker.BrokerError as error:
        pytest.skip(str(error))
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with publishing(configured(first.port), outbox) as up:
            await until(lambda: up.connected, 10)
            await asyncio.to_thread(first.stop)
            await until(lambda: not up.connected, 10)
            assert up.problem
            fill(outbox, 10)
            up.rows_added()
            second = await asyncio.to_thread(
                lambda: broker.start(tmp_path / "b2", ACCOUNTS, kind="mosquitto", port=first.port)
            )
            try:
                async with serving(second.port) as server:
                    await until(lambda: outbox.waiting == 0, 20)
                    assert len(server.rows) == 10
            finally:
                await asyncio.to_thread(second.stop)


async def test_a_wrong_password_is_told_and_keeps_the_rows(
    mosquitto: broker.Broker, configured: Configured, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 1)
        async with publishing(configured(mosquitto.port, password="wrong"), outbox) as up:
            await until(lambda: bool(up.problem), 10)
            assert up.problem.startswith("the broker does not let this gateway in (Not authorized)")
            await asyncio.sleep(0.5)
            assert up._connection.attempts == 1
            assert not up.connected
            assert outbox.waiting == 1


async def test_a_refused_topic_is_not_taken_for_delivered(
    mosquitto: broker.Broker, configured: Configured, tmp_path: Path
) -> None:
    """The broker lets an account write only below its own name: a gateway with another id is refused by reason code."""
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 1)
        foreign = configured(mosquitto.port, gateway="f" * 16, username=GATEWAY)
        async with publishing(foreign, outbox) as up:
            await until(lambda: "Not authorized" in up.problem, 10)
            assert outbox.waiting == 1
