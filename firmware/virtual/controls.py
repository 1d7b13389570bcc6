"""What a station may ask of the radio."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from . import drv2605l, faults, lsm6dsox
from .air import Air
from .clip import LiveClip
from .scheduler import Scheduler


class ControlError(Exception):
    """A control request that cannot be fulfilled."""


class Controls:
    """Every public coroutine is a request of its name.

    Parameters
    ----------
    live
        The clip with a serial; raises ControlError when there is none.
    suspend
        Puts the station with a name to sleep; raises ControlError when there is none.
    wake
        Wakes it, and sets its UTC clock by some milliseconds.
    arrival
        Is set when a station of the name is there; keeps time still until then.
    stop
        Lets the radio's `run` return.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        air: Air,
        live: Callable[[str], LiveClip],
        suspend: Callable[[str], None],
        wake: Callable[[str, int], None],
        arrival: Callable[[str], asyncio.Event],
        start_utc_ms: int,
        stop: Callable[[], None],
    ) -> None:
        self._scheduler = scheduler
        self._air = air
        self._live = live
        self._suspend = suspend
        self._wake = wake
        self._arrival = arrival
        self._start_utc_ms = start_utc_ms
        self._stop = stop

    async def now(self) -> dict[str, int]:
        """Simulated milliseconds since the beginning, and UTC."""
        return {"now_ms": self._scheduler.now_us // 1000, "utc_ms": self._start_utc_ms + self._scheduler.now_us // 1000}

    async def link_loss(self, serial: str) -> None:
        """End every connection of a clip at once, as after a supervision timeout; it can be found again."""
        peripheral = self._live(serial).peripheral
        if peripheral is not None:
            self._air.link_loss(peripheral.controller)

    async def range(self, serial: str, on: bool) -> None:
        """Take a clip out of range, or bring it back."""
        self._live(serial).set_range(on)

    async def power(self, serial: str, on: bool) -> None:
        """Switch a clip off without warning, or on."""
        clip = self._live(serial)
        if on:
            await clip.power_on()
        else:
            clip.power_off()

    async def hang(self, serial: str) -> None:
        """Let a clip hang until its watchdog starts it anew."""
        self._live(serial).hang()

    async def power_cycle(self, serial: str, off_ms: int = 1000) -> None:
        """Switch a clip off and, after `off_ms` of simulated time, on again."""
        clip = self._live(serial)
        clip.power_off()
        await asyncio.sleep(off_ms / 1000)
        await clip.power_on()

    async def motor_log(self, serial: str) -> list[dict[str, Any]]:
        """Every GO that ran the motor: t_ms, waveform, duration_ms."""
        return [dataclasses.asdict(event) for event in self._live(serial).motor_log]

    async def status(self, serial: str) -> dict[str, Any]:
        """State of a clip ("off", "booting", "running", "ended"), when it booted, its interpreter, counters, flash
        and console."""
        clip = self._live(serial)
        imu = clip.board.imu
        return {
            "state": clip.state,
            "interpreter": clip.kind,
            "exit_code": clip.exit_code,
            "boots_ms": clip.boots_ms,
            "fifo_overruns": 0 if imu is None else imu.overruns,
            "refused_notifications": 0 if clip.peripheral is None else clip.peripheral.refused,
            "console": str(clip.console),
            "flash": str(clip.clip.flash),
        }

    async def air(self, adv_loss: float | None = None, rssi: int | None = None) -> None:
        """Change the loss of advertisements and the signal strength."""
        if adv_loss is not None:
            self._air.adv_loss = adv_loss
        if rssi is not None:
            self._air.rssi = rssi

    async def i2c_fault(self, serial: str, chip: str, mode: faults.Mode) -> None:
        """Let something go wrong with "imu" or "haptic", see `faults.Mode`; "none": all is well again."""
        addresses = {"imu": lsm6dsox.ADDRESS, "haptic": drv2605l.ADDRESS}
        if chip not in addresses or mode not in faults.MODES:
            raise ControlError(f"no fault {mode!r} of {chip!r}; there are {', '.join(faults.MODES)} of imu and haptic")
        self._live(serial).board.fail(addresses[chip], mode, self._scheduler.now_us)

    async def press(self, serial: str, held_ms: int = 120) -> None:
        """Press a clip's button and let it go after `held_ms` of simulated time."""
        clip = self._live(serial)
        clip.press(down=True)
        await asyncio.sleep(held_ms / 1000)
        clip.press(down=False)

    async def tx_buffers(self, serial: str, n: int) -> None:
        """Change how many packets wait in a clip before it is refused more; 0 refuses all."""
        peripheral = self._live(serial).peripheral
        if peripheral is not None:
            peripheral.tx_buffers = n

    async def refuse(self, serial: str, share: float, burst: int = 1) -> None:
        """Let a share of a clip's notifications be refused at random, up to `burst` in a row; 0 ends it."""
        peripheral = self._live(serial).peripheral
        if peripheral is not None:
            peripheral.refuse(share, burst)

    async def inject(self, serial: str, uuid: str, data: str) -> None:
        """Notify bytes (hexadecimal) on a characteristic of a clip that its firmware knows nothing of."""
        peripheral = self._live(serial).peripheral
        if peripheral is None:
            raise ControlError(f"clip {serial} is off")
        peripheral.inject(uuid, bytes.fromhex(data))

    async def speed(self, speed: float | None = None) -> None:
        """Change the upper bound of simulated per wall time; None: as fast as it goes."""
        self._scheduler.set_speed(speed)

    async def wait_for(self, name: str) -> None:
        """Keep time still until a station of this name is there, and answer then."""
        await self._arrival(name).wait()

    async def suspend(self, name: str) -> None:
        """Put a station's computer to sleep: time goes on without it, and its Bluetooth is off."""
        self._suspend(name)

    async def wake(self, name: str) -> None:
        """Wake a station's computer; what it was sent meanwhile comes now."""
        self._wake(name, 0)

    async def set_clock(self, name: str, by_ms: int) -> None:
        """Set a station's UTC clock forward, or back."""
        self._wake(name, by_ms)

    async def shutdown(self) -> None:
        """Let `run` return."""
        # After the answer has gone out.
        asyncio.get_running_loop().call_later(0.001, self._stop)


NAMES = tuple(name for name, _ in inspect.getmembers(Controls, inspect.iscoroutinefunction) if not name.startswith("_"))
