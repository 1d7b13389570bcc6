"""The radio and the clips on it, as a process: `python -m server.demo.radio_station WORLD`."""

from __future__ import annotations

import sys
from pathlib import Path

from firmware.clip import keystore
from firmware.virtual import RadioHost, VirtualClip, simulate
from gateway.lab.script import Script

from .lease_log import LeaseLog
from .world import World, Worn, load


def provision(worn: Worn, gateway: str) -> Path:
    """Give the clip its gateway's key, as pairing does, and return the folder of its flash."""
    worn.flash.mkdir(exist_ok=True)
    keys = worn.flash / keystore.FILE
    if not keys.exists():
        keys.write_bytes(keystore.pack([(bytes.fromhex(gateway), bytes.fromhex(worn.key))]))
    return worn.flash


async def serve(world: World) -> None:
    """Let time pass from the moment the gateway is there until somebody asks for the end."""
    clips = [
        VirtualClip(
            worn.clip,
            flash=provision(worn, world.gateway),
            motion=Script.load(worn.script),
            interpreter=world.interpreter,
        )
        for worn in world.worn
    ]
    host = RadioHost(
        clips,
        speed=world.speed,
        start_utc_ms=world.start_utc_ms,
        port=world.radio_port,
        wait_for=("gateway", "director") if world.directed else ("gateway",),
        packet_log=LeaseLog(world.folder) if world.directed else None,
    )
    await host.run()


if __name__ == "__main__":
    simulate(serve(load(Path(sys.argv[1]))))
