"""The server's `erase`, down to the firmware: what the clip held is told to nobody any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from firmware.clip import journal, keystore
from firmware.virtual import RadioHost, VirtualClip, simulate
from gateway import app, messages
from gateway import config as configuration
from gateway.config import ClipConfig, GatewayConfig
from gateway.lab.script import Script, Segment
from gateway.outbox import Outbox
from server import broker
from server.broker import Broker
from tests.gateway.conftest import ACCOUNTS, FakeServer
from tests.gateway.fake_clip import GATEWAY, KEY

pytestmark = pytest.mark.timeout(300)

SERIAL = "00112233445566aa"
START_UTC_MS = 1_795_000_000_000


async def _soon(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.2)


def _held(flash: Path) -> range:
    """Ids in the clip's journal that nobody has acknowledged."""
    ring = journal.Journal(str(flash / journal.FOLDER))
    with closing(ring):
        return range(ring.first, ring.next)


@pytest.fixture
def at_broker(tmp_path: Path) -> Broker:
    return broker.start(tmp_path / "broker", ACCOUNTS)


def test_what_the_clip_held_is_given_up(tmp_path: Path, at_broker: Broker) -> None:
    flash = tmp_path / "flash"
    flash.mkdir()
    keystore.save([(bytes.fromhex(GATEWAY), KEY)], str(flash / keystore.FILE))
    path = tmp_path / "gateway.json"
    made = GatewayConfig(
        gateway=GATEWAY,
        broker=f"mqtt://127.0.0.1:{at_broker.port}",
        password="gate",
        data_dir=tmp_path / "data",
        clips=(ClipConfig(serial=SERIAL, key=KEY.hex(), simulated=True),),
    )
    configuration.save(path, made)
    clip = VirtualClip(SERIAL, flash=flash, motion=Script([Segment(3600.0)], seed=3), heap="256k")
    server = FakeServer(at_broker.port)
    rows = 0

    async def main() -> None:
        nonlocal rows
        async with RadioHost([clip], start_utc_ms=START_UTC_MS) as host:
            await asyncio.sleep(125)  # two minutes that no gateway hears
            with await host.open_bluetooth("home"):
                stop = asyncio.Event()
                running = asyncio.create_task(app.run(made, utc_ms=host.utc_ms, stop=stop, config_file=path))
                await _soon(lambda: len(server.rows) > 2)
                command = messages.Command(
                    schema="command/1", id="e", clip=SERIAL, expires_utc_ms=host.utc_ms() + 600_000, kind="erase"
                )
                server.send("command", messages.encode(command))
                await _soon(lambda: bool(server.replies))
                rows = sum(len(batch.rows) for batch in server.batches)
                await asyncio.sleep(130)  # the clip goes on by itself
                stop.set()
                await running

    try:
        simulate(main())
    finally:
        server.close()
        at_broker.stop()
    (reply,) = server.replies
    assert reply.result == "done"
    assert "the clip gave up" in reply.detail
    assert sum(len(batch.rows) for batch in server.batches) == rows
    assert configuration.load(path).clips == ()
    with Outbox(made.database, lambda: 0) as outbox:
        assert outbox.waiting == 0
        assert outbox.names(SERIAL, "") == []
    held = _held(flash)
    assert 1 <= len(held) <= 3, "the minutes since, and nothing of before"
