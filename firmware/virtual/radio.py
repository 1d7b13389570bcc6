"""The process that owns simulated time: the air, the clips on it, and a port for every other station."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import hashlib
import json
import logging
import socket
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from bumble.controller import Controller

from . import bleak_backend, frames
from .air import Air, PacketLog
from .clip import LiveClip, VirtualClip
from .controller import VirtualController
from .peripheral import make_device
from .scheduler import Peer, Scheduler
from .simloop import SimLoop

log = logging.getLogger(__name__)


class ControlError(Exception):
    """A control request that cannot be fulfilled."""


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
        if bluetooth:
            self._controller = VirtualController(peer.name, host.air, _HciSink(peer))

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
    def now_ms(self) -> int:
        """Simulated milliseconds since the radio began."""
        return self._scheduler.now_us // 1000

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
        peer.handler = _Station(self, peer, bluetooth=bluetooth)
        peer.send(frames.WELCOME, json.dumps({"start_utc_ms": self.start_utc_ms}).encode())
        self._scheduler.release(name)

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
        """Do what a control request names (see `CONTROLS`). Raises ControlError."""
        if do not in CONTROLS:
            raise ControlError(f"unknown request {do!r}; there are {', '.join(CONTROLS)}")
        return await CONTROLS[do](self, **arguments)

    def live(self, serial: str) -> LiveClip:
        """The clip with this serial. Raises ControlError."""
        if serial not in self.clips:
            raise ControlError(f"no clip {serial!r}")
        return self.clips[serial]

    async def _now(self) -> dict[str, int]:
        """Simulated milliseconds since the beginning, and UTC."""
        return {"now_ms": self.now_ms, "utc_ms": self.utc_ms()}

    async def _link_loss(self, serial: str) -> None:
        """End every connection of a clip at once, as after a supervision timeout; it can be found again."""
        peripheral = self.live(serial).peripheral
        if peripheral is not None:
            self.air.link_loss(peripheral.controller)

    async def _range(self, serial: str, on: bool) -> None:
        """Take a clip out of range, or bring it back."""
        self.live(serial).set_range(on)

    async def _power(self, serial: str, on: bool) -> None:
        """Switch a clip off without warning, or on."""
        clip = self.live(serial)
        if on:
            await clip.power_on()
        else:
            clip.power_off()

    async def _power_cycle(self, serial: str, off_ms: int = 1000) -> None:
        """Switch a clip off and, after `off_ms` of simulated time, on again."""
        clip = self.live(serial)
        clip.power_off()
        await asyncio.sleep(off_ms / 1000)
        await clip.power_on()

    async def _motor_log(self, serial: str) -> list[dict[str, Any]]:
        """Every GO that ran the motor: t_ms, waveform, duration_ms."""
        return [dataclasses.asdict(event) for event in self.live(serial).motor_log]

    async def _status(self, serial: str) -> dict[str, Any]:
        """State of a clip ("off", "booting", "running", "ended"), its interpreter, counters, flash and console."""
        clip = self.live(serial)
        imu = clip.board.imu
        return {
            "state": clip.state,
            "interpreter": clip.kind,
            "exit_code": clip.exit_code,
            "fifo_overruns": 0 if imu is None else imu.overruns,
            "refused_notifications": 0 if clip.peripheral is None else clip.peripheral.refused,
            "console": str(clip.console),
            "flash": str(clip.clip.flash),
        }

    async def _air_knobs(self, adv_loss: float | None = None, rssi: int | None = None) -> None:
        """Change the loss of advertisements and the signal strength."""
        if adv_loss is not None:
            self.air.adv_loss = adv_loss
        if rssi is not None:
            self.air.rssi = rssi

    async def _tx_buffers(self, serial: str, n: int) -> None:
        """Change how many packets wait in a clip before it is refused more; 0 refuses all."""
        peripheral = self.live(serial).peripheral
        if peripheral is not None:
            peripheral.tx_buffers = n

    async def _speed(self, speed: float | None = None) -> None:
        """Change the upper bound of simulated per wall time; None: as fast as it goes."""
        self._scheduler.set_speed(speed)

    async def _shutdown(self) -> None:
        """Let `run` return."""
        # After the answer has gone out.
        asyncio.get_running_loop().call_later(0.001, self._stop.set)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


CONTROLS: dict[str, Callable[..., Any]] = {
    "now": RadioHost._now,
    "link_loss": RadioHost._link_loss,
    "range": RadioHost._range,
    "power": RadioHost._power,
    "power_cycle": RadioHost._power_cycle,
    "motor_log": RadioHost._motor_log,
    "status": RadioHost._status,
    "air": RadioHost._air_knobs,
    "tx_buffers": RadioHost._tx_buffers,
    "speed": RadioHost._speed,
    "shutdown": RadioHost._shutdown,
}


def station_address(name: str) -> str:
    """Bluetooth address of a station: a static random one made from its name."""
    octets = bytearray(hashlib.sha256(name.encode()).digest()[:6])
    octets[0] |= 0xC0
    return ":".join(f"{octet:02X}" for octet in octets)
