"""Commands that reach a gateway that runs: by its socket, or by a port with a token."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from firmware.clip import protocol
from gateway.config import GatewayConfig
from gateway.face import asking, caller, door
from gateway.face.asking import Ask, AskError
from gateway.face.caller import NotRunningError
from gateway.inside import Inside
from tests.gateway.face.conftest import ask, running
from tests.gateway.fake_clip import SERIAL, FakeClip
from tests.gateway.jump import until

control = protocol.control


@pytest.fixture
def short(settings: GatewayConfig) -> Iterator[GatewayConfig]:
    """A folder whose name a socket can have, wherever the tests run."""
    with tempfile.TemporaryDirectory(prefix="pl") as folder:
        yield settings.model_copy(update={"data_dir": Path(folder)})


@pytest.fixture(params=["socket", "port"])
def either(request: pytest.FixtureRequest, short: GatewayConfig) -> GatewayConfig:
    """That, and one whose name is too long."""
    if request.param == "socket":
        return short
    return short.model_copy(update={"data_dir": short.data_dir / ("d" * 110)})


async def test_commands_are_carried_out(either: GatewayConfig) -> None:
    clip = FakeClip()
    async with running(either, clip):
        for kind, op in (("pause", control.PAUSE), ("snooze", control.SNOOZE)):
            answer = await ask(either, kind, clip=SERIAL, minutes=7)
            assert answer.reply.result == "done", answer
            assert (op, (7,)) in [(op, values) for _, op, values in clip.operations]
        assert (await ask(either, "resume", clip=SERIAL)).reply.result == "done"
        assert (await ask(either, "find", clip=SERIAL)).reply.result == "done"
        assert control.BUZZ in [op for _, op, _ in clip.operations]
        clip.refuse[control.PAUSE] = control.REFUSED_OUT_OF_RANGE
        assert (await ask(either, "pause", clip=SERIAL)).reply.result == "refused"
        assert "not this gateway's" in (await ask(either, "find", clip="f" * 16)).problem
    with pytest.raises(NotRunningError, match="install-service"):
        await ask(either, "status")


async def test_status_is_of_now(settings: GatewayConfig) -> None:
    clip = FakeClip()
    async with running(settings, clip):
        answer = await ask(settings, "status")
        assert answer.status.clips[0].battery_pct == 77
        (now,) = answer.clips
        assert now.clip == SERIAL
        assert now.posture.clip == SERIAL
        assert now.clock_error_ms < 50
        assert not answer.broker_connected


async def test_a_clip_out_of_reach_is_waited_for_and_then_said(settings: GatewayConfig) -> None:
    async with running(settings):
        for kind in ("find", "pause"):
            answer = await ask(settings, kind, clip=SERIAL, within_s=0.2)
            assert answer.reply.result == "unreachable"


async def test_who_leaves_has_given_up(settings: GatewayConfig) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def never(*_: Any) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def serve(inside: Inside) -> None:
        inside.buzz = never  # type: ignore[method-assign, assignment]
        await door.serve(inside)

    async with running(settings, faces=(serve,)):
        with caller._reach(settings.data_dir) as (line, token):
            question = Ask(schema="ask/1", kind="find", clip=SERIAL, token=token)
            line.sendall(asking.encode(question))
            await began.wait()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_only_its_user_gets_in(either: GatewayConfig) -> None:
    async with running(either):
        is_socket = door.is_socket(either.data_dir)
        file = either.data_dir / (door.SOCKET if is_socket else door.PORT_FILE)
        await until(file.exists)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(either.data_dir.stat().st_mode) == 0o700
        if not is_socket:
            await until(lambda: file.stat().st_size > 0)
            told = json.loads(file.read_text())
            file.write_text(json.dumps(told | {"token": "0" * 32}))
            assert "another user" in (await ask(either, "status")).problem
    assert not file.exists()


async def test_nonsense_is_answered_and_the_door_stays_open(settings: GatewayConfig) -> None:
    def say(data: bytes) -> bytes:
        with caller._reach(settings.data_dir) as (line, _):
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(4096), b""))

    async with running(settings):
        for nonsense in (
            b"\n",
            b"{}\n",
            b"\xff\xfe\n",
            b'{"kind": "erase"}\n',
            b'{"kind": "pause"}\n',
            b"[" * 9000 + b"\n",
        ):
            assert b"problem" in await asyncio.to_thread(say, nonsense), nonsense[:20]
        for unfinished in (b"", b"{", b"x" * 2 * asking.LONGEST_LINE):
            await asyncio.to_thread(say_or_part, say, unfinished)
        assert (await ask(settings, "status")).status is not None


def say_or_part(say: Any, data: bytes) -> None:
    with suppress(ConnectionError):
        assert say(data) == b""


async def test_a_socket_that_a_killed_gateway_left_is_no_hindrance(short: GatewayConfig) -> None:
    settings = short
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(settings.data_dir / door.SOCKET))
    with pytest.raises(NotRunningError, match="no gateway runs"):
        await ask(settings, "status")
    async with running(settings):
        assert (await ask(settings, "status")).status is not None


async def test_a_door_that_cannot_be_opened_is_told_and_the_gateway_goes_on(
    settings: GatewayConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_: Any) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(door, "_open_socket", refuse)
    monkeypatch.setattr(door, "_open_port", refuse)
    async with running(settings) as task:
        await until(lambda: "commands cannot reach" in caplog.text)
        assert not task.done()
        with pytest.raises(NotRunningError, match="takes no commands"):
            await ask(settings, "status")


async def test_the_trouble_of_a_face_is_not_the_gateways(
    settings: GatewayConfig, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Inside) -> None:
        raise ZeroDivisionError("a bug")

    async with running(settings, faces=(broken, door.serve)):
        assert (await ask(settings, "status")).status is not None
    assert "a bug" in caplog.text


def test_the_token_is_not_shown() -> None:
    assert "s3cret" not in repr(Ask(schema="ask/1", kind="status", token="s3cret"))


def test_an_answer_of_another_kind_is_said() -> None:
    with pytest.raises(AskError, match="another version"):
        asking.parse_answer(b"[]\n")


def test_a_folder_that_is_not_there_is_not_in_use(tmp_path: Path) -> None:
    assert not caller.in_use(tmp_path / "none")
    assert not os.path.lexists(tmp_path / "none")
