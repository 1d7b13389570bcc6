"""A clip that nobody has paired, and its wearer: holds the button when a computer looks for it, then bows now and then.

`python radio.py PORT SPEED FLASH`; SPEED 0 is as fast as it goes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from firmware.virtual import RadioHost, VirtualClip, simulate
from gateway.lab.script import Script, Segment

SERIAL = "00112233445566aa"
HOLD_MS = 6500
BOWS = [segment for _ in range(600) for segment in (Segment(9.0), Segment(3.0, sagittal=35.0))]


async def main(port: int, speed: float, flash: Path) -> None:
    clip = VirtualClip(SERIAL, flash=flash, motion=Script(BOWS, seed=3))
    async with RadioHost(
        [clip], speed=speed or None, start_utc_ms=time.time_ns() // 1_000_000, port=port, wait_for=("gateway",)
    ) as host:
        await asyncio.sleep(2)
        await host.control("press", serial=SERIAL, held_ms=HOLD_MS)
        await host.until_shutdown()


Path(sys.argv[3]).mkdir()
simulate(main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])))
