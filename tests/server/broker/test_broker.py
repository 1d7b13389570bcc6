"""Both brokers, started for real: accounts, rules, and an end that leaves nothing behind."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.messages import topic
from server.broker import Account, Broker, BrokerError, start
from server.broker.run import Kind, free_port
from server.broker.verifier import matches, verifier_of

ME, OTHER = "0" * 16, "1" * 16
ACCOUNTS = (
    Account(ME, "mine", "gateway"),
    Account(OTHER, "theirs", "gateway"),
    Account("server", "ours", "server"),
)
PATH = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"


@pytest.fixture(params=["mosquitto", "amqtt"])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def broker(kind: Kind, tmp_path: Path) -> Iterator[Broker]:
    if kind == "mosquitto" and not shutil.which("mosquitto", path=PATH):
        pytest.skip("mosquitto is not installed")
    running = start(tmp_path / "broker", ACCOUNTS, kind=kind)
    try:
        yield running
    finally:
        running.stop()


class Peer:
    """A client that keeps what it received."""

    def __init__(self, broker: Broker, name: str, password: str) -> None:
        version = MQTTProtocolVersion.MQTTv5 if broker.kind == "mosquitto" else MQTTProtocolVersion.MQTTv311
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self.client.username_pw_set(name, password)
        self.connected: queue.Queue[bool] = queue.Queue()
        self.subscribed: queue.Queue[bool] = queue.Queue()
        self.published: queue.Queue[bool] = queue.Queue()
        self.received: queue.Queue[tuple[str, bytes | bytearray]] = queue.Queue()
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.connected.put(not reason.is_failure)
        self.client.on_subscribe = lambda _c, _u, _m, codes, _p: self.subscribed.put(not codes[0].is_failure)
        self.client.on_publish = lambda _c, _u, _m, code, _p: self.published.put(not code.is_failure)
        self.client.on_message = lambda _c, _u, message: self.received.put((message.topic, message.payload))
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_a_wrong_password_is_refused(broker: Broker) -> None:
    peer = Peer(broker, ME, "guess")
    try:
        assert peer.connected.get(timeout=10) is False
    finally:
        peer.close()


def test_each_hears_only_what_is_meant_for_it(broker: Broker) -> None:
    server, me, other = Peer(broker, "server", "ours"), Peer(broker, ME, "mine"), Peer(broker, OTHER, "theirs")
    try:
        for peer, wanted in (
            (server, "plumbline/v1/+/up/#"),
            (me, f"plumbline/v1/{ME}/down/#"),
            (other, f"plumbline/v1/{ME}/down/#"),
        ):
            assert peer.connected.get(timeout=10)
            peer.client.subscribe(wanted, qos=1)
            peer.subscribed.get(timeout=10)  # mosquitto grants any subscription and then filters
        server.client.publish(topic(ME, "down", "ack"), b"to me", qos=1)
        assert me.received.get(timeout=10) == (topic(ME, "down", "ack"), b"to me")
        other.client.publish(topic(ME, "up", "records"), b"forged", qos=1)
        other.published.get(timeout=10)
        me.client.publish(topic(ME, "up", "records"), b"mine", qos=1)
        assert server.received.get(timeout=10) == (topic(ME, "up", "records"), b"mine")
        assert server.received.empty()
        assert other.received.empty()
    finally:
        for peer in (server, me, other):
            peer.close()


@pytest.mark.parametrize("kind", ["mosquitto"])  # the built-in broker speaks MQTT 3.1.1, which has no reason codes
def test_a_refused_publish_is_told_under_mqtt_5(broker: Broker) -> None:
    peer = Peer(broker, OTHER, "theirs")
    try:
        assert peer.connected.get(timeout=10)
        peer.client.publish(topic(ME, "up", "records"), b"forged", qos=1)
        assert peer.published.get(timeout=10) is False
    finally:
        peer.close()


def test_a_port_in_use_gets_a_clear_error(broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=str(broker.port)):
        start(tmp_path / "second", ACCOUNTS, kind=broker.kind, port=broker.port)


def test_a_free_port_goes_to_who_names_it() -> None:
    if sys.platform != "linux":
        pytest.skip("when a port is free is for each system to say")
    port = free_port()
    with socket.socket() as anyone, pytest.raises(OSError, match="in use"):
        anyone.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as listener:  # which reuses addresses
        assert listener.getsockname() == ("127.0.0.1", port)


def test_the_broker_dies_with_its_parent(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux ends a child with its parent")
    program = (
        "import sys, time; from pathlib import Path; from server.broker import Account, start\n"
        f"b = start(Path({str(tmp_path)!r}), [Account('s', 'p', 'server')], kind='amqtt', port={free_port()})\n"
        "print(b.child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().split()[2] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("the broker is still there")


def test_accounts_change_while_the_broker_runs(broker: Broker) -> None:
    server, me = Peer(broker, "server", "ours"), Peer(broker, ME, "mine")
    fresh: Peer | None = None
    try:
        assert server.connected.get(timeout=10)
        assert me.connected.get(timeout=10)
        ended: queue.Queue[bool] = queue.Queue()
        me.client.on_disconnect = lambda *_: ended.put(True)
        added = Account("2" * 16, "", "gateway", verifier_of("added"))
        broker.admit([ACCOUNTS[2], added])
        assert ended.get(timeout=10)
        assert me.connected.get(timeout=10) is False  # the client has come again by itself
        fresh = Peer(broker, added.name, "added")
        assert fresh.connected.get(timeout=10)
        fresh.client.subscribe(topic(added.name, "down", "ack"), qos=1)
        assert fresh.subscribed.get(timeout=10)
        server.client.publish(topic(added.name, "down", "ack"), b"welcome", qos=1)
        assert fresh.received.get(timeout=10)[1] == b"welcome"
    finally:
        for peer in (server, me, fresh):
            if peer is not None:
                peer.close()


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_verifier_knows_its_password_only(password: str, other: str) -> None:
    verifier = verifier_of(password)
    assert matches(password, verifier)
    assert matches(other, verifier) is (other == password)
    assert not matches(password, other)
