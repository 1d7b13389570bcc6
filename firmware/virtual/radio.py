"""The process that owns simulated time: the air, the clips on it, and a port for every other station."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import logging
import socket
from collections.abc import Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from bumble.controller import Controller

from . import bleak_backend, frames
from .air import Air, PacketLog
from .clip import LiveClip, VirtualClip
from .controller import VirtualController
from .controls import NAMES, ControlError, Controls
from .peer import Peer
from .peripheral import make_device
from .scheduler import Scheduler
from .simloop import SimLoop

log = logging.getLogger(__name__)


class _HciSink:
    """Carries a controller's packets to the station it belongs to."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def on_packet(self, packet: bytes) -> None:
        """Send one packet."""
        self._peer.send(frames.HCI, packet)


class _Station:
    """`Handler` of a station's connection."""

    def __init__(self, host: RadioHost, peer: Peer, *, bluetooth: bool) -> None:
        self._host = host
        self._peer = peer
        self._controller: Controller | None = None
        self._asleep_since_us = 0
        if bluetooth:
            self._controller = VirtualController(peer.name, host.air, _HciSink(peer))

    def suspend(self) -> None:
        """See `Controls`."""
        self._asleep_since_us = self._host.now_us
        self._peer.asleep = True
        if self._controller is not None:
            self._host.air.set_range(self._controller, reachable=False)

    def wake(self, step_ms: int) -> None:
        """See `Controls`."""
        slept_us = self._host.now_us - self._asleep_since_us if self._peer.asleep else 0
        if self._peer.asleep and self._controller is not None:
            self._host.air.set_range(self._controller, reachable=True)
        self._peer.wake(frames.CLOCK, frames.clock(slept_us, step_ms))

    def on_call(self, payload: bytes) -> bytes:
        """See `Handler`: only clips make calls."""
        raise OSError(errno.EINVAL, f"a station makes no calls, this one of {len(payload)} bytes")

    def on_frame(self, kind: int, payload: bytes) -> None:
        """See `Handler`."""
        if kind == frames.HCI and self._controller is not None:
            # By way of the loop, so that a packet that bumble cannot read ends nothing but itself.
            asyncio.get_running_loop().call_soon(self._controller.on_packet, payload)
        elif kind == frames.CONTROL:
            self._host.spawn_control(self._peer, payload)
        else:
            log.warning("station %s sent a frame of kind %d", self._peer.name, kind)

    def on_closed(self) -> None:
        """See `Handler`."""
        if self._controller is not None:
            self._host.air.remove_controller(self._controller)
        self._host.left(self._peer.name)
        log.info("station %s has left", self._peer.name)

    def on_stalled(self) -> None:
        """See `Handler`: a station may be at a breakpoint, so only the log says so."""


class RadioHost:
    """Simulated time, the air and the clips. To be entered (`async with`) in a loop made by `simulate`.

    Parameters
    ----------
    clips
        The clips; they are switched on when the host is entered.
    speed
        Upper bound of simulated per wall time; None: as fast as it goes.
    start_utc_ms
        What a perfect UTC clock shows when simulated time is 0.
    port
        TCP port on the loopback for other stations; 0: any (see `port`).
    wait_for
        Names of stations without which time does not start.
    seed, interval_s, adv_loss, rssi
        Of the air, see `Air`.
    packet_log
        Called with (t_us, from, to, bytes) for everything the air carries.
    """

    def __init__(
        self,
        clips: Iterable[VirtualClip] = (),
        *,
        speed: float | None = None,
        start_utc_ms: int = 0,
        port: int = 0,
        wait_for: Iterable[str] = (),
        seed: int = 0,
        interval_s: float = 0.0,
        adv_loss: float = 0.0,
        rssi: int = -60,
        packet_log: PacketLog | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, SimLoop) or not isinstance(loop.clock, Scheduler):
            raise TypeError("a RadioHost lives in a loop started by firmware.virtual.simulate")
        self._scheduler = loop.clock
        self._scheduler.on_hello = self._on_hello
        self._scheduler.set_speed(speed)
        self.start_utc_ms = start_utc_ms
        self.air = Air(seed=seed, interval_s=interval_s, adv_loss=adv_loss, rssi=rssi)
        self.air.packet_log = packet_log
        self.clips: dict[str, LiveClip] = {}
        for clip in clips:
            if clip.serial in self.clips:
                raise ValueError(f"two clips with the serial {clip.serial}")
            self.clips[clip.serial] = LiveClip(clip, self.air, self._scheduler, lambda: self.port)
        self._wanted_port = port
        self._wait_for = set(wait_for)
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._arrivals: dict[str, asyncio.Event] = {}
        self._stations: dict[str, _Station] = {}
        self._controls = Controls(
            self._scheduler,
            self.air,
            self.live,
            lambda name: self._station(name).suspend(),
            lambda name, step_ms: self._station(name).wake(step_ms),
            self._arrival,
            start_utc_ms,
            self._stop.set,
        )

    @property
    def port(self) -> int:
        """TCP port that stations connect to."""
        if self._listener is None:
            raise RuntimeError("the radio is not running")
        return int(self._listener.getsockname()[1])

    @property
    def address(self) -> str:
        """What `station.run` takes as address."""
        return f"127.0.0.1:{self.port}"

    @property
    def now_us(self) -> int:
        """Simulated microseconds since the radio began."""
        return self._scheduler.now_us

    @property
    def now_ms(self) -> int:
        """Simulated milliseconds since the radio began."""
        return self.now_us // 1000

    def utc_ms(self) -> int:
        """True UTC in simulated time."""
        return self.start_utc_ms + self.now_ms

    async def __aenter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self._wanted_port))
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)
        for name in self._wait_for:
            self._scheduler.hold(name)
        try:
            for clip in self.clips.values():
                await clip.power_on()
        except BaseException:
            await self._close()
            raise
        self._scheduler.on_held = self._check_boot
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def run(self) -> None:
        """Serve until a station asks for `shutdown` or the task is cancelled."""
        async with self:
            await self.until_shutdown()

    async def until_shutdown(self) -> None:
        """Return when a station has asked for `shutdown`."""
        await self._stop.wait()

    async def _close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        for clip in self.clips.values():
            clip.power_off()
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        self._scheduler.close()
        for name in self._wait_for:
            self._scheduler.release(name)

    async def open_bluetooth(self, name: str) -> AbstractContextManager[None]:
        """Let plain bleak code in this process use the virtual radio, as a station called `name`: a context manager."""
        device, _ = make_device(self.air, name, station_address(name))
        await device.power_on()
        return bleak_backend.installed(device)

    # -- stations

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        self._scheduler.adopt(sock)

    def _on_hello(self, peer: Peer, payload: bytes) -> None:
        try:
            hello = json.loads(payload)
            token = str(hello.get("token", ""))
            name = str(hello["name"])
            bluetooth = bool(hello.get("bluetooth", False))
        except (ValueError, KeyError, AttributeError):
            self._scheduler.drop(peer)
            return
        for clip in self.clips.values():
            if clip.token and clip.token == token:
                clip.token = ""
                peer.name = clip.clip.serial
                clip.welcome(peer)
                return
        if self._scheduler.has(name):
            peer.send(frames.WELCOME, json.dumps({"error": f"there is a station {name!r} already"}).encode())
            self._scheduler.drop(peer)
            return
        peer.name = name
        peer.handler = self._stations[name] = _Station(self, peer, bluetooth=bluetooth)
        peer.send(frames.WELCOME, json.dumps({"start_utc_ms": self.start_utc_ms}).encode())
        self._scheduler.release(name)
        if name in self._arrivals:
            self._arrivals.pop(name).set()

    def left(self, name: str) -> None:
        """A station has gone."""
        self._stations.pop(name, None)

    def _station(self, name: str) -> _Station:
        if name not in self._stations:
            raise ControlError(f"no station {name!r}")
        return self._stations[name]

    def _arrival(self, name: str) -> asyncio.Event:
        event = self._arrivals.setdefault(name, asyncio.Event())
        if self._scheduler.has(name):
            event.set()
        else:
            self._scheduler.hold(name)
        return event

    def _check_boot(self) -> None:
        for clip in self.clips.values():
            clip.check_process()

    # -- control

    def spawn_control(self, peer: Peer, payload: bytes) -> None:
        """Answer a station's control request."""
        self._spawn(self._control(peer, payload))

    async def _control(self, peer: Peer, payload: bytes) -> None:
        answer: dict[str, Any]
        number: object = None
        try:
            request = json.loads(payload)
            number = request.pop("id")
            answer = {"id": number, "ok": await self.control(request.pop("do"), **request)}
        except (ControlError, ValueError, KeyError, TypeError, AttributeError) as error:
            answer = {"id": number, "error": f"{type(error).__name__}: {error}"}
        peer.send(frames.CONTROL, json.dumps(answer).encode())

    async def control(self, do: str, **arguments: Any) -> Any:
        """Do what a control request names (see `Controls`). Raises ControlError."""
        if do not in NAMES:
            raise ControlError(f"unknown request {do!r}; there are {', '.join(NAMES)}")
        return await getattr(self._controls, do)(**arguments)

    def live(self, serial: str) -> LiveClip:
        """The clip with this serial. Raises ControlError."""
        if serial not in self.clips:
            raise ControlError(f"no clip {serial!r}")
        return self.clips[serial]

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def station_address(name: str) -> str:
    """Bluetooth address of a station: a static random one made from its name."""
    octets = bytearray(hashlib.sha256(name.encode()).digest()[:6])
    octets[0] |= 0xC0
    return ":".join(f"{octet:02X}" for octet in octets)
