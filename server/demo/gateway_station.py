"""The shipped gateway in simulated time, on the virtual radio: `python -m server.demo.gateway_station WORLD`."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from firmware.virtual import RadioLostError, Station, station
from gateway import app, config
from gateway.face import door

from .world import World, load


async def _run(world: World, place: Station) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    path = world.gateway_config
    await app.run(config.load(path), utc_ms=place.utc_ms, stop=stop, faces=(door.serve,), config_file=path)


def main(world: World) -> int:
    """Run until SIGTERM or until the radio ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("bumble").setLevel(logging.WARNING)
    try:
        station.run(lambda place: _run(world, place), address=f"127.0.0.1:{world.radio_port}", name="gateway")
    except RadioLostError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(load(Path(sys.argv[1]))))
