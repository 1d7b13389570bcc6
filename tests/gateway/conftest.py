"""A real broker and a stand-in for the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway import messages
from gateway.config import ClipConfig, GatewayConfig
from server import broker
from tests.gateway.fake_clip import GATEWAY, KEY, SERIAL

ACCOUNTS = [broker.Account(GATEWAY, "gate", "gateway"), broker.Account("server", "serve", "server")]


@pytest.fixture(params=["mosquitto", "amqtt"])
def any_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[broker.Broker]:
    yield from _started(tmp_path / "broker", request.param)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[broker.Broker]:
    yield from _started(tmp_path / "broker", "mosquitto")


def _started(folder: Path, kind: Literal["mosquitto", "amqtt"], port: int = 0) -> Iterator[broker.Broker]:
    try:
        running = broker.start(folder, ACCOUNTS, kind=kind, port=port)
    except broker.BrokerError as error:
        if kind == "mosquitto" and "not on PATH" in str(error):
            pytest.skip(str(error))
        raise
    try:
        yield running
    finally:
        running.stop()


class FakeServer:
    """Takes what the gateway sends; acknowledges it unless told not to."""

    def __init__(self, port: int, ca_file: Path | None = None) -> None:
        self.acknowledge = True
        self.reject: Callable[[messages.Row], str | None] = lambda _: None
        self.batches: list[messages.Records] = []
        self.rows: dict[int, dict[str, object]] = {}
        self.statuses: list[messages.Status] = []
        self.replies: list[messages.Reply] = []
        self.live: list[messages.Live] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("server", "serve")
        if ca_file is not None:
            self._client.tls_set(str(ca_file))
        self._client.on_connect = lambda client, *_: client.subscribe("plumbline/v1/+/up/#", 1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_message(self, _client: mqtt.Client, _userdata: object, incoming: mqtt.MQTTMessage) -> None:
        _, _, kind = messages.split_topic(incoming.topic)
        message = messages.parse(kind, bytes(incoming.payload))
        if isinstance(message, messages.Records):
            self.batches.append(message)
            if self.acknowledge:
                self.settle(message)
        elif isinstance(message, messages.Status):
            self.statuses.append(message)
        elif isinstance(message, messages.Reply):
            self.replies.append(message)
        elif isinstance(message, messages.Live):
            self.live.append(message)

    def settle(self, batch: messages.Records) -> None:
        rejected = []
        for row in batch.rows:
            if (reason := self.reject(row)) is not None:
                rejected.append(messages.Rejected(n=row.n, reason=reason))
            else:
                self.rows[row.n] = row.record
        ack = messages.Ack(
            schema="ack/1", spool=batch.spool, first=batch.first, last=batch.last, rejected=tuple(rejected)
        )
        self.send("ack", messages.encode(ack))

    def send(self, kind: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(messages.topic(GATEWAY, "down", kind), payload, qos=1, retain=retain)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@asynccontextmanager
async def _serving(port: int, ca_file: Path | None = None) -> AsyncIterator[FakeServer]:
    server = await asyncio.to_thread(FakeServer, port, ca_file)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.close)


@pytest.fixture
def serving() -> Callable[[int], object]:
    """Makes a FakeServer at a port: `async with serving(port) as server`."""
    return _serving


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., GatewayConfig]:
    """Makes the configuration of a gateway with one clip at a broker's port."""

    def make(port: int, **options: object) -> GatewayConfig:
        return GatewayConfig.model_validate(
            {
                "gateway": GATEWAY,
                "broker": f"mqtt://127.0.0.1:{port}",
                "password": "gate",
                "data_dir": tmp_path / "data",
                "clips": (ClipConfig(serial=SERIAL, key=KEY.hex()),),
            }
            | options
        )

    return make
