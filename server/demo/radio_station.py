"""The radio and the clip on it, as a process: `python -m server.demo.radio_station WORLD`."""

from __future__ import annotations

import sys
from pathlib import Path

from firmware.clip import keystore
from firmware.virtual import RadioHost, VirtualClip, simulate
from gateway.lab.script import Script

from .lease_log import LeaseLog
from .world import World, load


def provision(world: World) -> Path:
    """Give the clip its gateway's key, as pairing does, and return the folder of its flash."""
    flash = world.folder / "clip"
    flash.mkdir(exist_ok=True)
    keys = flash / keystore.FILE
    if not keys.exists():
        keys.write_bytes(keystore.pack([(bytes.fromhex(world.gateway), bytes.fromhex(world.clip_key))]))
    return flash


async def serve(world: World) -> None:
    """Let time pass from the moment the gateway is there until somebody asks for the end."""
    clip = VirtualClip(
        world.clip,
        flash=provision(world),
        motion=Script.load(world.script),
        interpreter=world.interpreter,
    )
    host = RadioHost(
        [clip],
        speed=world.speed,
        start_utc_ms=world.start_utc_ms,
        port=world.radio_port,
        wait_for=("gateway", "director") if world.directed else ("gateway",),
        packet_log=LeaseLog(world.folder) if world.directed else None,
    )
    await host.run()


if __name__ == "__main__":
    simulate(serve(load(Path(sys.argv[1]))))
