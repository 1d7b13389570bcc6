"""A scripted working day of the virtual clip: somebody sits, slouches, walks and goes out of range, a gateway listens.

The gateway here is a plain bleak program of this file's own: the firmware knows no gateway.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import bleak
import bleak.exc
import numpy as np

from firmware.clip import protocol
from firmware.clip.protocol import auth, calibration, control, plan, records, stream, uuids
from firmware.virtual import MotorEvent, RadioHost, VirtualClip, interpreter, simulate
from firmware.virtual.compiled import compiled
from firmware.virtual.motion import Array
from firmware.virtual.provision import provision

SERIAL: Final = "f0000000000000c1"
DWELL_S: Final = 30
PROGRAMS: Final = Path(__file__).resolve().parent / "programs"
GATEWAY: Final = bytes.fromhex("f0000000000000a1")
KEY: Final = bytes(range(32))
_START_UTC_MS: Final = 1_700_000_000_000
CALIBRATION: Final = calibration.pack_calibration(1, calibration.SEATED, (0, 16384, 0), (0, 0, 16384))

_CYCLE_S: Final = 600.0
_SLOUCH_S: Final = (60.0, 120.0)  # of each cycle; the reminder comes in between
_WALK_S: Final = (400.0, 460.0)
_TURN_S: Final = 3.0  # to lean or to come up
_LEAN_DEG: Final = 22.0
_PING_S: Final = 10.0  # the clip drops who is silent for a minute
_SECOND: Final = 1000

Progress = Callable[[float], None]


class Workday:
    """What the clip between the shoulder blades feels: every ten minutes a slouch and a walk, a minute each."""

    duration_s: float | None = None

    def sample(self, t_s: Array) -> tuple[Array, Array, Array]:
        """See `firmware.virtual.MotionSource`."""
        step = 1e-3
        lean = _lean(t_s)
        rate = np.degrees(_lean(t_s + step) - _lean(t_s - step)) / (2 * step)
        walking = (t_s % _CYCLE_S >= _WALK_S[0]) & (t_s % _CYCLE_S < _WALK_S[1])
        weight = 1 + np.where(walking, 0.25 * np.sin(2 * np.pi * 2.0 * t_s), 0.0)
        acc = np.column_stack((np.zeros_like(t_s), weight * np.cos(lean), -weight * np.sin(lean)))
        gyro = np.column_stack((rate, np.where(walking, 20 * np.sin(2 * np.pi * t_s), 0.0), np.zeros_like(t_s)))
        return acc, gyro, np.full(len(t_s), 31.0)


def _lean(t_s: Array) -> Array:
    """Forward inclination in rad: breathing, a slow sway, and the slouches."""
    into = t_s % _CYCLE_S
    slouched = _rise((into - _SLOUCH_S[0]) / _TURN_S) - _rise((into - _SLOUCH_S[1]) / _TURN_S)
    sway = 0.4 * np.sin(2 * np.pi * 0.25 * t_s) + 0.8 * np.sin(2 * np.pi * t_s / 37.0)
    lean: Array = np.radians(_LEAN_DEG * slouched + sway)
    return lean


def _rise(x: Array) -> Array:
    """From 0 to 1 with no jump in the rate."""
    x = np.clip(x, 0.0, 1.0)
    smooth: Array = x * x * (3 - 2 * x)
    return smooth


@dataclass
class Day:
    """What a day has left behind. Times in clip milliseconds since its boot, heap in bytes."""

    seconds: float
    heap: int
    apart: int = 0
    """In the heap before the firmware is loaded: stand-ins, asyncio and the watch."""
    free: list[int] = field(default_factory=list)
    """Each second, before the collection."""
    kept: list[int] = field(default_factory=list)
    """Each second, after it."""
    linked_s: float = 0.0
    packets: int = 0
    samples: int = 0
    stream_bytes: int = 0
    notifications: int = 0
    connections: int = 0
    reminders: dict[int, int] = field(default_factory=dict)
    """Start of each reminder that was given -> start of its slouch."""
    motor_ms: list[int] = field(default_factory=list)
    epochs: int = 0
    motor_s: float = 0.0
    failure: str = ""

    @property
    def latencies_ms(self) -> list[int]:
        """Of each given reminder: from due to the motor's GO."""
        return [go - since - DWELL_S * _SECOND for start, since in self.reminders.items() for go in self._after(start)]

    def _after(self, start_ms: int) -> Iterator[int]:
        near = [go for go in self.motor_ms if -100 <= go - start_ms < _SECOND]
        yield from near[:1]


def live_through(
    seconds: float,
    folder: Path,
    heap: int,
    micropython: str,
    *,
    rom: bytes | None = None,
    away: Sequence[tuple[float, float]] = (),
    progress: Progress = lambda _: None,
) -> Day:
    """Live through so much of a day, simulated, in a heap of `heap` bytes; out of range in the stretches `away`.

    With `rom`, the firmware runs from that image, which is in the heap here and would be in flash on a board. What goes
    wrong (no memory, no connection) is in the answer's `failure`.
    """
    flash = folder / "flash"
    provision(flash, [(GATEWAY, KEY)])
    if rom is not None:
        (flash / "rom.img").write_bytes(rom)
    programs = compiled(PROGRAMS)
    clip = VirtualClip(
        SERIAL,
        flash,
        Workday(),
        micropython=micropython,
        heap=str(heap),
        coupling_g=0.3,
        program="watched",
        search=(interpreter.FIRMWARE, PROGRAMS if programs is None else programs),
        console=folder / "console.txt",
    )
    session = _Session(clip, seconds, away, progress)
    with contextlib.suppress(bleak.exc.BleakError, TimeoutError, OSError):
        simulate(session.run())
    day = session.day
    said = (folder / "console.txt").read_text(errors="replace") if (folder / "console.txt").exists() else ""
    _read_heap(said, day)
    if session.finished < seconds and not day.failure:
        day.failure = f"it ended after {session.finished:.0f} s"
    return day


def _read_heap(said: str, day: Day) -> None:
    other = []
    for line in said.splitlines():
        word, *values = line.split() or [""]
        if word == "heap":
            day.free.append(int(values[0]))
            day.kept.append(int(values[1]))
        elif word == "apart":
            day.apart = int(values[0])
        else:
            other.append(line)
    if other:
        day.failure = other[-1]


class _Session:
    """One clip and one listener that comes back when the link is lost."""

    def __init__(
        self, clip: VirtualClip, seconds: float, away: Sequence[tuple[float, float]], progress: Progress
    ) -> None:
        self.day = Day(seconds, int(clip.heap))
        self.finished = 0.0
        self._clip = clip
        self._away = away
        self._progress = progress
        self._acknowledged = 0

    async def run(self) -> None:
        async with RadioHost([self._clip], start_utc_ms=_START_UTC_MS) as host:
            with await host.open_bluetooth("listener"):
                walker = asyncio.create_task(self._walk_away(host))
                try:
                    while host.now_ms < self.day.seconds * _SECOND and host.clips[SERIAL].state != "ended":
                        with contextlib.suppress(bleak.exc.BleakError, TimeoutError):
                            await self._connected(host)
                        await asyncio.sleep(1)
                finally:
                    walker.cancel()
            live = host.clips[SERIAL]
            self.finished = host.now_ms / _SECOND if live.state == "running" else 0.0
            self._read_motor(live.motor_log, live.boots_ms[0] if live.boots_ms else 0)

    def _read_motor(self, log: list[MotorEvent], boot_ms: int) -> None:
        self.day.motor_ms = [event.t_ms - boot_ms for event in log]
        self.day.motor_s = sum(event.duration_ms for event in log) / _SECOND

    async def _walk_away(self, host: RadioHost) -> None:
        for start, end in self._away:
            await asyncio.sleep(max(0.0, start - host.now_ms / _SECOND))
            await host.control("range", serial=SERIAL, on=False)
            await asyncio.sleep(end - start)
            await host.control("range", serial=SERIAL, on=True)

    async def _connected(self, host: RadioHost) -> None:
        device = await bleak.BleakScanner.find_device_by_name(f"Plumbline-{SERIAL[-4:]}", timeout=30)
        if device is None:
            return
        async with bleak.BleakClient(device) as client:
            line = await _Line.open(client)
            day = self.day
            day.connections += 1
            await client.start_notify(uuids.STREAM, self._on_stream)
            await client.start_notify(uuids.STATUS, self._on_other)
            await client.start_notify(uuids.JOURNAL, self._on_journal)
            since_ms = host.now_ms
            try:
                await line.send(control.SET_PLAN, plan_bytes())
                await line.send(control.SET_CALIBRATION, CALIBRATION)
                await line.send(control.TIME, control.pack(control.TIME, host.now_ms, host.utc_ms(), 60))
                await line.send(control.JOURNAL_READ, control.pack(control.JOURNAL_READ, self._acknowledged + 1))
                while client.is_connected and host.now_ms < day.seconds * _SECOND:
                    await line.send(control.PING, control.pack(control.PING, 1))
                    if self._acknowledged:
                        await line.send(control.JOURNAL_ACK, control.pack(control.JOURNAL_ACK, self._acknowledged))
                    self._progress(host.now_ms / _SECOND / day.seconds)
                    await asyncio.sleep(min(_PING_S, max(0.001, day.seconds - host.now_ms / _SECOND)))
            finally:
                day.linked_s += (host.now_ms - since_ms) / _SECOND

    def _on_stream(self, _: object, data: bytearray) -> None:
        flags, n, _, _ = stream.parse_header(bytes(data))
        self.day.notifications += 1
        if flags & stream.FLAG_SUMMARY != stream.FLAG_SUMMARY:
            self.day.packets += 1
            self.day.samples += n
            self.day.stream_bytes += len(data)

    def _on_other(self, *_: object) -> None:
        self.day.notifications += 1

    def _on_journal(self, _: object, data: bytearray) -> None:
        self.day.notifications += 1
        if len(data) <= 5 + auth.TAG_SIZE:
            return
        number = int.from_bytes(data[:4], "little")
        if number <= self._acknowledged:
            return
        self._acknowledged = number
        record = records.parse(bytes(data[4 : -auth.TAG_SIZE]))
        if record["kind"] == records.REMINDER and record["rev"] == 1 and record["reason"] == records.GIVEN:
            self.day.reminders[int(str(record["start_ms"]))] = int(str(record["since_ms"]))
        self.day.epochs += record["kind"] == records.EPOCH


def plan_bytes() -> bytes:
    """The day's plan: it reminds after 30 s of slouching and not again within ten minutes."""
    made = plan.Plan()
    made.version, made.mode, made.dwell_s, made.repeat_s, made.cap_per_hour = 1, plan.TRAIN, DWELL_S, 600, 30
    return made.pack()


class _Line:
    """An authenticated connection: seals what is written."""

    def __init__(self, client: bleak.BleakClient, session: bytes) -> None:
        self._client = client
        self._session = session
        self._counter = 0

    @classmethod
    async def open(cls, client: bleak.BleakClient) -> _Line:
        """Prove the key. Raises TimeoutError, BleakError."""
        events: asyncio.Queue[bytes] = asyncio.Queue()
        await client.start_notify(uuids.EVENT, lambda _, data: events.put_nowait(bytes(data)))
        mine = bytes(16)
        await client.write_gatt_char(uuids.CONTROL, control.pack_hello(GATEWAY, mine), response=True)
        event, values = protocol.control.parse_event(await asyncio.wait_for(events.get(), 10))
        if event != control.EVENT_CHALLENGE:
            raise TimeoutError("no challenge")
        nonce = bytes(values[0])  # type: ignore[call-overload]
        proof = auth.proof(KEY, b"gate", GATEWAY, mine, nonce)
        await client.write_gatt_char(uuids.CONTROL, control.pack_auth(proof), response=True)
        await asyncio.wait_for(events.get(), 10)
        return cls(client, auth.session_key(KEY, GATEWAY, mine, nonce))

    async def send(self, op: int, payload: bytes) -> None:
        """Write one operation. Raises BleakError."""
        self._counter += 1
        sealed = auth.seal(self._session, op, payload, self._counter)
        await self._client.write_gatt_char(uuids.CONTROL, sealed, response=True)
