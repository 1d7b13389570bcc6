"""What the broker refuses: the rows stay, the reason is told in plain words, and it is tried again slowly."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway import messages
from gateway.config import GatewayConfig
from gateway.mqtt.timing import Timing
from gateway.outbox import Outbox
from server import broker
from server.broker.access import mosquitto_acl
from tests.gateway.conftest import ACCOUNTS
from tests.gateway.jump import until
from tests.gateway.mqtt.at_broker import QUICK, Ears, cut, fill, publishing, utc_ms
from tests.gateway.mqtt.scripted import CONNECT, PUBLISH, Script, scripted

Configured = Callable[..., GatewayConfig]
PATIENT = replace(QUICK, refused_first_s=600.0, look_s=0.05)
"""What is refused is not tried again within a test."""
INSISTENT = replace(QUICK, refused_first_s=0.4, look_s=0.05)


def let_only(running: broker.Broker, *kinds: str) -> None:
    """Have mosquitto take only these kinds of messages from gateways."""
    rules = mosquitto_acl(ACCOUNTS)
    everything = "pattern write plumbline/v1/%u/up/#"
    assert everything in rules
    only = "\n".join(f"pattern write plumbline/v1/%u/up/{kind}" for kind in kinds)
    (running.folder / "rules").write_text(rules.replace(everything, only) + "\n")
    running.child.send_signal(signal.SIGHUP)


async def test_a_refused_kind_is_told_kept_and_taken_once_it_may_come(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    let_only(mosquitto, "status", "reply")
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 900)
        ears = Ears()
        async with (
            serving(mosquitto.port) as server,
            publishing(configured(mosquitto.port), outbox, ears, INSISTENT) as up,
        ):
            await until(lambda: bool(up.problem), 20)
            assert up.problem.startswith("the broker does not take this gateway's records (Not authorized)")
            assert up.connected
            up.tell_status(messages.Status(schema="status/1", online=True, utc_ms=1, broker_problem=up.problem))
            await until(lambda: bool(server.statuses), 10)  # what may come comes, and says what may not
            assert server.statuses[-1].broker_problem == up.problem
            assert outbox.waiting == 900
            changes = ears.changes
            mosquitto.admit(ACCOUNTS)
            await until(lambda: outbox.waiting == 0, 30)
            assert len(server.rows) == 900
            await until(lambda: ears.changes > changes, 10)
            assert up.problem == ""


async def test_a_refusal_is_not_answered_by_more_of_the_same(configured: Configured, tmp_path: Path) -> None:
    script = Script(puback=0x87)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 2000)
        async with scripted(script), publishing(configured(script.port), outbox, timing=PATIENT) as up:
            await until(lambda: bool(up.problem), 20)
            for _ in range(5):
                up.rows_added()
                await asyncio.sleep(0.1)
            assert script.heard.count(PUBLISH) <= 4  # those that were on their way together
            assert outbox.waiting == 2000


async def test_an_older_broker_refuses_in_silence_and_the_rows_stay(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    """MQTT 3.1.1 has no words for it: the broker says that it has taken what it throws away."""
    let_only(mosquitto, "status", "reply")
    timing = replace(QUICK, resend_s=0.2, resend_longest_s=0.4, silence_s=1.0, look_s=0.1)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 3)
        async with (
            serving(mosquitto.port) as server,
            publishing(configured(mosquitto.port), outbox, timing=timing, older=True) as up,
        ):
            await until(lambda: "the server has confirmed no records" in up.problem, 20)
            assert up.connected
            assert outbox.waiting == 3
            assert not server.batches
            mosquitto.admit(ACCOUNTS)
            await until(lambda: outbox.waiting == 0, 20)
            assert up.problem == ""


@pytest.mark.parametrize("older", [False, True], ids=["MQTT 5", "MQTT 3.1.1"])
async def test_a_wrong_password(mosquitto: broker.Broker, configured: Configured, tmp_path: Path, older: bool) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 1)
        wrong = configured(mosquitto.port, password="wrong")
        async with publishing(wrong, outbox, timing=PATIENT, older=older) as up:
            await until(lambda: bool(up.problem), 20)
            assert up.problem.startswith("the broker does not let this gateway in")
            assert "plumbline gateway enrol" in up.problem
            assert "wrong" not in up.problem.replace("its password is wrong", "")
            await asyncio.sleep(0.5)
            assert up._connection.attempts == 1
            assert outbox.waiting == 1


@pytest.mark.parametrize("older", [False, True], ids=["MQTT 5", "MQTT 3.1.1"])
async def test_rights_that_end_and_come_again(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path, older: bool
) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with publishing(configured(mosquitto.port), outbox, timing=INSISTENT, older=older) as up:
            await until(lambda: up.connected, 20)
            mosquitto.admit(ACCOUNTS[1:])
            await until(lambda: up.problem.startswith("the broker does not let this gateway in"), 20)
            fill(outbox, 4)
            up.rows_added()
            mosquitto.admit(ACCOUNTS)
            async with serving(mosquitto.port) as server:
                await until(lambda: outbox.waiting == 0, 30)
                assert len(server.rows) == 4
                assert up.problem == ""


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (Script(connack=0x87), "the broker does not let this gateway in (Not authorized)"),
        (Script(connack=0x88), "the broker refuses the connection: Server unavailable"),
        (Script(suback=0x87), "the broker does not let this gateway hear the server (Not authorized)"),
        (Script(disconnect=0x87), "the broker does not let this gateway in (Not authorized)"),
        (Script(disconnect=0x98), "the broker does not let this gateway in (Administrative action)"),
        (Script(disconnect=0x8E), "another program has come in as this gateway"),
    ],
    ids=["CONNACK 87", "CONNACK 88", "SUBACK 87", "DISCONNECT 87", "DISCONNECT 98", "DISCONNECT 8E"],
)
async def test_a_refusal_is_told_and_not_asked_for_again_soon(
    configured: Configured, tmp_path: Path, script: Script, words: str
) -> None:
    script.heard.clear()
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 1)
        async with scripted(script), publishing(configured(script.port), outbox, timing=PATIENT) as up:
            await until(lambda: up.problem.startswith(words), 20)
            await asyncio.sleep(0.5)
            assert not up.connected
            assert script.heard.count(CONNECT) == 1
            assert outbox.waiting == 1


async def test_two_programs_that_are_the_same_gateway_are_told_so(
    mosquitto: broker.Broker, configured: Configured, tmp_path: Path
) -> None:
    """This mosquitto does not say it; the habit of its connections does."""
    config, timing = configured(mosquitto.port), replace(QUICK, retry_first_s=0.1, retry_longest_s=0.2)
    with Outbox(tmp_path / "a.db", utc_ms) as one, Outbox(tmp_path / "b.db", utc_ms) as two:
        async with publishing(config, one, timing=timing) as first, publishing(config, two, timing=timing) as second:
            await until(lambda: any("another program" in up.problem for up in (first, second)), 30)


async def test_a_broker_that_shuts_down_is_sought_again_soon(configured: Configured, tmp_path: Path) -> None:
    script = Script(disconnect=0x8B)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with scripted(script), publishing(configured(script.port), outbox, timing=PATIENT):
            await until(lambda: script.heard.count(CONNECT) >= 2, 20)


@pytest.mark.parametrize("script", [Script(connack=None), Script(suback=None)], ids=["CONNECT", "SUBSCRIBE"])
async def test_a_broker_that_does_not_answer_is_asked_again(
    configured: Configured, tmp_path: Path, script: Script
) -> None:
    timing = Timing(answer_s=0.2, retry_first_s=0.2)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with scripted(script), publishing(configured(script.port), outbox, timing=timing) as up:
            await until(lambda: up.problem.endswith("takes the connection and does not answer"), 20)
            await until(lambda: script.heard.count(CONNECT) >= 2, 20)


@pytest.mark.parametrize("connack", [None, 0x84], ids=["silent", "unsupported"])
async def test_the_older_version_is_tried_at_once_and_then_the_broker_gets_its_rest(
    configured: Configured, tmp_path: Path, connack: int | None
) -> None:
    script = Script(connack=connack)
    timing = Timing(answer_s=0.3, retry_first_s=600.0, retry_longest_s=600.0)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with scripted(script), publishing(configured(script.port), outbox, timing=timing) as up:
            await until(lambda: script.heard.count(CONNECT) == 2, 20)
            await until(lambda: up._connection._line is None, 20)
            await asyncio.sleep(0.3)
            assert script.heard.count(CONNECT) == 2
            assert up.problem


async def test_a_broker_that_talks_nonsense_is_left(configured: Configured, tmp_path: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        config = configured(server.sockets[0].getsockname()[1])
        async with publishing(config, outbox, timing=replace(QUICK, answer_s=0.5)) as up:
            await until(lambda: up._connection.attempts >= 2, 20)
            assert up.problem
            assert not up.connected
    server.close()


async def test_an_older_broker_is_remembered(configured: Configured, any_broker: broker.Broker, tmp_path: Path) -> None:
    """amqtt does not answer MQTT 5 at all."""
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with publishing(configured(any_broker.port), outbox) as up:
            await until(lambda: up.connected, 30)
            first = up._connection.attempts
            assert first == (1 if any_broker.kind == "mosquitto" else 2)
            for n in (1, 2):
                cut(up)
                await until(lambda: not up.connected, 10)
                await until(lambda: up.connected, 20)
                assert up._connection.attempts == first + n
