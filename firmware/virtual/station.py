"""Running an asyncio program, such as the gateway, in simulated time."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.host import Host

from . import bleak_backend, frames
from .radio import station_address
from .simloop import SimLoop
from .stationclock import RadioLostError, StationClock

T = TypeVar("T")


class StationError(Exception):
    """The radio could not do what a control request asked for."""


class Station:
    """A program's place in the simulation."""

    def __init__(self, clock: StationClock, name: str) -> None:
        self.name = name
        self._clock = clock
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._hci_sink: Any = None
        self.terminated: asyncio.Future[None]
        clock.on_frame = self._on_frame

    def utc_ms(self) -> int:
        """UTC in milliseconds, in simulated time, as this station's clock shows it."""
        return self._clock.utc_ms

    @property
    def now_ms(self) -> int:
        """Simulated milliseconds since the radio began."""
        return self._clock.radio_us // 1000

    async def control(self, do: str, **arguments: Any) -> Any:
        """Ask the radio to do something, see `firmware.virtual.controls.Controls`.

        Raises StationError when it cannot.
        """
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._clock.send(frames.CONTROL, json.dumps({"id": number, "do": do, **arguments}).encode())
            result = await answer
        finally:
            del self._waiting[number]
        if "error" in result:
            raise StationError(f"{do}: {result['error']}")
        return result["ok"]

    async def open_bluetooth(self) -> Device:
        """Make a Bluetooth device whose controller is in the radio."""
        self.terminated = asyncio.get_running_loop().create_future()
        host = Host(self, self)
        config = DeviceConfiguration(name=self.name, address=Address(station_address(self.name)))
        device = Device(config=config, host=host)
        await device.power_on()
        return device

    # -- bumble's transport

    def set_packet_sink(self, sink: Any) -> None:
        """See bumble's TransportSource."""
        self._hci_sink = sink

    def on_packet(self, packet: bytes) -> None:
        """See bumble's TransportSink: to the controller."""
        self._clock.send(frames.HCI, packet)

    def _on_frame(self, frame: frames.Frame) -> None:
        loop = asyncio.get_event_loop()
        if frame.kind == frames.HCI and self._hci_sink is not None:
            loop.call_soon(self._hci_sink.on_packet, frame.payload)
        elif frame.kind == frames.CONTROL:
            answer = json.loads(frame.payload)
            waiting = self._waiting.get(answer["id"])
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)


def _cancel_soon(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        loop.call_soon(task.cancel)


def run(main: Callable[[Station], Coroutine[Any, Any, T]], *, address: str, name: str, bluetooth: bool = True) -> T:
    """Run `main(station)` to its end in an event loop whose time the radio at `address` ("host:port") grants.

    With `bluetooth`, plain `bleak` code in this process scans and connects on the virtual radio.
    Raises RadioLostError when the connection to the radio ends first (the program is cancelled), OSError when there is
    no radio, and whatever `main` raises.
    """
    clock = StationClock(address, name, bluetooth=bluetooth)
    station = Station(clock, name)

    async def program() -> T:
        clock.on_lost = functools.partial(_cancel_soon, asyncio.get_running_loop(), asyncio.current_task())
        if not bluetooth:
            return await main(station)
        with bleak_backend.installed(await station.open_bluetooth()):
            return await main(station)

    try:
        with asyncio.Runner(loop_factory=lambda: SimLoop(clock)) as runner:
            try:
                return runner.run(program())
            except asyncio.CancelledError:
                if clock.lost:
                    raise RadioLostError("the connection to the radio has ended") from None
                raise
    finally:
        clock.close()
