"""TLS: who is trusted, and what is said of those who are not. The rows stay in every case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import messages
from gateway.config import GatewayConfig
from gateway.outbox import Outbox
from server import broker
from tests import tls_broker
from tests.certificates import Authority
from tests.gateway.conftest import ACCOUNTS
from tests.gateway.jump import until
from tests.gateway.mqtt.at_broker import fill, publishing, utc_ms

Configured = Callable[..., GatewayConfig]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls(tmp_path: Path, authority: Authority, request: pytest.FixtureRequest) -> Iterator[broker.Broker]:
    with tls_broker.listening(tmp_path / "tls", ACCOUNTS, authority.server(**getattr(request, "param", {}))) as running:
        yield running


async def told(config: GatewayConfig, tmp_path: Path) -> str:
    """What the publisher says of this broker, after it was seen that it keeps its row."""
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 1)
        async with publishing(config, outbox) as up:
            await until(lambda: bool(up.problem), 30)
            assert not up.connected
            assert outbox.waiting == 1
            assert len(up.problem) <= 250
            assert messages.Status(schema="status/1", online=True, utc_ms=0, broker_problem=up.problem)
            return up.problem


async def test_rows_go_to_a_broker_that_is_who_it_says(
    tls: broker.Broker, authority: Authority, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    config = configured(tls.port, broker=f"mqtts://127.0.0.1:{tls.port}", ca_file=authority.ca_file)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        fill(outbox, 5)
        async with serving(tls.port, authority.ca_file), publishing(config, outbox) as up:
            await until(lambda: outbox.waiting == 0, 30)
            line: Any = up._connection._line
            assert line._client.socket().version() in {"TLSv1.2", "TLSv1.3"}
            assert up.problem == ""


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        ({"address": "broker.example.org"}, "another name than 127.0.0.1; check broker in"),
        ({"from_day": -9, "to_day": -2}, "has expired"),
        ({"from_day": 2, "to_day": 9}, "not valid yet; check this computer's clock"),
    ],
    indirect=["tls"],
)
async def test_a_certificate_that_does_not_fit_is_refused(
    tls: broker.Broker, authority: Authority, configured: Configured, tmp_path: Path, words: str
) -> None:
    config = configured(tls.port, broker=f"mqtts://127.0.0.1:{tls.port}", ca_file=authority.ca_file)
    assert words in await told(config, tmp_path)


@pytest.mark.parametrize("other", [True, False], ids=["another authority", "the system's authorities"])
async def test_an_authority_that_is_not_ours_is_refused(
    tls: broker.Broker, configured: Configured, tmp_path: Path, *, other: bool
) -> None:
    ca_file = Authority(tmp_path, "another").ca_file if other else None
    config = configured(tls.port, broker=f"mqtts://127.0.0.1:{tls.port}", ca_file=ca_file)
    problem = await told(config, tmp_path)
    assert "an authority that is not trusted here" in problem
    assert "ca_file" in problem


async def test_plain_words_to_a_tls_port(tls: broker.Broker, configured: Configured, tmp_path: Path) -> None:
    problem = await told(configured(tls.port), tmp_path)
    assert "closes the connection without an answer" in problem
    assert "mqtts://" in problem


async def test_tls_to_a_plain_port(mosquitto: broker.Broker, configured: Configured, tmp_path: Path) -> None:
    problem = await told(configured(mosquitto.port, broker=f"mqtts://127.0.0.1:{mosquitto.port}"), tmp_path)
    assert "does not speak TLS; check the port" in problem


@pytest.mark.parametrize("text", [None, "", "no certificate"])
async def test_authorities_that_cannot_be_read(configured: Configured, tmp_path: Path, text: str | None) -> None:
    ca_file = tmp_path / "given.pem"
    if text is not None:
        ca_file.write_text(text)
    problem = await told(configured(1, broker="mqtts://127.0.0.1:1", ca_file=ca_file), tmp_path)
    assert problem.startswith(f"ca_file {ca_file} cannot be used: ")


async def test_what_cannot_be_reached(configured: Configured, tmp_path: Path) -> None:
    assert "cannot be reached" in await told(configured(broker.run.free_port()), tmp_path)


@pytest.mark.parametrize("host", ["nowhere.invalid", "no..where", "x" * 70])
async def test_a_name_that_nobody_has(configured: Configured, tmp_path: Path, host: str) -> None:
    assert f"{host} is not to be found" in await told(configured(1, broker=f"mqtt://{host}:1883"), tmp_path)
