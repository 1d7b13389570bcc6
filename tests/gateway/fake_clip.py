"""A clip at the level of GATT, made of the contract's own codecs, for the sessions' tests."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Callable
from typing import Any

from firmware.clip import protocol
from gateway.radio import RadioError, RadioOffError, short_uuid

control, auth, records, stream, uuids = (
    protocol.control,
    protocol.auth,
    protocol.records,
    protocol.stream,
    protocol.uuids,
)

SERIAL = "00000000c11b0001"
GATEWAY = "00000000000a7e01"
KEY = bytes(range(32))
PERIOD_US = 38_461
LATENCY_S = 0.03
CALIBRATION = protocol.calibration.pack_calibration(1, 0, (0, 0, 16384), (16384, 0, 0))
NO_CALIBRATION = b""


def tilted(degrees: float) -> tuple[int, int, int, int]:
    """Quaternion (Q15) of a sensor whose up is z and forward is x, leaning forward by `degrees`: about y."""
    half = math.radians(degrees) / 2
    return round(math.cos(half) * 32767), 0, round(math.sin(half) * 32767), 0


class FakeClip:
    def __init__(self, serial: str = SERIAL, key: bytes = KEY) -> None:
        self.serial = serial
        self.keys = {bytes.fromhex(GATEWAY): key}
        self.lean: Callable[[float], float] = lambda _: 0.0
        self.skew_ppm = 0.0
        self.plan = protocol.plan.Plan()
        self.calibration = CALIBRATION
        self.flags = protocol.status.STATUS_IMU_OK
        self.journal: dict[int, bytes] = {}
        self.journal_first = 1
        self.journal_next = 1
        self.in_reach = True
        self.hides = False
        """Plan and calibration, as while a stranger is connected."""
        self.refuse: dict[int, int] = {}
        self.operations: list[tuple[float, int, tuple[int, ...]]] = []
        self.leases: list[tuple[float, tuple[int, ...]]] = []
        self.acknowledged: list[int] = []
        self.gatt: FakeGatt | None = None
        self.connections = 0
        self.boots = 0
        self.mangle: Callable[[bytes], bytes] = lambda packet: packet
        self.hide_records: set[int] = set()
        self.boot_up()

    def boot_up(self) -> None:
        """Start anew: another boot id, clip time 0."""
        self.boots += 1
        self.boot = self.boots.to_bytes(8, "big")
        self._born = asyncio.get_running_loop().time()
        self.seq = 0
        if self.gatt is not None:
            self.gatt.drop()

    @property
    def t_ms(self) -> float:
        return (asyncio.get_running_loop().time() - self._born) * 1000 * (1 + self.skew_ppm * 1e-6)

    def append(self, record: bytes) -> None:
        self.journal[self.journal_next] = record
        self.journal_next += 1
        if self.gatt is not None:
            self.gatt.journal_grew()

    def status(self) -> bytes:
        return protocol.status.pack_status(
            {
                "flags": self.flags,
                "boot": self.boot,
                "boot_counter": self.boots,
                "t_ms": int(self.t_ms),
                "sample_period_us": PERIOD_US,
                "acc_range_g": 4,
                "gyro_range_dps": 500,
                "plan_version": self.plan.version,
                "calibration_version": int.from_bytes(self.calibration[:2], "little"),
                "battery_mv": 3900,
                "battery_pct": 77,
                "policy": 0,
                "celsius": 30,
                "journal_first": self.journal_first,
                "journal_next": self.journal_next,
                "dropped": 0,
                "judge": 0,
            }
        )

    def packet(self, first_ms: float, n: int) -> bytes:
        buf = bytearray(stream.HEADER_SIZE + n * stream.SAMPLE_SIZE)
        stream.pack_header(buf, 0, n, self.seq, int(first_ms) & 0xFFFF, int(first_ms) >> 16)
        self.seq = (self.seq + 1) & 0xFFFF
        for i in range(n):
            at_s = self._born + (first_ms + i * PERIOD_US / 1000) / 1000
            sway = 0.4 * math.sin(1.9 * at_s) + 0.3 * math.sin(3.1 * at_s)
            breath = round(6 * math.sin(5.7 * at_s))
            stream.pack_sample(buf, 8 + 7 * i, *tilted(self.lean(at_s) + sway), stream.compand(breath))
        return bytes(buf)

    # --- what a gateway writes ---

    def operate(self, op: int, payload: bytes) -> int:
        if op in self.refuse:
            return self.refuse[op]
        now = asyncio.get_running_loop().time()
        if op == control.SET_PLAN:
            plan = protocol.plan.parse_plan(payload)
            if plan.version <= self.plan.version:
                return control.REFUSED_OLD_VERSION
            self.plan = plan
        elif op == control.SET_CALIBRATION:
            protocol.calibration.parse_calibration(payload)
            self.calibration = payload
        values = () if op in {control.SET_PLAN, control.SET_CALIBRATION} else control.parse(op, payload)
        self.operations.append((now, op, values))
        if op == control.LEASE:
            self.leases.append((now, values))
        elif op == control.JOURNAL_ACK:
            self.acknowledged.append(values[0])
            self.journal_first = max(self.journal_first, values[0] + 1)
        elif op == control.PAUSE:
            self.flags |= protocol.status.STATUS_PAUSED
        elif op == control.RESUME:
            self.flags &= ~protocol.status.STATUS_PAUSED
        return control.OK


class FakeGatt:
    """One connection to a FakeClip. Everything takes LATENCY_S."""

    mtu = 247

    def __init__(self, clip: FakeClip) -> None:
        self.clip = clip
        self.lost = asyncio.Event()
        self._callbacks: dict[str, Callable[[bytes], None]] = {}
        self._challenge: tuple[bytes, bytes, bytes] | None = None
        self._session = b""
        self._counter = 0
        self._cursor: int | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.closed = False

    def drop(self) -> None:
        """The link is gone."""
        self.lost.set()
        self.clip.gatt = None
        for task in self._tasks:
            task.cancel()

    def _go(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _air(self) -> None:
        await asyncio.sleep(LATENCY_S)
        if self.lost.is_set():
            raise RadioError("link lost")

    async def read(self, uuid: str) -> bytes:
        await self._air()
        open_values = {short_uuid(uuids.SERIAL): self.clip.serial.encode(), short_uuid(uuids.FIRMWARE_REVISION): b"0.1"}
        if uuid in open_values:
            return open_values[uuid]
        if not self._session or self.clip.hides:
            return self.clip.status() if uuid == uuids.STATUS and self._session else b""
        return {
            uuids.STATUS: self.clip.status(),
            uuids.PLAN: self.clip.plan.pack(),
            uuids.CALIBRATION: self.clip.calibration,
        }[uuid]

    async def secure(self) -> bool:
        return False

    async def subscribe(self, uuid: str, callback: Callable[[bytes], None]) -> None:
        await self._air()
        self._callbacks[uuid] = callback
        if uuid == uuids.STREAM:
            self._go(self._stream())

    async def close(self) -> None:
        self.closed = True
        self.drop()

    async def write(self, uuid: str, data: bytes) -> None:
        assert uuid == uuids.CONTROL
        await self._air()
        op = data[0]
        if op == control.HELLO:
            self._hello(data)
        elif op == control.AUTH:
            self._authenticate(data)
        else:
            self._sealed(data)

    def tell(self, uuid: str, data: bytes) -> None:
        """Notify after the latency."""

        async def later() -> None:
            await asyncio.sleep(LATENCY_S)
            if uuid in self._callbacks and not self.lost.is_set():
                self._callbacks[uuid](data)

        self._go(later())

    def tell_record(self, number: int, record: bytes) -> None:
        """Notify a record of the journal."""
        self.tell(uuids.JOURNAL, auth.with_tag(self._session, records.journal_frame(number, record)))

    def _hello(self, data: bytes) -> None:
        gateway, nonce = control.parse_hello(data)
        key = self.clip.keys.get(gateway)
        if key is None:
            self.tell(uuids.EVENT, control.pack_result(control.HELLO, 0, control.REFUSED_UNKNOWN_GATEWAY))
            return
        mine = secrets.token_bytes(16)
        self._challenge = (gateway, nonce, mine)
        self.tell(uuids.EVENT, control.pack_challenge(mine, auth.proof(key, b"clip", gateway, nonce, mine)))

    def _authenticate(self, data: bytes) -> None:
        assert self._challenge is not None
        gateway, nonce, mine = self._challenge
        key = self.clip.keys[gateway]
        good = auth.same(control.parse_auth(data), auth.proof(key, b"gate", gateway, nonce, mine))
        if good:
            self._session = auth.session_key(key, gateway, nonce, mine)
        self.tell(uuids.EVENT, control.pack_result(control.AUTH, 0, control.OK if good else control.REFUSED_PROOF))

    def _sealed(self, data: bytes) -> None:
        try:
            op, payload, self._counter = auth.unseal(self._session, data, self._counter)
        except protocol.MalformedError:
            self.tell(uuids.EVENT, control.pack_result(data[0], 0, control.REFUSED_SEAL))
            return
        if op == control.PING:
            (token,) = control.parse(op, payload)
            self.tell(uuids.EVENT, control.pack_pong(token, int(self.clip.t_ms)))
            return
        try:
            result = self.clip.operate(op, payload)
        except protocol.MalformedError:
            result = control.REFUSED_MALFORMED
        if op == control.JOURNAL_READ:
            self._cursor = max(control.parse(op, payload)[0], self.clip.journal_first)
            self._go(self._journal())
        self.tell(uuids.EVENT, control.pack_result(op, self._counter, result))
        if op in {control.PAUSE, control.RESUME}:
            self.tell(uuids.STATUS, self.clip.status())

    async def _journal(self) -> None:
        await asyncio.sleep(0.05)
        while self._cursor is not None and self._cursor < self.clip.journal_next:
            number, self._cursor = self._cursor, self._cursor + 1
            if number not in self.clip.hide_records:
                self.tell_record(number, self.clip.journal[number])
            await asyncio.sleep(0.05)
        if self._cursor is not None:
            self.tell_record(self._cursor, b"")

    def journal_grew(self) -> None:
        if self._cursor is not None:
            self._go(self._journal())

    async def _stream(self) -> None:
        next_ms = self.clip.t_ms
        n = 10
        while True:
            end_ms = next_ms + n * PERIOD_US / 1000
            await asyncio.sleep(max(0.0, (end_ms - self.clip.t_ms) / 1000))
            self.tell(uuids.STREAM, self.clip.mangle(self.clip.packet(next_ms, n)))
            next_ms = end_ms


class FakeRadio:
    """Where FakeClips are found."""

    def __init__(self, *clips: FakeClip) -> None:
        self.clips = list(clips)
        self.strangers: list[tuple[str, FakeClip]] = []
        self.hastened = 0
        self.off = ""
        """Why there is no Bluetooth."""

    async def find(self, serial: str, timeout_s: float) -> FakeClip | None:
        if self.off:
            raise RadioOffError(self.off)
        for clip in self.clips:
            if clip.serial[-4:] == serial[-4:] and clip.in_reach and (serial, clip) not in self.strangers:
                await asyncio.sleep(0.2)
                return clip
        await asyncio.sleep(timeout_s)
        return None

    async def connect(self, handle: object) -> FakeGatt:
        assert isinstance(handle, FakeClip)
        await asyncio.sleep(0.3)
        if not handle.in_reach:
            raise RadioError("cannot connect: out of reach")
        handle.connections += 1
        handle.gatt = FakeGatt(handle)
        return handle.gatt

    def hasten(self) -> None:
        self.hastened += 1

    def not_this(self, serial: str, handle: object) -> None:
        assert isinstance(handle, FakeClip)
        self.strangers.append((serial, handle))
