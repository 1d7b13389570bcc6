"""Figures for Prometheus, on this computer only. Of a clip its opaque id and its state, nothing of its wearer.

Text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from gateway.face import door
from gateway.face.asking import Answer
from gateway.inside import Face, Inside

HOST: Final = "127.0.0.1"
ASK_S: Final = 10.0
_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

logger = logging.getLogger(__name__)


@dataclass
class _Family:
    name: str
    kind: str
    told: str
    values: list[tuple[dict[str, str], float]] = field(default_factory=list)

    def lines(self) -> Iterable[str]:
        yield f"# HELP {self.name} {self.told}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in self.values:
            inner = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            yield f"{self.name}{{{inner}}} {value:g}" if inner else f"{self.name} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def exposition(now: Answer, malformed: dict[str, int]) -> str:
    """The figures as Prometheus reads them."""
    status = now.status
    assert status is not None  # noqa: S101  (see door.now)
    families: dict[str, _Family] = {}

    def tell(name: str, told: str, value: float | None, kind: str = "gauge", **labels: str) -> None:
        if value is not None:
            full = f"plumbline_{name}"
            families.setdefault(full, _Family(full, kind, told)).values.append((labels, float(value)))

    tell("gateway_info", "Version of the gateway.", 1, version=status.version)
    tell("gateway_outbox_rows", "Records that wait for the server.", status.outbox_rows)
    tell("gateway_rejected_rows", "Records that the server has rejected.", status.rejected_rows)
    tell("gateway_thinned_rows_total", "Records given up for want of room.", status.thinned_rows, "counter")
    tell("gateway_storage_problem", "1 while the disk cannot be written.", bool(status.storage_problem))
    tell("gateway_broker_connected", "1 while messages go through.", now.broker_connected)
    tell("gateway_broker_problem", "1 while something is wrong there.", bool(status.broker_problem))
    for door_name, count in malformed.items():
        tell("gateway_malformed_total", "Malformed things that came in.", count, "counter", door=door_name)
    for clip in status.clips:
        tell("clip_connected", "1 while the stream is judged.", clip.link in {"live", "draining"}, clip=clip.clip)
        tell("clip_link", "State of the link.", 1, clip=clip.clip, state=clip.link)
        tell("clip_battery_ratio", "Charge, 0 to 1.", _of(clip.battery_pct, 0.01), clip=clip.clip)
        tell("clip_journal_rows", "Records still on the clip.", clip.journal_waiting, clip=clip.clip)
        tell("clip_plan_version", "Plan in force.", clip.plan_version, clip=clip.clip)
        tell("clip_calibration_version", "Calibration in force.", clip.calibration_version, clip=clip.clip)
    for one in now.clips:
        tell("clip_clock_error_seconds", "Bound of the clock's error.", _of(one.clock_error_ms, 0.001), clip=one.clip)
    return "".join(f"{line}\n" for family in families.values() for line in family.lines())


def _of(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def bind(port: int) -> socket.socket:
    """A socket on this computer's own address. Raises OSError."""
    return socket.create_server((HOST, port))


def at(place: socket.socket) -> Face:
    """A face that answers GET /metrics at a socket of `bind`."""

    async def serve(inside: Inside) -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                async with asyncio.timeout(ASK_S):
                    asked = await reader.readuntil(b"\r\n\r\n")
                    writer.write(_response(inside, asked))
                    await writer.drain()
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError) as error:
                logger.debug("metrics: %s", error or type(error).__name__)
            finally:
                writer.close()

        server = await asyncio.start_server(handle, sock=place)
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            with suppress(OSError):
                place.close()

    return serve


def _response(inside: Inside, asked: bytes) -> bytes:
    words = asked.split(b"\r\n", 1)[0].split(b" ")
    if len(words) == 3 and words[0] == b"GET" and words[1].split(b"?")[0] == b"/metrics":
        body, line = exposition(door.now(inside), inside.malformed()).encode(), "200 OK"
    else:
        body, line = b"Figures are at /metrics.\n", "404 Not Found"
    head = f"HTTP/1.1 {line}\r\nContent-Type: {_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
