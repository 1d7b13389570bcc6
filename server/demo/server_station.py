"""The server in the demonstration's time: `python -m server.demo.server_station WORLD`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from server.app import create_app
from server.mqtt.address import broker_at
from server.mqtt.worker import Worker
from server.store import open_engine
from server.summaries.rebuilder import Rebuilder

from .world import World, load


def clock(world: World) -> Callable[[], int]:
    """UTC milliseconds as the demonstration has them: wall time, or at a speed of its own from the start on."""
    if world.directed or world.speed in (None, 1.0):
        return lambda: time.time_ns() // 1_000_000
    speed, start_ms, wall_s = world.speed, world.start_utc_ms, world.wall_start_s
    return lambda: int(start_ms + 1000 * speed * (time.time() - wall_s))


def main(world: World) -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    engine = open_engine(world.database_url)
    now = clock(world)
    worker = Worker(engine, broker_at(world.mqtt_url, password=world.server_password), now)
    rebuilder = Rebuilder(engine, now)
    worker.start()
    rebuilder.start()
    try:
        app = create_app(engine, now, session_clock=lambda: time.time_ns() // 1_000_000)
        uvicorn.run(app, host="127.0.0.1", port=world.http_port, log_level="warning")
    finally:
        rebuilder.stop()
        worker.stop()


if __name__ == "__main__":
    main(load(Path(sys.argv[1])))
