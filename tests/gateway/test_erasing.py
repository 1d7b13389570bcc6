"""The server's `erase`: nothing of the clip stays here or goes up any more, whatever ends the process meanwhile."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from firmware.clip import protocol
from gateway import app, erasing, messages
from gateway import config as configuration
from gateway.config import GatewayConfig
from gateway.erasing import Erasing
from gateway.ledger import FORSAKEN, Ledger
from gateway.outbox import ERASING, Outbox, OutboxError
from server import broker
from tests.gateway.fake_clip import GATEWAY, KEY, SERIAL, FakeClip, FakeRadio
from tests.gateway.jump import until

Configured = Callable[..., GatewayConfig]
records = protocol.records
OTHER = "00000000c11b0002"
UNKNOWN = "00000000c11b0003"
ROUNDS = int(os.environ.get("PLUMBLINE_KILLS", "40")) // 10


def utc_ms() -> int:
    return time.time_ns() // 1_000_000


def command(kind: Any, number: str, clip: str, *, within_ms: int = 30_000) -> bytes:
    return messages.encode(
        messages.Command(schema="command/1", id=number, clip=clip, expires_utc_ms=utc_ms() + within_ms, kind=kind)
    )


def erase(number: str, clip: str = SERIAL, *, within_ms: int = 30_000) -> bytes:
    return command("erase", number, clip, within_ms=within_ms)


def boot(clip: FakeClip) -> bytes:
    return records.pack_event(records.BOOT, clip.boot, len(clip.journal), 0, 0, 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.json"


@pytest.fixture
def two_clips(configured: Configured, path: Path) -> Callable[[int], GatewayConfig]:
    def make(port: int) -> GatewayConfig:
        clips = [{"serial": serial, "key": KEY.hex()} for serial in (SERIAL, OTHER)]
        made = configured(port, clips=clips)
        configuration.save(path, made)
        return made

    return make


@asynccontextmanager
async def gateway(config: GatewayConfig, path: Path, *clips: FakeClip) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(config, utc_ms=utc_ms, stop=stop, radio=FakeRadio(*clips), config_file=path))
    try:
        yield
    finally:
        stop.set()
        await task


def serials(path: Path) -> list[str]:
    return [clip.serial for clip in configuration.load(path).clips]


def lines_with(database: Path, clip: str) -> list[str]:
    """What the file says of a clip, but for the replies about its erasure."""
    with closing(sqlite3.connect(database)) as db:
        found = [line for line in db.iterdump() if clip in line or clip.encode().hex() in line.lower()]
    return [line for line in found if '"reply/1"' not in line and "INSERT INTO \"state\" VALUES('replies'" not in line]


def from_clip(batches: list[messages.Records], clip: str) -> int:
    return sum(row.record.get("clip") == clip for batch in batches for row in batch.rows)


async def test_nothing_of_the_clip_stays_and_the_other_goes_on(
    mosquitto: broker.Broker, two_clips: Callable[[int], GatewayConfig], path: Path, serving: Any
) -> None:
    clips = FakeClip(), FakeClip(serial=OTHER)
    for clip in clips:
        clip.append(boot(clip))
    config = two_clips(mosquitto.port)
    async with serving(mosquitto.port) as server:
        async with gateway(config, path, *clips):
            await until(lambda: all(clip.acknowledged[-1:] == [1] for clip in clips), 20)
            await until(lambda: {row["clip"] for row in server.rows.values()} == {SERIAL, OTHER}, 20)
            server.acknowledge = False
            clips[0].append(boot(clips[0]))
            await until(lambda: clips[0].acknowledged[-1:] == [2], 20)
            clips[0].journal_next += 3  # the clip holds some that it has not sent
            clips[0].journal |= dict.fromkeys(range(3, 6), boot(clips[0]))
            server.send("command", erase("e"))
            await until(lambda: bool(server.replies), 20)
            (reply,) = server.replies
            assert (reply.id, reply.clip, reply.result) == ("e", SERIAL, "done")
            assert "gave up the 3 records" in reply.detail
            assert clips[0].acknowledged[-1] == 5
            assert clips[0].gatt is None

            assert serials(path) == [OTHER]
            assert lines_with(config.database, SERIAL) == []
            await until(lambda: [one.clip for one in server.statuses[-1].clips] == [OTHER], 20)
            server.acknowledge = True
            seen, leases, connections = len(server.batches), len(clips[1].leases), clips[0].connections
            clips[1].append(boot(clips[1]))
            await until(lambda: clips[1].acknowledged[-1:] == [2] and from_clip(server.batches[seen:], OTHER) > 0, 20)
            await until(lambda: len(clips[1].leases) > leases + 1, 20)
            assert from_clip(server.batches[seen:], SERIAL) == 0
            assert clips[0].connections == connections

            # Whoever did not hear asks again; and another may ask for the same.
            server.send("command", erase("e"))
            server.send("command", erase("f"))
            await until(lambda: [r.id for r in server.replies].count("e") == 2, 20)
            await until(lambda: {r.result for r in server.replies if r.id == "f"} == {"done"}, 20)

            # A plan that the broker still has is not taken in again.
            plan = messages.PlanMessage(schema="plan/1", clip=SERIAL, plan=messages.Plan(version=2))
            server.send("plan", messages.encode(plan))
            server.send("command", command("resend", "g", OTHER))
            await until(lambda: server.replies[-1].id == "g", 20)
        async with gateway(configuration.load(path), path, *clips):
            await until(lambda: server.statuses[-1].online and len(server.statuses[-1].clips) == 1, 20)
            assert clips[0].connections == connections
    assert lines_with(config.database, SERIAL) == []
    for file in config.data_dir.glob("gateway.db*"):
        assert f'"clip":"{SERIAL}","boot"'.encode() not in file.read_bytes(), "a record, in a page that is free"


async def test_what_is_not_there_is_erased_and_what_comes_late_is_not(
    mosquitto: broker.Broker, two_clips: Callable[[int], GatewayConfig], path: Path, serving: Any
) -> None:
    async with serving(mosquitto.port) as server, gateway(two_clips(mosquitto.port), path):
        await until(lambda: bool(server.statuses), 20)
        server.send("command", erase("unknown", UNKNOWN))
        server.send("command", erase("late", SERIAL, within_ms=-1))
        await until(lambda: len(server.replies) == 2, 20)
        assert {r.id: (r.result, r.detail) for r in server.replies} == {
            "unknown": ("done", ""),
            "late": ("expired", ""),
        }
        assert serials(path) == [SERIAL, OTHER]


async def test_a_clip_out_of_reach_tells_nothing_of_before_when_it_is_back(
    mosquitto: broker.Broker, two_clips: Callable[[int], GatewayConfig], path: Path, serving: Any
) -> None:
    clip = FakeClip()
    for _ in range(3):
        clip.append(boot(clip))
    clip.in_reach = False
    config = two_clips(mosquitto.port)
    async with serving(mosquitto.port) as server:
        async with gateway(config, path, clip):
            await until(lambda: bool(server.statuses), 20)
            server.send("command", erase("e"))
            await until(lambda: bool(server.replies), 20)
            assert server.replies[0].result == "done"
            assert "not in reach" in server.replies[0].detail
        clip.in_reach = True
        configuration.save(path, config)  # paired again
        async with gateway(config, path, clip):
            await until(lambda: clip.acknowledged == [3], 20)
            clip.append(boot(clip))
            await until(lambda: clip.acknowledged[-1:] == [4], 20)
            await until(lambda: from_clip(server.batches, SERIAL) > 0, 20)
            told = [row["start_ms"] for row in server.rows.values() if row["kind"] == "boot"]
            assert told == [3], "only what came after"
        with Outbox(config.database, utc_ms) as outbox:
            assert not Ledger(outbox, SERIAL).forsaken


async def test_what_a_crash_cut_short_is_finished_before_the_clip_is_looked_for(
    mosquitto: broker.Broker, two_clips: Callable[[int], GatewayConfig], path: Path, serving: Any
) -> None:
    config = two_clips(mosquitto.port)
    clips = FakeClip(), FakeClip(serial=OTHER)
    with Outbox(config.database, utc_ms) as outbox:
        outbox.put([messages.Unreadable(clip=clip, journal_id=1) for clip in (SERIAL, OTHER)])
        Erasing(outbox, path).decide(SERIAL, holds=True)
    async with serving(mosquitto.port) as server, gateway(config, path, *clips):
        await until(lambda: from_clip(server.batches, OTHER) > 0 and serials(path) == [OTHER], 20)
        await until(lambda: clips[1].leases != [], 20)
        assert from_clip(server.batches, SERIAL) == 0
        assert clips[0].connections == 0
        server.send("command", erase("e"))
        await until(lambda: [r.result for r in server.replies] == ["done"], 20)
    with Outbox(config.database, utc_ms) as outbox:
        assert Erasing(outbox, path).unfinished == []
        assert outbox.names(FORSAKEN, "") == [SERIAL]


async def test_a_file_that_cannot_be_written_is_tried_again(
    mosquitto: broker.Broker,
    two_clips: Callable[[int], GatewayConfig],
    path: Path,
    serving: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(erasing, "RETRY_S", 0.05)
    config = two_clips(mosquitto.port)
    failures = {"decide": 1, "take_out": 2, "scrub": 1}

    def fails_at_first(target: Any, name: str, error: Exception) -> None:
        real = getattr(target, name)

        def attempt(*arguments: Any, **named: Any) -> Any:
            if failures[name]:
                failures[name] -= 1
                raise error
            return real(*arguments, **named)

        monkeypatch.setattr(target, name, attempt)

    fails_at_first(Erasing, "decide", OutboxError("disk full"))
    fails_at_first(configuration, "take_out", OSError(13, "no permission"))
    fails_at_first(Outbox, "scrub", OutboxError("disk full"))
    async with serving(mosquitto.port) as server, gateway(config, path):
        await until(lambda: bool(server.statuses), 20)
        server.send("command", erase("e"))
        await until(lambda: not failures["decide"], 20)
        assert server.replies == []
        assert serials(path) == [SERIAL, OTHER]
        server.send("command", erase("e"))
        await until(lambda: [r.result for r in server.replies] == ["done"], 20)
        assert failures == {"decide": 0, "take_out": 0, "scrub": 0}
        assert serials(path) == [OTHER]


def test_what_is_being_erased_is_not_handed_out(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        outbox.put([messages.Unreadable(clip=clip, journal_id=n) for n in range(3) for clip in (SERIAL, OTHER)])
        Erasing(outbox, None).decide(SERIAL, holds=False)
        for _ in range(2):  # the oldest and the newest
            batch = outbox.next_batch(10)
            assert batch is not None
            assert {row.record["clip"] for row in batch.rows} == {OTHER}
            outbox.take_back()


KILLED = """
import asyncio, sys, time
from pathlib import Path
from gateway.erasing import Erasing
from gateway.outbox import Outbox

with Outbox(Path(sys.argv[1]), lambda: 1_790_000_000_000) as outbox:
    erasing = Erasing(outbox, Path(sys.argv[2]))
    print("open", flush=True)
    if not erasing.unfinished:
        erasing.decide(sys.argv[3], holds=True)
    print("decided", flush=True)
    for clip in erasing.unfinished:
        asyncio.run(erasing.finish(clip))
    print("done", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_kill_9_at_any_moment_and_then_once_more(tmp_path: Path) -> None:
    draw = random.Random(8)
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        path, database = folder / "gateway.json", folder / "gateway.db"
        clips = [{"serial": serial, "key": KEY.hex()} for serial in (SERIAL, OTHER)]
        fields = {"gateway": GATEWAY, "broker": "mqtt://127.0.0.1:1", "data_dir": folder, "clips": clips}
        configuration.save(path, GatewayConfig.model_validate(fields))
        with Outbox(database, utc_ms) as outbox:
            outbox.put([messages.Unreadable(clip=clip, journal_id=n) for n in range(400) for clip in (SERIAL, OTHER)])
            kept = lines_with(database, OTHER)
        _life([database, path, SERIAL], lines=1 + number % 2, pause_s=draw.uniform(0, 0.03))
        with Outbox(database, utc_ms) as outbox:
            left = outbox.get(ERASING, SERIAL) is None and not outbox.names(FORSAKEN, "")
            assert outbox.waiting == 800 if left else outbox.waiting in {400, 800}
        assert _life([database, path, SERIAL], lines=3, pause_s=0) == "done"
        assert serials(path) == [OTHER]
        assert [line for line in lines_with(database, SERIAL) if FORSAKEN not in line] == []
        assert lines_with(database, OTHER) == kept
        assert SERIAL.encode() not in path.read_bytes()


def _life(arguments: list[Any], *, lines: int, pause_s: float) -> str:
    """The last word of an eraser that is killed a moment after so many lines."""
    child = subprocess.Popen([sys.executable, "-c", KILLED, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        said = [child.stdout.readline() for _ in range(lines)]
        time.sleep(pause_s)
        child.send_signal(signal.SIGKILL)
        said += child.stdout.read().splitlines(keepends=True)
        assert child.wait() == -signal.SIGKILL
    return said[-1].strip()
