"""The server's own connection over TLS, and what its log says when it cannot be made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.broker import Broker
from server.mqtt import address
from server.mqtt.address import broker_at
from server.mqtt.connection import Connection
from tests import tls_broker
from tests.certificates import Authority
from tests.server.mqtt.conftest import ACCOUNTS, PATIENCE_S


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls(tmp_path: Path, authority: Authority, request: pytest.FixtureRequest) -> Iterator[Broker]:
    with tls_broker.listening(tmp_path / "tls", ACCOUNTS, authority.server(**getattr(request, "param", {}))) as running:
        yield running


def at(running: Broker, ca_file: Path | None) -> address.Broker:
    return broker_at(f"mqtts://127.0.0.1:{running.port}", password="ours", ca_file=ca_file)


def said(broker: address.Broker, caplog: pytest.LogCaptureFixture, eventually: Callable[..., None]) -> str:
    """What the log says of a broker that the server does not come to."""
    connection = Connection(broker, lambda _: None, lambda: None)
    with caplog.at_level(logging.WARNING, "server.mqtt.connection"):
        connection.start()
        try:
            eventually(lambda: bool(caplog.messages))
            assert not connection.up
        finally:
            connection.stop()
    assert "ours" not in caplog.text
    return caplog.messages[0]


def test_the_server_comes_to_a_broker_that_is_who_it_says(tls: Broker, authority: Authority) -> None:
    connection = Connection(at(tls, authority.ca_file), lambda _: None, lambda: None)
    connection.start()
    try:
        assert connection.wait_until_up(PATIENCE_S)
    finally:
        connection.stop()


@pytest.mark.parametrize("tls", [{"address": "broker.example.org"}, {"from_day": -9, "to_day": -2}], indirect=True)
def test_a_certificate_that_does_not_fit(
    tls: Broker, authority: Authority, caplog: pytest.LogCaptureFixture, eventually: Callable[..., None]
) -> None:
    assert "its certificate is not to be trusted" in said(at(tls, authority.ca_file), caplog, eventually)


def test_an_authority_that_is_not_trusted(
    tls: Broker, caplog: pytest.LogCaptureFixture, eventually: Callable[..., None]
) -> None:
    assert "PLUMBLINE_SERVER_MQTT_CA_FILE" in said(at(tls, None), caplog, eventually)


def test_a_file_without_certificates(
    tls: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture, eventually: Callable[..., None]
) -> None:
    assert "no certificates can be read" in said(at(tls, tmp_path / "missing.pem"), caplog, eventually)


def test_a_port_without_tls(broker: Broker, caplog: pytest.LogCaptureFixture, eventually: Callable[..., None]) -> None:
    assert "does not speak TLS there" in said(at(broker, None), caplog, eventually)
