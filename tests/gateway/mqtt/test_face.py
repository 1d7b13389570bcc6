"""What is wrong with the broker reaches whoever asks the gateway how it is."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import app, commands
from gateway.config import GatewayConfig, save
from server import broker
from tests.gateway.fake_clip import FakeRadio
from tests.gateway.mqtt.at_broker import utc_ms

Configured = Callable[..., GatewayConfig]


def asked(path: Path) -> Any:
    result = CliRunner().invoke(commands.app, ["status", "--json", "--config", str(path)])
    return json.loads(result.stdout) if result.exit_code == 0 else {}


async def run_until(config: GatewayConfig, path: Path, condition: Callable[[str], bool]) -> str:
    """Run the gateway until what it says of its broker is so; what `status` prints then."""
    save(path, config)
    stop = asyncio.Event()
    running = asyncio.create_task(app.run(config, utc_ms=utc_ms, stop=stop, radio=FakeRadio()))
    try:
        async with asyncio.timeout(30):
            while not condition((await asyncio.to_thread(asked, path)).get("broker_problem", "not told yet")):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        words = ["status", "--config", str(path)]
        return (await asyncio.to_thread(CliRunner().invoke, commands.app, words)).stdout
    finally:
        stop.set()
        await running


async def test_a_wrong_password_is_told_in_the_status_and_the_log_and_no_more_once_it_is_mended(
    mosquitto: broker.Broker, configured: Configured, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, problem = tmp_path / "gateway.json", "the broker does not let this gateway in"
    with caplog.at_level(logging.WARNING, "gateway"):
        wrong = configured(mosquitto.port, password="mistyped")
        told = await run_until(wrong, path, lambda said: said.startswith(problem))
    assert problem in " ".join(told.split())
    assert problem in caplog.text
    assert "mistyped" not in caplog.text
    told = await run_until(configured(mosquitto.port), path, lambda said: not said)
    assert problem not in " ".join(told.split())
