"""A mosquitto with dynamic security, as somebody else runs it; and clients that keep what they received."""

from __future__ import annotations

import os
import queue
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from server import children
from server.broker.run import free_port
from server.mqtt.address import Broker, broker_at

PATH = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
PATIENCE_S = 15.0
ADMIN, ADMIN_PASSWORD = "admin", "of the broker"


def plugin() -> Path | None:
    """mosquitto's dynamic security plugin, where it is installed."""
    found = [
        path
        for folder in ("/usr/lib", "/usr/local/lib")
        for path in Path(folder).rglob("mosquitto_dynamic_security.so")
    ]
    return found[0] if found else None


@dataclass
class Dynsec:
    """The broker, and what an administrator needs."""

    port: int
    log: Path
    child: subprocess.Popen[bytes] | None = None

    @property
    def admin(self) -> Broker:
        return broker_at(f"mqtt://127.0.0.1:{self.port}", username=ADMIN, password=ADMIN_PASSWORD)


@pytest.fixture(scope="module")
def start_dynsec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Dynsec]]:
    """Starts one that knows its administrator only."""
    started: list[Dynsec] = []

    def start() -> Dynsec:
        program, control, so = shutil.which("mosquitto", path=PATH), shutil.which("mosquitto_ctrl", path=PATH), plugin()
        if not program or not control or not so:
            pytest.skip("mosquitto with dynamic security is not installed")
        folder = tmp_path_factory.mktemp("dynsec")
        subprocess.run(
            [control, "dynsec", "init", folder / "accounts.json", ADMIN, ADMIN_PASSWORD],
            check=True,
            capture_output=True,
        )
        running = Dynsec(free_port(), folder / "log")
        lines = [
            f"listener {running.port} 127.0.0.1",
            "allow_anonymous false",
            f"plugin {so}",
            f"plugin_opt_config_file {folder / 'accounts.json'}",
            "user root",
        ]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        running.child = children.spawn([program, "-c", folder / "mosquitto.conf"], log=running.log)
        started.append(running)
        limit = time.monotonic() + PATIENCE_S
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", running.port)) != 0:
                assert time.monotonic() < limit, running.log.read_text()
                time.sleep(0.02)
        return running

    yield start
    for running in started:
        if running.child is not None:
            children.stop(running.child)


@dataclass
class Will:
    topic: str
    payload: bytes = b"will"
    retain: bool = True


@dataclass(eq=False)
class Client:
    """Somebody at a broker. What arrives is kept as (topic, payload)."""

    port: int
    name: str | None
    password: str | None = None
    v5: bool = True
    client_id: str = ""
    will: Will | None = None
    persistent: bool = False
    inbox: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)
    mqtt: Any = None
    _answers: queue.Queue[tuple[str, Any]] = field(default_factory=queue.Queue)

    def connect(self) -> bool:
        """Whether the broker takes us in. There is a new connection each time, and none that comes back by itself."""
        protocol = MQTTProtocolVersion.MQTTv5 if self.v5 else MQTTProtocolVersion.MQTTv311
        clean = None if self.v5 else not self.persistent
        client = self.mqtt = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            clean_session=clean,
            protocol=protocol,
            reconnect_on_failure=False,
        )
        if self.name is not None:
            client.username_pw_set(self.name, self.password)
        if self.will is not None:
            client.will_set(self.will.topic, self.will.payload, qos=1, retain=self.will.retain)
        answers = self._answers = queue.Queue()
        client.on_connect = lambda _c, _u, _f, code, _p: answers.put(("connected", not code.is_failure))
        client.on_subscribe = lambda _c, _u, _m, codes, _p: answers.put(("subscribed", not codes[0].is_failure))
        client.on_publish = lambda _c, _u, _m, code, _p: answers.put(("published", not code.is_failure))
        client.on_disconnect = lambda *_: answers.put(("closed", False))
        client.on_message = lambda _c, _u, message: self.inbox.put((message.topic, bytes(message.payload)))
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        return self._answer("connected")

    def subscribe(self, topic: str) -> bool:
        """Whether the subscription was granted."""
        self.mqtt.subscribe(topic, qos=1)
        return self._answer("subscribed")

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Whether the broker said that it has taken the message; MQTT 3.1.1 cannot say that it has not."""
        self.mqtt.publish(topic, payload, qos=1, retain=retain)
        return self._answer("published")

    def wait_until_closed(self) -> None:
        """Wait until the broker ends the connection."""
        while self._answers.get(timeout=PATIENCE_S)[0] != "closed":
            pass

    def received(self, until: tuple[str, bytes]) -> list[tuple[str, bytes]]:
        """Everything that came up to `until`, without it."""
        got: list[tuple[str, bytes]] = []
        while (message := self.inbox.get(timeout=PATIENCE_S)) != until:
            got.append(message)
        return got

    def break_off(self) -> None:
        """Vanish without a word, so that the broker sends the will."""
        self.mqtt.socket().shutdown(socket.SHUT_RDWR)
        self.mqtt.loop_stop()

    def close(self) -> None:
        if self.mqtt is not None:
            self.mqtt.disconnect()
            self.mqtt.loop_stop()

    def _answer(self, wanted: str) -> bool:
        """What was answered; False when the connection ended instead, which is opened anew."""
        kind, value = self._answers.get(timeout=PATIENCE_S)
        if kind == "closed":
            if wanted != "connected":
                assert self.connect(), "not even back"
            return False
        assert kind == wanted
        return bool(value)
