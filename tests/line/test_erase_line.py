"""An erasure from the administrator's page down to the patient's computer and back, whatever is away meanwhile."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from firmware.virtual import RadioHost, simulate
from gateway import app, messages
from gateway import config as configuration
from server import children
from server.cli import app as commands
from server.enrolment import doorkeeper
from server.ingest.service import settle
from server.operation.backup import back_up, restore
from server.rights.restoring import apply
from server.store import open_engine
from tests.line.erasing import START_UTC_MS, Client, Line, a_line, nothing_is_held, nothing_is_left_at, soon

ROOT: Final = Path(__file__).parents[2]
LONG: Final = os.environ.get("PLUMBLINE_HYPOTHESIS") == "long"
AWAY_S: Final = 3600 if LONG else 300

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    monkeypatch.setattr(doorkeeper, "LOOK_S", 0.1)
    monkeypatch.setenv("PLUMBLINE_SERVER_DATABASE_URL", f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setenv("PLUMBLINE_SERVER_DATA_DIR", str(tmp_path))
    with a_line(tmp_path) as made:
        yield made


@asynccontextmanager
async def at_home(path: Path, host: RadioHost) -> AsyncIterator[None]:
    """The gateway runs; at the end it has stopped."""
    stop = asyncio.Event()
    made = configuration.load(path)
    running = asyncio.create_task(app.run(made, utc_ms=host.utc_ms, stop=stop, config_file=path))
    try:
        yield
    finally:
        stop.set()
        await running


def command_says(line: Line) -> str:
    return CliRunner().invoke(commands, ["erase", "status", line.pseudonym]).stdout


def test_the_computer_is_there(line: Line) -> None:
    path = line.enrol()
    clip = line.clip(path)

    async def main() -> None:
        async with RadioHost([clip], start_utc_ms=START_UTC_MS) as host:
            line.utc_ms = host.utc_ms
            with await host.open_bluetooth("home"):
                async with at_home(path, host):
                    await soon(line.measured)
                    line.erase()
                    await soon(line.complete)
                    await soon(lambda: not line.may_come(path))
                nothing_is_held(line.engine, line.patient, line.pseudonym)
                nothing_is_left_at(path)

    simulate(main())


def test_the_computer_is_away_and_what_it_had_sent_comes_late(line: Line, tmp_path: Path) -> None:
    path = line.enrol()
    clip = line.clip(path)
    own = configuration.load(path)
    sent = Client(line.broker.port, "server", "serve", messages.topic(own.gateway, "up", "records"))
    backup = tmp_path / "before.tar"

    async def main() -> None:
        async with RadioHost([clip], start_utc_ms=START_UTC_MS) as host:
            line.utc_ms = host.utc_ms
            with await host.open_bluetooth("home"):
                async with at_home(path, host):
                    await soon(line.measured)
                back_up(f"sqlite:///{tmp_path / 'store.db'}", backup, host.utc_ms())
                number = line.erase()
                assert "waiting for computers" in line.told(number)
                assert own.gateway in command_says(line)
                late(line, own.gateway, own.password or "", sent.came.get_nowait())
                await asyncio.sleep(AWAY_S)
                assert not line.complete()
                async with at_home(path, host):
                    await soon(line.complete)
                    await soon(lambda: not line.may_come(path))
                assert "Nothing. Complete since" in line.told(number)
                assert "complete since" in command_says(line)

    try:
        simulate(main())
    finally:
        sent.close()
    nothing_is_held(line.engine, line.patient, line.pseudonym)
    nothing_is_left_at(path)
    comes_back_with_no_backup(line, own.gateway, backup, sent.came.queue[0])


def test_another_computer_never_comes_back_and_is_given_up(line: Line) -> None:
    path, lost = line.enrol(), line.enrol("lost")
    clip = line.clip(path)
    name = configuration.load(lost).gateway

    async def main() -> None:
        async with RadioHost([clip], start_utc_ms=START_UTC_MS) as host:
            line.utc_ms = host.utc_ms
            with await host.open_bluetooth("home"):
                async with at_home(path, host):
                    await soon(line.measured)
                    number = line.erase()
                    await soon(lambda: {one.gateway for one in line.report().outstanding} == {name})
                    await soon(lambda: not line.may_come(path))
            assert not line.complete()
            assert line.may_come(lost)
            line.give_up(number, name)
            assert line.complete()
            assert not line.may_come(lost)

    simulate(main())
    nothing_is_held(line.engine, line.patient, line.pseudonym)


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["decided", "erased"] if LONG else ["decided"])
def test_the_computer_is_killed_before_it_has_answered(line: Line, moment: str) -> None:
    path = line.enrol()
    clip = line.clip(path)

    async def main() -> None:
        async with RadioHost([clip], start_utc_ms=START_UTC_MS) as host:
            line.utc_ms = host.utc_ms
            with in_a_process(host, path, moment) as child:
                await soon(line.measured)
                line.erase()
                assert await asyncio.to_thread(first_word, child) == moment
                child.kill()
                child.wait()
            await asyncio.sleep(10)
            assert [one.gateway for one in line.report().outstanding] == [configuration.load(path).gateway]
            with in_a_process(host, path, "never"):
                await soon(line.complete)
                await soon(lambda: not line.may_come(path))

    simulate(main())
    nothing_is_held(line.engine, line.patient, line.pseudonym)
    nothing_is_left_at(path)


@contextmanager
def in_a_process(host: RadioHost, path: Path, moment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The gateway, until the end or until it is killed; it stands still at a moment of the erasure."""
    command = [sys.executable, "-m", "tests.line.cut_gateway", host.address, str(path), moment]
    child = children.spawn(command, stdout=subprocess.PIPE, cwd=ROOT, log=path.with_name(f"{moment}.log"))
    try:
        yield child
    finally:
        children.kill(child)
        assert child.stdout is not None
        child.stdout.close()


def first_word(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().decode().strip()


def late(line: Line, gateway: str, password: str, batch: bytes) -> None:
    """A batch from before the erasure is sent by the computer's own account after it."""
    sender = Client(line.broker.port, gateway, password, messages.topic(gateway, "down", "ack"))
    try:
        sender.send(messages.topic(gateway, "up", "records"), batch)
        ack = messages.parse("ack", sender.came.get(timeout=20))
    finally:
        sender.close()
    rows = messages.parse("records", batch)
    assert isinstance(ack, messages.Ack)
    assert isinstance(rows, messages.Records)
    assert {row.n: row.reason for row in ack.rejected} == {row.n: "withdrawn" for row in rows.rows}
    nothing_is_held(line.engine, line.patient, line.pseudonym)


def comes_back_with_no_backup(line: Line, gateway: str, backup: Path, batch: bytes) -> None:
    """What was backed up before is restored without the patient, and goes on refusing what is theirs."""
    url = f"sqlite:///{backup.with_suffix('.db')}"
    now_ms = line.now_ms()
    made, erased = restore(url, backup, lambda engine: apply(engine, line.tombstones.read(), now_ms).erased)
    assert made.rows["patient"] == erased == 1
    engine = open_engine(url)
    rows = messages.parse("records", batch)
    assert isinstance(rows, messages.Records)
    ack = settle(engine, gateway, rows, now_ms)
    assert {row.reason for row in ack.rejected} == {"withdrawn"}
    nothing_is_held(engine, line.patient, line.pseudonym)
    engine.dispose()
