"""The server told to stop in the middle of its work: requests under way are answered, what is stored is acknowledged,
and then it leaves."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select, text

from gateway import messages
from server.broker import Broker
from server.broker.run import free_port
from server.serving import REQUESTS_LIMIT_S, STOP_LIMIT_S
from server.store import epoch_blob, reading, writing
from server.store.tables import epoch_hour

BATCHES = 300
PATIENCE_S = 60
BODY = b'{"email": "nobody@example.org", "password": "none of them has it"}'
HEAD = (
    b"POST /api/v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n"
    b"content-length: %d\r\n\r\n" % len(BODY)
)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(
    database_url: str, broker: Broker, patient_id: int, port: int, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    settings = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(port),
        "MQTT_URL": broker.url,
        "MQTT_PASSWORD": "ours",
    }
    with subprocess.Popen(
        [sys.executable, "-c", "from server.cli import app; app()", "run"],
        env={**os.environ, **{f"PLUMBLINE_SERVER_{name}": value for name, value in settings.items()}},
    ) as process:
        limit = time.monotonic() + PATIENCE_S
        while not is_ready(port):
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.05)
        yield process
        process.kill()


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", verify=False).status_code == 200
    except httpx.TransportError:
        return False


def wait_until_closed(port: int) -> None:
    """Until nobody else is let in."""
    limit = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        assert time.monotonic() < limit
        time.sleep(0.01)


def stored_minutes(engine: Engine) -> set[int]:
    with reading(engine) as connection:
        blobs = connection.scalars(select(epoch_hour.c.blob)).all()
    rows = [row for blob in blobs for row in epoch_blob.rows_of(epoch_blob.decode(blob))]
    return {epoch_blob.start_of(row) // 60_000 for row in rows}


def test_what_is_stored_is_acknowledged_and_the_other_way_round(
    engine: Engine,
    server: subprocess.Popen[bytes],
    port: int,
    open_station: Callable[[], Any],
    records: Callable[..., messages.Records],
) -> None:
    station = open_station()
    for first in range(1, BATCHES + 1):
        station.send("records", records(first, first=first))
    acknowledged = {station.get("ack").first}
    with writing(engine) as connection:  # the batch under way waits
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE epoch_hour IN EXCLUSIVE MODE"))
        server.send_signal(signal.SIGTERM)
        wait_until_closed(port)
        time.sleep(1)  # what is to be lost is lost by now
    assert server.wait(REQUESTS_LIMIT_S + STOP_LIMIT_S) == 0
    try:
        while True:
            kind, ack = station.down.get(timeout=1)
            if kind == "ack":
                assert not ack.rejected
                acknowledged.add(ack.first)
    except queue.Empty:
        pass
    assert stored_minutes(engine) == acknowledged
    assert len(acknowledged) < BATCHES  # it was in the middle of its work


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_under_way_is_answered(server: subprocess.Popen[bytes], port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as visitor:
        visitor.sendall(HEAD)
        assert visitor.recv(100).startswith(b"HTTP/1.1 100")  # the application waits for the body
        server.send_signal(signal.SIGTERM)
        wait_until_closed(port)
        visitor.sendall(BODY)
        answer = b""
        while piece := visitor.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401")
    length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length"))
    assert len(body) == int(length.split(b":")[1])
    assert server.wait(STOP_LIMIT_S) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_second_signal_does_not_cut_it_short(
    engine: Engine,
    server: subprocess.Popen[bytes],
    open_station: Callable[[], Any],
    records: Callable[..., messages.Records],
) -> None:
    station = open_station()
    for first in range(1, BATCHES + 1):
        station.send("records", records(first, first=first))
    station.get("ack")
    for _ in range(2):
        server.send_signal(signal.SIGTERM)
    assert server.wait(STOP_LIMIT_S) == 0
    assert stored_minutes(engine)
