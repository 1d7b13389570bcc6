"""A broker, a store and a worker between them; a gateway that speaks for itself."""

from __future__ import annotations

import queue
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from sqlalchemy import Engine

from gateway import messages
from server.broker import Account, Broker, start
from server.broker.run import Kind
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient
from server.mqtt.address import broker_at
from server.mqtt.worker import Worker

NOW = 1_790_000_000_000
GATEWAY, OTHER, CLIP = "1" * 16, "2" * 16, "a" * 16
ACCOUNTS = (
    Account(GATEWAY, "mine", "gateway"),
    Account(OTHER, "theirs", "gateway"),
    Account("server", "ours", "server"),
)
PATIENCE_S = 15.0


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Kind:
    """The broker to use: the one asked for by an indirect parameter, else mosquitto where it is installed."""
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    chosen: Kind = getattr(request, "param", "mosquitto" if found else "amqtt")
    if chosen == "mosquitto" and not found:
        pytest.skip("mosquitto is not installed")
    return chosen


@pytest.fixture
def broker(kind: Kind, tmp_path: Path) -> Iterator[Broker]:
    running = start(tmp_path / "broker", ACCOUNTS, kind=kind)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def patient_id(engine: Engine) -> int:
    made = enrol_patient(engine, name="Anna", zone="Europe/Berlin", now_ms=0)
    for gateway_id in (GATEWAY, OTHER):
        enrol_gateway(engine, gateway_id, name="home", now_ms=0)
    assign_clip(engine, CLIP, made, start_ms=0, now_ms=0, gateway_id=GATEWAY)
    return made


@pytest.fixture
def worker(engine: Engine, broker: Broker, patient_id: int) -> Iterator[Worker]:
    running = Worker(engine, broker_at(broker.url, password="ours"), lambda: NOW)
    running.start()
    try:
        assert running.wait_until_connected(PATIENCE_S)
        yield running
    finally:
        running.stop()


class Station:
    """A gateway's connection; what comes down is kept."""

    def __init__(self, broker: Broker, name: str = GATEWAY, password: str = "mine") -> None:
        v5 = broker.kind == "mosquitto"
        self.name = name
        self.down: queue.Queue[tuple[str, messages.Model]] = queue.Queue()
        self._ready: queue.Queue[bool] = queue.Queue()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
        )
        self.client.username_pw_set(name, password)
        self.client.on_connect = self._subscribe
        self.client.on_subscribe = lambda *_: self._ready.put(True)
        self.client.on_message = self._take
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self._ready.get(timeout=PATIENCE_S)

    def _subscribe(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(f"{messages.ROOT}/{self.name}/down/#", 1)

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        kind = message.topic.rsplit("/", 1)[1]
        self.down.put((kind, messages.parse(kind, bytes(message.payload))))

    def send(self, kind: str, payload: messages.Model | bytes, *, qos: int = 1) -> None:
        data = payload if isinstance(payload, bytes) else messages.encode(payload)
        self.client.publish(messages.topic(self.name, "up", kind), data, qos=qos)

    def get(self, kind: str) -> Any:
        """The next message of a kind; others before it are dropped."""
        while True:
            got, message = self.down.get(timeout=PATIENCE_S)
            if got == kind:
                return message

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def open_station(broker: Broker) -> Iterator[Callable[[], Station]]:
    opened: list[Station] = []

    def connect() -> Station:
        opened.append(Station(broker))
        return opened[-1]

    yield connect
    for station in opened:
        station.close()


@pytest.fixture
def station(open_station: Callable[[], Station], worker: Worker) -> Station:
    return open_station()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until something holds, and fails when it does not in time."""

    def wait(holds: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < limit, "it did not happen in time"
            time.sleep(0.02)

    return wait


@pytest.fixture
def records() -> Callable[..., messages.Records]:
    """Makes a message of epochs of these minutes."""

    def make(*minutes: int, first: int = 1, **changes: Any) -> messages.Records:
        rows = [
            {
                "n": first + i,
                "record": {
                    "kind": "epoch",
                    "clip": CLIP,
                    "boot": "0" * 16,
                    "judge": "gateway",
                    "start_ms": minute * 60_000,
                    "rev": 1,
                    "utc_ms": NOW + minute * 60_000,
                    "plan": 1,
                    "calibration": 1,
                    "codes": "a" * 60,
                    "sagittal": [3] * 30,
                }
                | changes,
            }
            for i, minute in enumerate(minutes)
        ]
        return messages.Records.model_validate(
            {"schema": "records/1", "spool": "5" * 32, "first": first, "last": first + len(rows) - 1, "rows": rows}
        )

    return make
