"""Figures for Prometheus: their form, and that they stay on this computer and say nothing of posture."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

from gateway.config import GatewayConfig
from gateway.face import metrics
from tests.gateway.face.conftest import running
from tests.gateway.face.test_view import answer
from tests.gateway.fake_clip import SERIAL, FakeClip

LINE = re.compile(r'[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? [-+0-9.e]+')


def test_every_line_is_what_prometheus_reads() -> None:
    text = metrics.exposition(answer(outbox_rows=7, version='a"b\\c\nd'), {"mqtt": 2})
    described = set()
    for line in text.splitlines():
        if line.startswith("# "):
            _, what, name, told = line.split(" ", 3)
            assert told
            described.add((what, name))
        else:
            assert LINE.fullmatch(line), line
            name = re.split(r"[{ ]", line)[0]
            assert {("HELP", name), ("TYPE", name)} <= described
    assert "plumbline_gateway_outbox_rows 7\n" in text
    assert 'plumbline_gateway_malformed_total{door="mqtt"} 2\n' in text
    assert f'plumbline_clip_battery_ratio{{clip="{SERIAL}"}} 0.12\n' in text
    assert "slouch" not in text
    assert "21" not in text


async def fetch(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(metrics.HOST, port)
    writer.write(request)
    text = await reader.read()
    writer.close()
    return text


async def test_it_is_served_on_this_computer_only(settings: GatewayConfig) -> None:
    place = metrics.bind(0)
    host, port = place.getsockname()
    assert host == "127.0.0.1"
    async with running(settings, FakeClip(), faces=(metrics.at(place),)):
        found = await fetch(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert found.startswith(b"HTTP/1.1 200 OK\r\n")
        assert f'plumbline_clip_connected{{clip="{SERIAL}"}} 1'.encode() in found
        for other in (b"GET / HTTP/1.1\r\n\r\n", b"POST /metrics HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n"):
            assert (await fetch(port, other)).startswith(b"HTTP/1.1 404")
        await fetch_too_much(port)
        assert (await fetch(port, b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def fetch_too_much(port: int) -> None:
    with suppress(ConnectionError):
        assert await fetch(port, b"x" * 100_000) == b""
