"""The commands as somebody types them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import Result

from firmware.clip import protocol
from gateway import config as configuration
from gateway import messages
from gateway.config import ClipConfig, GatewayConfig
from gateway.face.commands import clip as clip_commands
from gateway.face.commands import shared
from gateway.prescription import Prescription
from tests.gateway.face.conftest import running
from tests.gateway.fake_clip import KEY, SERIAL, FakeClip
from tests.gateway.jump import until

Call = Callable[..., Result]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("30m", 30), ("1h", 60), ("1h30m", 90), ("2 h", 120), ("45", 45), ("90min", 90), ("24h", 1440)],
)
def test_times(text: str, minutes: int) -> None:
    assert shared.minutes_of(text) == minutes


@pytest.mark.parametrize("text", ["", "0", "25h", "soon", "-5", "30s", "h", "1h 99999999999999m"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write it like"):
        shared.minutes_of(text)


@pytest.mark.parametrize("command", ["pause", "snooze", "resume", "calibrate", "find"])
def test_without_a_gateway_they_say_so(call: Call, command: str) -> None:
    done = call(command)
    assert done.exit_code == 1
    assert "no gateway runs" in done.output
    assert "plumbline gateway run" in done.output


async def test_with_one_they_are_done(settings: GatewayConfig, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_commands, "BETWEEN_S", 0.0)
    clip = FakeClip()
    async with running(settings, clip):
        for arguments, words in (
            (("pause", "1h"), "measures nothing for 60 minutes"),
            (("snooze",), "no reminders for 30 minutes"),
            (("resume",), "as planned"),
            (("find", "--times", "2"), "and again"),
            (("status",), "connected"),
        ):
            done = await asyncio.to_thread(call, *arguments)
            assert done.exit_code == 0, done.output
            assert words in done.output
        told = json.loads((await asyncio.to_thread(call, "status", "--json")).output)
        assert told["running"]
        assert told["clips"][0]["clip"] == told["now"][0]["clip"] == SERIAL
        clip.refuse[protocol.control.SNOOZE] = protocol.control.REFUSED_BUSY
        done = await asyncio.to_thread(call, "snooze")
        assert done.exit_code == 1
        assert "refused" in done.output
    operations = [op for _, op, _ in clip.operations]
    assert operations.count(protocol.control.BUZZ) == 2


async def test_calibrating(settings: GatewayConfig, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    async def calibrate(_: Prescription) -> int:
        return 2

    monkeypatch.setattr(Prescription, "calibrate", calibrate)
    async with running(settings, FakeClip()):
        done = await asyncio.to_thread(call, "calibrate")
    assert done.exit_code == 0, done.output
    assert "keep still for 4 seconds" in done.output
    assert "Done: calibration 2" in done.output


def test_what_was_not_done_is_explained() -> None:
    def words(result: Any, kind: Any, detail: str = "") -> str:
        reply = messages.Reply(schema="reply/1", id="a", clip=SERIAL, result=result, detail=detail)
        return clip_commands.not_done(reply, kind)

    assert "near and charged" in words("unreachable", "find")
    assert "no calibration yet: not held still" in words("unreachable", "calibrate", "not held still")
    assert "try again" in words("expired", "pause")
    assert "refused: busy" in words("refused", "find", "busy")


def test_which_clip_is_meant(call: Call, settings: GatewayConfig, config_file: Path) -> None:
    both = settings.with_clip(ClipConfig(serial="00000000c11c0001", key=KEY.hex()))
    configuration.save(config_file, both)
    assert "which clip?" in call("find").output
    assert "which clip?" in call("find", "--clip", "0001").output
    assert "no clip of this gateway ends in 9" in call("find", "--clip", "9").output
    assert "no gateway runs" in call("find", "--clip", "C11C0001").output
    configuration.save(config_file, settings.model_copy(update={"clips": ()}))
    assert "gateway pair" in call("find").output


def test_a_port_for_metrics_that_is_taken(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = call("run", "--metrics", str(taken.getsockname()[1]))
    assert done.exit_code == 1
    assert "another port may do" in done.output


def program(config_file: Path, *arguments: str) -> list[str]:
    start = "import sys; from gateway import commands; commands.app()"
    return [sys.executable, "-c", start, "run", "--config", str(config_file), *arguments]


@pytest.mark.parametrize("arguments", [("--json-logs",), ()])
async def test_without_a_terminal_it_writes_lines(
    config_file: Path, settings: GatewayConfig, arguments: tuple[str, ...]
) -> None:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*program(config_file, *arguments), stdout=pipe, stderr=pipe)
    assert child.stderr is not None
    first = b""
    while b"cannot be reached" not in first:
        first = await asyncio.wait_for(child.stderr.readline(), 20)
        assert first
    child.send_signal(signal.SIGTERM)
    out, _ = await asyncio.wait_for(child.communicate(), 20)
    assert child.returncode == 0
    if arguments:
        assert json.loads(first)["level"] == "WARNING"
        assert out == b""
    else:
        assert b"WARNING gateway.mqtt" in first
        assert b"Ctrl-C stops it" in out


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
async def test_at_a_terminal_it_shows_the_view(config_file: Path, settings: GatewayConfig) -> None:
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"}
    child = await asyncio.create_subprocess_exec(
        *program(config_file), stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""

    def read() -> None:
        nonlocal shown
        with contextlib.suppress(OSError):  # Linux: its end
            while data := os.read(ours, 65_536):
                shown += data

    reading = asyncio.create_task(asyncio.to_thread(read))
    try:
        await until(lambda: b"cannot be reached" in shown and b"clip " in shown, 20)
        child.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(child.wait(), 20) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await reading
        os.close(ours)
    assert b"The gateway has stopped" in shown
    assert b"\x1b[3" not in shown
    assert b"WARNING" not in shown
