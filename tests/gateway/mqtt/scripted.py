"""A broker that says what a test wants, for answers that a real one cannot be brought to give. MQTT 5 and 3.1.1, one
byte of length; and a relay that can hold its breath."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14
LEVEL_AT, LEVEL_OF_5 = 6, 5  # in a CONNECT, after the protocol's name
OLDER_CODES = {0: 0, 0x84: 1, 0x88: 3}  # of a CONNACK; what it has no code for is 5, "not authorized"


@dataclass
class Script:
    """Reason codes of MQTT 5, of which who speaks 3.1.1 gets the nearest there is; None: no answer at all."""

    connack: int | None = 0
    suback: int | None = 1
    puback: int = 0
    disconnect: int | None = None
    """Sent after the subscription."""
    port: int = 0
    heard: list[int] = field(default_factory=list)
    """Types of packets, as they came."""


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Script]:
    """A broker that follows `script`, which may change meanwhile."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        newer = True
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, body = await _packet(reader)
                script.heard.append(kind >> 4)
                if kind >> 4 == CONNECT:
                    newer = body[LEVEL_AT] == LEVEL_OF_5
                for packet in _answers(script, kind, body) if newer else _older_answers(script, kind, body):
                    writer.write(packet)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, length, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return kind, await reader.readexactly(length)


def _answers(script: Script, kind: int, body: bytes) -> list[bytes]:
    if kind >> 4 == CONNECT and script.connack is not None:
        return [bytes([CONNACK << 4, 3, 0, script.connack, 0])]
    if kind >> 4 == SUBSCRIBE and script.suback is not None:
        answers = [bytes([SUBACK << 4, 6, *body[:2], 0, *[script.suback] * 3])]
        if script.disconnect is not None:
            answers.append(bytes([DISCONNECT << 4, 2, script.disconnect, 0]))
        return answers
    if kind >> 4 == PUBLISH and kind & 0x06:
        end = 2 + int.from_bytes(body[:2])
        return [bytes([PUBACK << 4, 4, *body[end : end + 2], script.puback, 0])]
    if kind >> 4 == PINGREQ:
        return [bytes([PINGRESP << 4, 0])]
    return []


def _older_answers(script: Script, kind: int, body: bytes) -> list[bytes]:
    if kind >> 4 == CONNECT and script.connack is not None:
        return [bytes([CONNACK << 4, 2, 0, OLDER_CODES.get(script.connack, 5)])]
    if kind >> 4 == SUBSCRIBE and script.suback is not None:
        return [bytes([SUBACK << 4, 5, *body[:2], *[min(script.suback, 0x80)] * 3])]
    if kind >> 4 == PUBLISH and kind & 0x06:
        end = 2 + int.from_bytes(body[:2])
        return [bytes([PUBACK << 4, 2, *body[end : end + 2]])]
    if kind >> 4 == PINGREQ:
        return [bytes([PINGRESP << 4, 0])]
    return []


class Relay:
    """Between a client and a broker. `freeze` leaves every connection there is open and dead, as after a computer has
    slept or moved to another network; new ones pass."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: list[asyncio.StreamWriter] = []
        self._alive: dict[asyncio.StreamWriter, bool] = {}
        self.port = 0
        self.connections = 0

    def freeze(self) -> None:
        for writer in self._alive:
            self._alive[writer] = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self.connections += 1
        self._alive[writer] = True
        self._open += [writer, far_writer]
        await asyncio.gather(
            self._pass(reader, far_writer, writer), self._pass(far_reader, writer, writer), return_exceptions=True
        )

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, of: asyncio.StreamWriter) -> None:
        while data := await source.read(4096):
            if self._alive[of]:
                sink.write(data)
                await sink.drain()
        if self._alive[of]:
            sink.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._open:
                writer.close()
