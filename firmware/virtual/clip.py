"""A virtual clip: the real firmware in an interpreter of its own, between a simulated board and the virtual radio."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import logging
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from . import frames, ops
from .air import Air
from .board import Battery, Board
from .drv2605l import Drv2605l, MotorEvent
from .interpreter import FIRMWARE, Interpreter, choose, command, end, start
from .lsm6dsox import IDEAL, Imperfections, Lsm6dsox
from .motion import MotionSource, Still
from .peer import Peer
from .peripheral import Peripheral
from .scheduler import Scheduler

log = logging.getLogger(__name__)

POWERED_ON = 1  # machine.PWRON_RESET
WATCHDOG = 3  # machine.WDT_RESET
WATCHDOG_US = 8_000_000  # the firmware's watchdog waits for so long
BOOT_US = 300_000  # from reset to the first line of firmware, simulated
_GRACE_S = 2.0  # wall time that an interpreter has to end once it has closed its connection
CALL = 100  # kind of the frame that a call leaves for the end of the step

State = Literal["off", "booting", "running", "ended"]


@dataclass
class VirtualClip:
    """What a clip is like; `RadioHost` brings it to life.

    Parameters
    ----------
    serial
        Its identity: 16 lower-case hex digits, what `machine.unique_id()` returns.
    flash
        Folder with the files of the clip's flash; survives a power cycle.
    motion
        What its sensor feels; lying still by default.
    interpreter
        "micropython", "cpython", or "auto": MicroPython when there is one.
    micropython
        Path of the MicroPython to run it in; None finds one.
    heap
        MicroPython's heap, for firmware and stand-ins. Pointers are twice as wide here as on the board: the same takes
        about two thirds there.
    noise
        False: ideal chips (no noise, no bias, exact rate).
    imperfections
        Instead of typical ones, when `noise` is on.
    coupling_g
        Vibration of the motor as the sensor feels it.
    seed
        Of noise and, together with what is in the flash, of the clip's random numbers.
    tx_buffers
        Notifications that wait in the radio before `gatts_notify` raises ENOMEM.
    mtu_limit
        Largest MTU that the clip's radio agrees on.
    ticks_start
        `time.ticks_ms()` at boot; near 2**30 it wraps soon.
    program
        Module that is the firmware's main program.
    search
        Folders where the firmware's packages are found.
    console
        File for what the firmware prints; by default `<flash>.log`.
    """

    serial: str
    flash: Path
    motion: MotionSource = field(default_factory=Still)
    interpreter: Interpreter = "auto"
    micropython: str | None = None
    heap: str = "128k"
    noise: bool = True
    imperfections: Imperfections | None = None
    coupling_g: float = 0.0
    seed: int = 0
    battery: Battery = field(default_factory=Battery)
    has_imu: bool = True
    has_haptic: bool = True
    tx_buffers: int = 12
    mtu_limit: int = 517
    ticks_start: int = 0
    program: str = "clip.main"
    search: tuple[Path, ...] = (FIRMWARE,)
    console: Path | None = None

    def __post_init__(self) -> None:
        if len(self.serial) != 16 or not set(self.serial) <= set("0123456789abcdef"):
            raise ValueError(f"a serial is 16 lower-case hex digits, not {self.serial!r}")

    @property
    def address(self) -> str:
        """Its Bluetooth address, a static random one made from the end of the serial."""
        octets = bytearray(bytes.fromhex(self.serial[-12:]))
        octets[0] |= 0xC0
        return ":".join(f"{octet:02X}" for octet in octets)


def _digest(flash: Path) -> str:
    """What is in the flash, as a fingerprint: random numbers repeat in a repeated run, but not from boot to boot."""
    digest = hashlib.sha256()
    for path in sorted(path for path in flash.rglob("*") if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class LiveClip:
    """A clip that is switched on: `Handler` of its interpreter's connection, and the owner of its process."""

    def __init__(self, clip: VirtualClip, air: Air, scheduler: Scheduler, port: Callable[[], int]) -> None:
        self.clip = clip
        self.kind = choose(clip.interpreter) if clip.micropython is None else "micropython"
        self.state: State = "off"
        self.exit_code: int | None = None
        self.boots_ms: list[int] = []
        self._air = air
        self._scheduler = scheduler
        self._port = port
        parts = clip.imperfections if clip.noise else IDEAL
        imu = Lsm6dsox(clip.motion, imperfections=parts, seed=clip.seed) if clip.has_imu else None
        haptic = Drv2605l() if clip.has_haptic else None
        self.board = Board(imu, haptic, battery=clip.battery, coupling_g=clip.coupling_g)
        self.peripheral: Peripheral | None = None
        self.token = ""
        self._peer: Peer | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._restart = False
        self._reset_cause = POWERED_ON
        self._powered_us = 0
        self._in_range = True
        self._alarm: asyncio.TimerHandle | None = None
        self._boot_timer: asyncio.TimerHandle | None = None
        self._levels: dict[int, int] = {}

    @property
    def motor_log(self) -> list[MotorEvent]:
        """Every GO that ran the motor."""
        return [] if self.board.haptic is None else self.board.haptic.log

    @property
    def console(self) -> Path:
        """File with what the firmware printed."""
        return self.clip.console or self.clip.flash.with_name(self.clip.flash.name + ".log")

    def press(self, *, down: bool) -> None:
        """Press the button, or let it go."""
        self.board.pressed = down
        self._emit(ops.EVENT_PIN, bytes([self.board.button_pin, not down]))

    def set_range(self, reachable: bool) -> None:
        """Take the clip out of everybody's range, or bring it back."""
        self._in_range = reachable
        if self.peripheral is not None:
            self._air.set_range(self.peripheral.controller, reachable)

    # -- power

    async def power_on(self) -> None:
        """Switch on: a fresh radio and a fresh interpreter; time stands still until it has said hello."""
        if self.state in ("booting", "running"):
            return
        if not self._restart:
            self._reset_cause = POWERED_ON
            self._powered_us = self._scheduler.now_us
            self.board.power_cycle(self._scheduler.now_us)
        self.state = "booting"
        self.exit_code = None
        self._restart = False
        clip = self.clip
        clip.flash.mkdir(parents=True, exist_ok=True)
        self.board.restart(f"{clip.seed} {clip.serial} {_digest(clip.flash)}")
        self.peripheral = peripheral = Peripheral(
            self._air,
            f"clip-{clip.serial}",
            clip.address,
            tx_buffers=clip.tx_buffers,
            mtu_limit=clip.mtu_limit,
            emit=self._emit,
        )
        self.set_range(self._in_range)
        await peripheral.power_on()
        if self.peripheral is not peripheral:
            return  # switched off meanwhile
        self.token = secrets.token_hex(8)
        line, env = command(self.kind, clip.heap, clip.search, clip.micropython)
        env["PLUMBLINE_RADIO"] = f"127.0.0.1:{self._port()}"
        env["PLUMBLINE_TOKEN"] = self.token
        self._scheduler.hold(clip.serial)
        with self.console.open("ab") as console:
            self._process = start(line, cwd=clip.flash, env=env, console=console)

    def power_off(self) -> None:
        """Switch off without warning."""
        self.state = "off"
        self._restart = False
        self._silence()
        if self._peer is not None:
            self._scheduler.drop(self._peer)
            self._peer = None
        self._end_process()

    def hang(self) -> None:
        """Stop computing without a word, until the watchdog starts the clip anew. Its chips and clock have gone on."""
        self.power_off()
        self._restart = True
        self._reset_cause = WATCHDOG
        self._boot_timer = asyncio.get_running_loop().call_later(WATCHDOG_US / 1e6, self._boot_again)

    def _silence(self) -> None:
        self._scheduler.release(self.clip.serial)
        for timer in (self._alarm, self._boot_timer):
            if timer is not None:
                timer.cancel()
        self._alarm = self._boot_timer = None
        if self.peripheral is not None:
            self.peripheral.power_off()
            self.peripheral = None

    def _end_process(self, grace_s: float = 0.0) -> None:
        if self._process is not None:
            self.exit_code = end(self._process, grace_s)
            self._process = None

    def check_process(self) -> None:
        """Notice an interpreter that died before it said hello; called in wall time."""
        if self.state == "booting" and self._process is not None and self._process.poll() is not None:
            self._failed()

    def _failed(self) -> None:
        self._silence()
        self._end_process(_GRACE_S)
        self.state = "ended"
        tail = self.console.read_bytes()[-2000:].decode(errors="replace")
        log.error("clip %s: the firmware has ended (%s)\n%s", self.clip.serial, self.exit_code, tail)

    # -- the interpreter's connection

    def welcome(self, peer: Peer) -> None:
        """The interpreter has said hello."""
        clip = self.clip
        self._peer = peer
        peer.handler = self
        peer.runs_ahead = True
        self.state = "running"
        self.boots_ms.append(self._scheduler.now_us // 1000)
        answer = {
            "unique_id": clip.serial,
            "ticks_start": clip.ticks_start,
            "program": clip.program,
            "boot_us": self._scheduler.now_us,
            "powered_us": self._powered_us,
            "reset_cause": self._reset_cause,
        }
        peer.send(frames.WELCOME, json.dumps(answer).encode())
        if self.board.pressed:
            self.press(down=True)
        self._scheduler.release(clip.serial)

    def on_call(self, payload: bytes) -> bytes:
        """See `Handler`."""
        op, data = payload[0], payload[1:]
        if op < ops.I2C_READ_MEMORY:
            if self.peripheral is None or self._peer is None:
                raise OSError(errno.ENODEV, "the clip is off")
            answer, more = self.peripheral.call(op, data)
            if more:
                self._peer.inbox.append((CALL, payload))
            return answer
        if op == ops.RESET:
            self._restart = True
            self._reset_cause = data[0]
            return b""
        answer = self.board.call(op, data, self._scheduler.now_us)
        if self.board.watched and self._peer is not None:
            self._peer.inbox.append((CALL, bytes([ops.PIN_WATCH])))
        return answer

    def on_frame(self, kind: int, payload: bytes) -> None:
        """See `Handler`."""
        if kind != CALL:
            log.warning("clip %s sent a frame of kind %d", self.clip.serial, kind)
        elif payload[0] == ops.PIN_WATCH:
            self._watch_pins()
        elif self.peripheral is not None:
            self.peripheral.act(payload[0], payload[1:])

    def on_closed(self) -> None:
        """See `Handler`."""
        self._peer = None
        if not self._restart:
            self._failed()
            return
        self._silence()
        self._end_process(_GRACE_S)
        self.state = "off"
        self._boot_timer = asyncio.get_running_loop().call_later(BOOT_US / 1e6, self._boot_again)

    def _boot_again(self) -> None:
        self._booting = asyncio.get_running_loop().create_task(self.power_on())

    def on_stalled(self) -> None:
        """See `Handler`: firmware that never waits again would stop everybody's time."""
        log.error("clip %s is stuck: its firmware computes without end", self.clip.serial)
        if self._process is not None:
            end(self._process)

    def _emit(self, number: int, payload: bytes) -> None:
        if self._peer is not None:
            self._peer.send(frames.EVENT, bytes([number]) + payload)

    # -- interrupt pins

    def _watch_pins(self) -> None:
        """Send the edges of watched pins, and come back when the sensor may change one."""
        now_us = self._scheduler.now_us
        for pin, trigger in self.board.watched.items():
            level = self.board.level(pin, now_us)
            before = self._levels.get(pin, 0)
            self._levels[pin] = level
            if level != before and trigger & (1 if level else 2):
                self._emit(ops.EVENT_PIN, bytes([pin, level]))
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        imu = self.board.imu
        if self.board.watched and imu is not None and (next_us := imu.next_change_us(now_us)) is not None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_at(max(next_us, now_us + 1) / 1e6, self._watch_pins)
