"""The server in the demonstration's time: `python -m server.demo.server_station WORLD`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

from server.mqtt.address import broker_at
from server.rights.tombstones import Tombstones
from server.serving import listen, serve
from server.store import open_engine

from .world import HOST, World, load


def wall_ms() -> int:
    """UTC milliseconds outside of the simulation."""
    return time.time_ns() // 1_000_000


def clock(world: World) -> Callable[[], int]:
    """UTC milliseconds as the demonstration has them: wall time, or at a speed of its own from the start on."""
    if world.directed or world.speed in (None, 1.0):
        return wall_ms
    speed, start_ms, wall_s = world.speed, world.start_utc_ms, world.wall_start_s
    return lambda: int(start_ms + 1000 * speed * (time.time() - wall_s))


def main(world: World) -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    serve(
        open_engine(world.database_url),
        broker_at(world.mqtt_url, password=world.server_password),
        clock(world),
        listen(HOST, world.http_port),
        session_clock=wall_ms,
        tombstones=Tombstones(world.folder / "tombstones.jsonl"),
    )


if __name__ == "__main__":
    main(load(Path(sys.argv[1])))
