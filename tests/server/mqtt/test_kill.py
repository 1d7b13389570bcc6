"""The server killed in the middle of its work: after the restart nothing is missing and nothing is there twice."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from gateway import messages
from server.broker import Broker
from server.store import epoch_blob, reading
from server.store.tables import epoch_hour, quarantine

BATCHES = 60


def serve(database_url: str, broker: Broker) -> subprocess.Popen[bytes]:
    code = (
        "import sys, time\n"
        "from server.mqtt.address import broker_at\n"
        "from server.mqtt.worker import Worker\n"
        "from server.store import open_engine\n"
        "broker = broker_at(sys.argv[2], password='ours')\n"
        "worker = Worker(open_engine(sys.argv[1]), broker, lambda: time.time_ns() // 10**6)\n"
        "worker.start()\n"
        "sys.stdin.read()\n"
        "worker.stop()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, database_url, broker.url], stdin=subprocess.PIPE, env=os.environ, cwd=Path.cwd()
    )


def test_killed_and_started_again(
    engine: Engine,
    database_url: str,
    broker: Broker,
    patient_id: int,
    open_station: Callable[[], Any],
    records: Callable[..., messages.Records],
) -> None:
    station = open_station()
    told = {first: records(first, first=first) for first in range(1, BATCHES + 1)}
    waiting = dict(told)

    def resend_until_acknowledged(left: int) -> None:
        """As a gateway does: everything that waits, again and again; only an acknowledgement removes a row."""
        while len(waiting) > left:
            for message in list(waiting.values())[:20]:
                station.send("records", message)
            try:
                while True:
                    kind, ack = station.down.get(timeout=0.3)
                    if kind == "ack" and not ack.rejected:
                        waiting.pop(ack.first, None)
            except queue.Empty:
                pass

    first = serve(database_url, broker)
    try:
        resend_until_acknowledged(BATCHES - 20)
        for message in waiting.values():
            station.send("records", message)
        kind, _ = station.down.get(timeout=15)
        assert kind == "ack"
    finally:
        first.kill()
        first.wait()
    while not station.down.empty():  # the acknowledgements that had been sent count
        _, ack = station.down.get()
        waiting.pop(ack.first, None)
    second = serve(database_url, broker)
    try:
        resend_until_acknowledged(0)
    finally:
        second.communicate()
    assert second.returncode == 0
    with reading(engine) as connection:
        blobs = connection.scalars(select(epoch_hour.c.blob).order_by(epoch_hour.c.hour)).all()
        assert connection.scalar(select(func.count()).select_from(quarantine)) == 0
    rows = [row for blob in blobs for row in epoch_blob.rows_of(epoch_blob.decode(blob))]
    assert [epoch_blob.start_of(row) // 60_000 for row in rows] == list(range(1, BATCHES + 1))
