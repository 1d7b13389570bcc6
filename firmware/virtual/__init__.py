"""The virtual clip: real firmware, simulated chips, a virtual Bluetooth radio, and time that waits for everybody.

In one process:

    async def main():
        clip = VirtualClip("00112233445566aa", flash=Path("flash"), motion=Still())
        async with RadioHost([clip], start_utc_ms=1_700_000_000_000) as host:
            with await host.open_bluetooth("gateway"):           # plain bleak code now uses the virtual radio
                device = await bleak.BleakScanner.find_device_by_name("Plumbline-66aa")
                await asyncio.sleep(3600)                        # an hour of simulated time
            print(host.clips["00112233445566aa"].motor_log)
    simulate(main())

Across processes, the radio's process runs `await host.run()`; any other process (a gateway, a test's director) runs

    station.run(main, address="127.0.0.1:4711", name="gateway")  # main(station) is a coroutine

Its event loop's time is what the radio grants: `loop.time()`, `asyncio.sleep` and timeouts are simulated, threads and
sockets still wake it in wall time. `station.utc_ms()` is UTC, `await station.control("link_loss", serial=...)` asks the
radio for something: `now`, `link_loss`, `range`, `power`, `power_cycle`, `motor_log`, `status`, `air`, `tx_buffers`,
`refuse`, `inject`, `i2c_fault`, `press`, `speed`, `wait_for`, `shutdown`. `await host.control(...)` does the same where
the host is at hand.

Time passes only when the radio's own loop has nothing to do and every station has reported idle with nothing in flight
in either direction; a run therefore repeats exactly, unless wall time gets in through a thread or a socket, or two
processes do something in the same instant, which may come in either order. Firmware
that computes takes no simulated time, and firmware that waits by reading the clock in a loop never ends: it must sleep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from . import station
from .board import Battery
from .clip import VirtualClip
from .controls import ControlError
from .drv2605l import MotorEvent
from .interpreter import InterpreterError
from .lsm6dsox import IDEAL, Imperfections
from .motion import MotionSource, Recording, Still
from .radio import RadioHost
from .scheduler import Scheduler
from .simloop import SimLoop
from .station import Station, StationError
from .stationclock import RadioLostError

T = TypeVar("T")

__all__ = (
    "IDEAL",
    "Battery",
    "ControlError",
    "Imperfections",
    "InterpreterError",
    "MotionSource",
    "MotorEvent",
    "RadioHost",
    "RadioLostError",
    "Recording",
    "Station",
    "StationError",
    "Still",
    "VirtualClip",
    "simulate",
    "station",
)


def simulate(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in an event loop that owns simulated time; the place for a `RadioHost`."""
    with asyncio.Runner(loop_factory=lambda: SimLoop(Scheduler())) as runner:
        return runner.run(main)
