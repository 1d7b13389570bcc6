"""A gateway that runs between a fake clip and no broker, and the command line beside it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway import app, commands, timekeeping
from gateway.config import GatewayConfig
from gateway.face import caller, door, probes
from gateway.face.asking import Ask
from gateway.inside import Face
from tests.gateway import fake_clip
from tests.gateway.fake_clip import FakeClip, FakeRadio
from tests.gateway.jump import until

NOWHERE = 1
"""A port at which there is no broker."""


def utc_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def running(
    config: GatewayConfig, *clips: FakeClip, faces: tuple[Face, ...] = (door.serve,)
) -> AsyncIterator[asyncio.Task[None]]:
    """A gateway whose clips, where there are any, are connected."""
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(config, utc_ms=utc_ms, stop=stop, radio=FakeRadio(*clips), faces=faces))
    try:
        await until(lambda: task.done() or caller.in_use(config.data_dir))
        await until(lambda: all(clip.leases for clip in clips), 20)
        yield task
    finally:
        stop.set()
        await task


async def ask(config: GatewayConfig, kind: Any, **fields: Any) -> Any:
    question = Ask.model_validate({"schema": "ask/1", "kind": kind} | fields)
    return await asyncio.to_thread(caller.ask, config.data_dir, question)


@pytest.fixture
def settings(configured: Callable[..., GatewayConfig]) -> GatewayConfig:
    return configured(NOWHERE, password="the password at the broker")


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about waiting for a radio or for a broker."""
    monkeypatch.setattr(fake_clip, "LATENCY_S", 0.001)
    monkeypatch.setattr(timekeeping, "PING_APART_S", 0.001)
    monkeypatch.setattr(probes, "OTHER_VERSION_S", 0.1)


@pytest.fixture
def config_file(settings: GatewayConfig, tmp_path: Path) -> Path:
    path = tmp_path / "gateway.json"
    path.write_text(json.dumps(settings.model_dump(mode="json")))
    path.chmod(0o600)
    return path


@pytest.fixture
def call(config_file: Path) -> Callable[..., Result]:
    """Calls `plumbline gateway` with arguments and the configuration."""

    def run(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(commands.app, [*arguments, "--config", str(config_file)], **options)

    return run
