"""The connection comes back: brokers that restart, passwords that are wrong, addresses that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.broker import Account, Broker, start
from server.broker.run import free_port
from server.mqtt.address import BrokerUrlError, broker_at
from server.mqtt.connection import Connection, Delivery

PATIENCE_S = 20.0


def test_addresses() -> None:
    assert (broker_at("mqtt://example.org").port, broker_at("mqtts://example.org").port) == (1883, 8883)
    named = broker_at("mqtts://me:secret@[::1]:9", password="other", ca_file=Path("ca.pem"))
    assert (named.host, named.port, named.username, named.password) == ("::1", 9, "me", "secret")
    assert named.tls
    assert "secret" not in repr(named)


@pytest.mark.parametrize("url", ["", "example.org", "http://example.org", "mqtt://", "mqtt://x:70000", "mqtt://x/path"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(BrokerUrlError):
        broker_at(url)


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"], indirect=True)
def test_it_comes_back_after_the_broker_did(broker: Broker, tmp_path: Path, eventually: Callable[..., None]) -> None:
    ups: list[int] = []
    connection = Connection(broker_at(broker.url, password="ours"), lambda _: None, lambda: ups.append(1))
    connection.start()
    try:
        assert connection.wait_until_up(PATIENCE_S)
        broker.stop()
        eventually(lambda: not connection.up)
        assert not connection.publish("plumbline/v1/x/down/ack", b"")
        again = start(tmp_path / "again", [Account("server", "ours", "server")], kind=broker.kind, port=broker.port)
        try:
            assert connection.wait_until_up(PATIENCE_S)
            assert len(ups) == 2
        finally:
            again.stop()
    finally:
        connection.stop()


def test_a_wrong_password_and_an_absent_broker_end_when_told_to(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    for address in (broker_at(broker.url, password="guess"), broker_at(f"mqtt://127.0.0.1:{free_port()}")):
        connection = Connection(address, lambda _: None, lambda: None)
        connection.start()
        assert not connection.wait_until_up(1.0)
        connection.stop()
        assert connection._session > 1
    assert len(caplog.records) == len({record.message for record in caplog.records}) == 2, "a line each, not an attempt"


def test_an_acknowledgement_of_an_earlier_session_is_dropped(broker: Broker) -> None:
    taken: list[Delivery] = []
    connection = Connection(broker_at(broker.url, password="ours"), taken.append, lambda: None)
    connection.start()
    try:
        assert connection.wait_until_up(PATIENCE_S)
        acked: list[Any] = []
        assert connection._client is not None
        connection._client.ack = lambda *arguments: acked.append(arguments)  # type: ignore[method-assign, assignment]
        connection.acknowledge(Delivery("t", b"", 1, 5, session=0))
        connection.acknowledge(Delivery("t", b"", 1, 6, session=connection._session))
        connection.acknowledge(Delivery("t", b"", 0, 7, session=connection._session))
        assert acked == [(6, 1)]
    finally:
        connection.stop()
