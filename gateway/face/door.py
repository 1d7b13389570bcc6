"""The door of a running gateway: a Unix socket in its data folder, which only its user can open.

On Windows, and where the folder's name is too long for a socket's, a port of this computer stands for it; its number
and a token, without which nothing is answered, are in a file that only the user can read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gateway import messages, private_files
from gateway.face import asking
from gateway.face.asking import Answer, Ask, AskError, ClipNow
from gateway.inside import Inside

SOCKET: Final = "control.sock"
PORT_FILE: Final = "control.json"
LONGEST_PATH: Final = 100
"""Bytes. A socket's name may have 103 on macOS and 107 on Linux."""
ASK_S: Final = 30.0
"""How long a visitor may take to ask."""
HOST: Final = "127.0.0.1"

logger = logging.getLogger(__name__)

_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def serve(inside: Inside) -> None:
    """Answer whoever comes, until cancelled. To be run by whoever uses the data alone."""
    visits: set[asyncio.Task[None]] = set()
    folder = inside.config.data_dir
    token = "" if is_socket(folder) else secrets.token_hex(16)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a handler is a task)
        visits.add(task)
        try:
            await _visit(inside, token, reader, writer)
        finally:
            visits.discard(task)

    try:
        server = await (_open_port(folder, token, handle) if token else _open_socket(folder, handle))
    except OSError as error:
        logger.warning("commands cannot reach this gateway: %s", error.strerror or error)
        return
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        for visit in visits:
            visit.cancel()
        with suppress(OSError):
            (folder / (PORT_FILE if token else SOCKET)).unlink(missing_ok=True)


def is_socket(folder: Path) -> bool:
    """Whether the door of the gateway with its data in `folder` is a socket, not a port."""
    return sys.platform != "win32" and len(os.fsencode(folder / SOCKET)) <= LONGEST_PATH


async def _open_socket(folder: Path, handle: _Handler) -> asyncio.AbstractServer:
    path = folder / SOCKET
    path.unlink(missing_ok=True)  # of a gateway that was killed
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)
        try:
            door.bind(str(path))
        finally:
            os.umask(before)
        return await asyncio.start_unix_server(handle, sock=door, limit=asking.LONGEST_LINE)
    except OSError:
        door.close()
        raise


async def _open_port(folder: Path, token: str, handle: _Handler) -> asyncio.AbstractServer:
    server = await asyncio.start_server(handle, HOST, 0, limit=asking.LONGEST_LINE)
    path = folder / PORT_FILE
    path.unlink(missing_ok=True)
    private_files.make_file(path)
    path.write_text(json.dumps({"port": server.sockets[0].getsockname()[1], "token": token}))
    return server


async def _visit(inside: Inside, token: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One question and its answer. Who leaves before the answer has given up what was asked for."""
    try:
        async with asyncio.timeout(ASK_S):
            line = await reader.readuntil(b"\n")
        answer = await _unless_gone(reader, _answer(inside, token, line))
        if answer is not None:
            writer.write(asking.encode(answer))
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError) as error:
        logger.debug("a command went away: %s", error or type(error).__name__)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _unless_gone(reader: asyncio.StreamReader, work: Coroutine[Any, Any, Answer]) -> Answer | None:
    working, gone = asyncio.create_task(work), asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        gone.cancel()


async def _answer(inside: Inside, token: str, line: bytes) -> Answer:
    try:
        ask = asking.parse_ask(line)
    except AskError as error:
        return _no(str(error))
    if not secrets.compare_digest(ask.token.encode(), token.encode()):
        return _no("this door is another user's")
    if ask.kind == "status":
        return now(inside)
    clip = ask.clip or ""
    if clip not in {known.serial for known in inside.config.clips}:
        return _no(f"clip {clip} is not this gateway's")
    return Answer(schema="answer/1", reply=await _carry_out(inside, ask, clip))


def _carry_out(inside: Inside, ask: Ask, clip: str) -> Awaitable[messages.Reply]:
    if ask.kind == "find":
        return inside.buzz(clip, ask.within_s)
    fields = {
        "schema": "command/1",
        "id": secrets.token_hex(8),
        "clip": clip,
        "expires_utc_ms": inside.utc_ms() + round(ask.within_s * 1000),
        "kind": ask.kind,
        "minutes": ask.minutes,
    }
    return inside.command(messages.Command.model_validate(fields))


def now(inside: Inside) -> Answer:
    """How everything is."""
    return Answer(
        schema="answer/1",
        status=inside.status(),
        broker_connected=inside.broker_connected,
        clips=tuple(_clip_now(inside, clip.serial) for clip in inside.config.clips),
    )


def _clip_now(inside: Inside, clip: str) -> ClipNow:
    clock = inside.clock(clip)
    return ClipNow(
        clip=clip,
        posture=inside.posture(clip),
        problem=inside.problem(clip),
        clock_error_ms=None if clock is None else round(clock.uncertainty_ms, 1),
        clock_drift_ppm=None if clock is None else round(-clock.drift_ppm, 1),
        clock_utc_ms=None if clock is None else clock.last_exchange_utc_ms,
    )


def _no(problem: str) -> Answer:
    return Answer(schema="answer/1", problem=problem)
