"""A disk that takes no more: said, survived, and nothing is consumed until it does again."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from firmware.clip import protocol
from gateway import app, messages
from gateway.inside import FACE, OWNER
from gateway.outbox import Outbox, OutboxError
from server import broker
from tests.gateway.fake_clip import FakeClip, FakeRadio
from tests.gateway.jump import run, until
from tests.gateway.test_app import Configured, gateway
from tests.gateway.test_outbox import CLIP, now, rows, waiting
from tests.gateway.test_session import running

records = protocol.records

QUOTA = """
import json, resource, sys
from pathlib import Path
from gateway import messages
from gateway.ledger import Ledger
from gateway.inside import FACE, OWNER
from gateway.outbox import Outbox, OutboxError

CLIP = sys.argv[2]
outbox = Outbox(Path(sys.argv[1]), lambda: 1_790_000_000_000)
ledger = Ledger(outbox, CLIP)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
refused = []

def commit(n):
    records = [messages.Unreadable(clip=CLIP, journal_id=n * 50 + k) for k in range(50)]
    ledger.commit(records, core=("00112233445566aa", bytes(2000)), position=n)

n = 0
for quota in (150_000, 400_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (quota, unlimited))
    while True:
        try:
            commit(n)
        except OutboxError as error:
            said = str(error)
            break
        n += 1
    refused.append([n, ledger.position, outbox.problem, outbox.probe(), said])
    outbox.keep("stream", "while it is full", b"x")
    reply = messages.Reply(schema="reply/1", id="a", clip=CLIP, result="done")
    outbox.answer(reply)
    assert outbox.answered("a") == reply
    resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
    assert outbox.probe() and outbox.problem == ""
print(json.dumps({"refused": refused, "malformed": outbox.malformed}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_quota_is_said_and_survived(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    done = subprocess.run(
        [sys.executable, "-c", QUOTA, str(path), CLIP], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["malformed"] == {"stream": 2}
    (first, *at_first), (second, *at_second) = told["refused"]
    assert 0 < first < second
    for n, (position, problem, room, error) in ((first, at_first), (second, at_second)):
        assert position == n - 1
        assert problem
        assert not room
        assert problem in error
    with Outbox(path, now) as outbox:
        assert list(waiting(outbox).values()) == list(range(second * 50))
        assert outbox._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def fill(outbox: Outbox) -> None:
    """No page more than there are, and none of them free."""
    with outbox.transaction():
        outbox._db.execute("CREATE TABLE IF NOT EXISTS ballast (bytes BLOB)")
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count = {pages}")
    for size in (100_000, 3000):
        while True:
            try:
                with outbox.transaction():
                    outbox._db.execute("INSERT INTO ballast VALUES (zeroblob(?))", (size,))
            except OutboxError:
                break


def make_room(outbox: Outbox) -> None:
    outbox._db.execute("PRAGMA max_page_count = 1000000")


def test_only_what_grows_shows_that_there_is_room_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gateway.store")
    with Outbox(tmp_path / "gateway.db", now) as outbox:
        outbox.set("gateway", {"status": b"1"})
        fill(outbox)
        with pytest.raises(OutboxError, match="disk full"):
            outbox.put(rows(*range(500)))
        with pytest.raises(OutboxError, match="disk full"):
            outbox.put(rows(*range(500)))
        outbox.set("gateway", {"status": b"2"})
        assert outbox.problem == "disk full"
        assert not outbox.probe()
        make_room(outbox)
        assert outbox.probe()
        assert outbox.problem == ""
        assert outbox.kept() == []
        fill(outbox)
        make_room(outbox)
        outbox.put(rows(1))
        assert outbox.problem == ""
        assert outbox.waiting == 1
    said = [record.getMessage().split(".")[0] for record in caplog.records]
    assert said == ["outbox: disk full", "outbox: can be written again"] * 2


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("SQLITE_FULL", "disk full"),
        ("SQLITE_READONLY_DBMOVED", "the disk or the file is read-only"),
        ("SQLITE_BUSY", "another program holds the file"),
        ("SQLITE_IOERR_WRITE", "disk error"),
    ],
)
def test_what_is_wrong_is_said_in_words(tmp_path: Path, code: str, words: str) -> None:
    with Outbox(tmp_path / "gateway.db", now) as outbox:
        error = sqlite3.OperationalError("as the library has it")
        error.sqlite_errorcode = getattr(sqlite3, code)
        with pytest.raises(OutboxError, match=words), outbox.transaction():
            raise error
        assert words in outbox.problem


def test_a_spent_quota_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spent(path: Path, data: bytes) -> int:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with Outbox(tmp_path / "gateway.db", now) as outbox:
        monkeypatch.setattr(Path, "write_bytes", spent)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        with pytest.raises(OutboxError, match="disk full"), outbox.transaction():
            raise error


def minute(clip: FakeClip, number: int) -> bytes:
    return records.pack_epoch(0, 1, clip.boot, number * 60_000, 1, 1, bytes([1] * 60), bytes(30), 0, 0, 0, 0, 30)


def test_judging_and_reminding_go_on_and_the_journal_stays_with_the_clip(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.append(minute(clip, 600))
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            await until(lambda: clip.acknowledged[-1:] == [clip.journal_next - 1])
            before, connections = clip.acknowledged[-1], clip.connections
            told = len(bench.of("epoch", "clip"))
            fill(bench.outbox)
            for n in range(700, 712):
                clip.append(
                    records.pack_epoch(0, 1, clip.boot, n * 60_000, 1, 1, bytes([1] * 60), bytes(30), 0, 0, 0, 0, 30)
                )
                await asyncio.sleep(30)
            assert clip.acknowledged[-1] <= before + 8  # what the last pages had room for
            assert clip.journal_first == clip.acknowledged[-1] + 1
            assert bench.outbox.problem == "disk full"
            assert clip.connections == connections
            assert bench.session.state == "live"
            now_s = asyncio.get_running_loop().time()
            assert clip.leases[-1][0] > now_s - 3
            make_room(bench.outbox)
            await until(lambda: clip.acknowledged[-1] == before + 12, 30)
            await asyncio.sleep(61)
            assert [e["start_ms"] for e in bench.of("epoch", "clip")[told:]] == [n * 60_000 for n in range(700, 712)]
            minutes = [e["start_ms"] // 60_000 for e in bench.of("epoch", "gateway")]
            assert minutes == list(range(minutes[0], minutes[-1] + 1))
            assert len(minutes) > 6
            assert bench.outbox.problem == ""

    run(main())


def test_what_is_held_in_memory_is_bounded_and_the_clip_sends_the_rest_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.journal.HELD_MAX", 8)

    async def main() -> None:
        clip = FakeClip()
        clip.append(minute(clip, 600))
        async with running(tmp_path, clip) as bench:
            await until(lambda: clip.acknowledged[-1:] == [clip.journal_next - 1])
            told = len(bench.of("epoch", "clip"))
            fill(bench.outbox)
            for n in range(700, 730):
                clip.append(
                    records.pack_epoch(0, 1, clip.boot, n * 60_000, 1, 1, bytes([1] * 60), bytes(30), 0, 0, 0, 0, 30)
                )
            await asyncio.sleep(60)
            make_room(bench.outbox)
            await until(lambda: clip.acknowledged[-1] == clip.journal_next - 1, 120)
            assert [e["start_ms"] for e in bench.of("epoch", "clip")[told:]] == [n * 60_000 for n in range(700, 730)]
            assert not bench.of("unreadable", "clip")
            assert bench.outbox.malformed == {}

    run(main())


async def test_the_status_says_so(
    mosquitto: broker.Broker, configured: Configured, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Outbox] = []

    def outbox(*args: Any) -> Outbox:
        made.append(Outbox(*args))
        return made[0]

    monkeypatch.setattr(app, "Outbox", outbox)
    monkeypatch.setattr(app, "STATUS_EVERY_S", 0.2)
    async with serving(mosquitto.port) as server, gateway(configured(mosquitto.port), FakeRadio()):
        await until(lambda: bool(server.statuses), 15)
        fill(made[0])
        await until(lambda: server.statuses[-1].storage_problem == "disk full", 15)
        make_room(made[0])
        await until(lambda: server.statuses[-1].storage_problem == "", 15)
        stored = made[0].get(OWNER, FACE)
        assert stored is not None
        assert messages.Status.model_validate_json(stored).storage_problem == ""
