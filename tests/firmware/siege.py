"""A hostile radio: strangers, half-authenticated ones and one in the middle write to the real firmware what they can.

`besiege` counts rounds, each of them one hostile write. In between the owner's gateway comes and works. What must hold
is checked throughout: see `Siege`.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bleak
from bumble import att
from bumble.core import BaseBumbleError
from bumble.device import Connection, ConnectionParametersPreferences, Device
from bumble.hci import Address, HCI_Error, Phy

from firmware.clip import keystore
from firmware.clip.protocol import (
    auth,
    control,
    fragment,
    pairing,
    plan,
    status,
    uuids,
)
from firmware.virtual import RadioHost, VirtualClip, bleak_backend, simulate
from firmware.virtual.peripheral import make_device
from firmware.virtual.radio import station_address
from gateway.link import Link, LinkError
from gateway.radio import BleakGatt, RadioError

SERIAL = "00112233445566aa"
GATEWAY, KEY = b"GATEWAY1", bytes(range(32))
ROOT = Path(__file__).resolve().parents[2]
SEARCH = (ROOT / "firmware" / "clip" / "..", Path(__file__).parent / "programs")  # not as compiled: names are asked for
ATTACKERS = 3
CAMPAIGN = 120  # hostile writes between two visits of the owner
LEAK_B = 1_024
_HANDLES = 64
_MTUS = (23, 50, 247)
_OK = control.OK


class ViolationError(AssertionError):
    """The clip did something that nobody had a key for."""


@dataclass
class Report:
    """What was tried and what was seen."""

    rounds: int = 0
    refused: int = 0
    challenged: int = 0
    replays: int = 0
    replays_refused: int = 0
    visits: int = 0
    slowest_visit_ms: int = 0
    connections: int = 0
    told: list[str] = field(default_factory=list)
    """What a stranger was told although nobody may be."""
    heap: list[int] = field(default_factory=list)
    """In use after a collection, at each truce."""


class Stranger:
    """A radio without a key, straight on top of ATT."""

    def __init__(self, device: Device, report: Report, draw: random.Random) -> None:
        self._device = device
        self._report = report
        self._draw = draw
        self._connection: Connection | None = None
        self.nonce = b""
        self.proof = b""

    @property
    def connected(self) -> bool:
        return self._connection is not None

    async def connect(self, address: str, mtu: int) -> None:
        """Connect if that can be done within two seconds."""
        preferences = ConnectionParametersPreferences(
            connection_interval_min=15, connection_interval_max=15, supervision_timeout=2000
        )
        try:
            connection = await self._device.connect(
                Address(address), connection_parameters_preferences={Phy.LE_1M: preferences}, timeout=2
            )
        except (TimeoutError, BaseBumbleError, HCI_Error):
            return
        self._report.connections += 1
        self._connection = connection
        connection.on("disconnection", lambda _reason: self._gone())
        connection.gatt_client.on_att_handle_value_notification = self._notified  # type: ignore[method-assign]
        connection.gatt_client.on_att_handle_value_indication = self._indicated  # type: ignore[method-assign]
        await self._ask(connection.gatt_client.request_mtu(mtu))

    def _gone(self) -> None:
        self._connection = None

    def _notified(self, notification: Any) -> None:
        self._report.told.append(f"notification {bytes(notification.attribute_value).hex()}")

    def _indicated(self, indication: Any) -> None:
        """Sort an event; one in pieces is neither read nor wrong. Not every one is confirmed."""
        connection = self._connection
        if connection is not None and self._draw.random() < 0.9:
            connection.gatt_client.send_confirmation(att.ATT_Handle_Value_Confirmation())
        value = bytes(indication.attribute_value)
        if value[0] == control.EVENT_FRAGMENT:
            self._report.challenged += 1
            return
        event, values = control.parse_event(value)
        if event == control.EVENT_RESULT:
            self._report.refused += 1
            if values[2] == _OK:
                self._report.told.append(f"operation {values[0]} was carried out")
        elif event == control.EVENT_CHALLENGE:
            self._report.challenged += 1
            self.nonce, self.proof = values  # type: ignore[assignment]
        else:
            self._report.told.append(f"event {event}")

    async def write(self, handle: int, data: bytes, *, answered: bool = True) -> None:
        """Write; refusals and lost links are what a stranger expects."""
        connection = self._connection
        if connection is None:
            return
        data = data[: connection.att_mtu - 3]
        self._report.rounds += 1
        await self._ask(connection.gatt_client.write_value(handle, data, with_response=answered))

    async def read(self, handle: int) -> bytes:
        """What a read gives, nothing when it is refused."""
        connection = self._connection
        if connection is None:
            return b""
        return bytes(await self._ask(connection.gatt_client.read_value(handle)) or b"")

    async def leave(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            await self._ask(self._connection.disconnect())
        self._connection = None

    async def _ask(self, request: Awaitable[Any]) -> Any:
        asked = asyncio.ensure_future(request)
        try:
            await asyncio.wait((asked,), timeout=2)
            return asked.result() if asked.done() and not asked.cancelled() else None
        except (att.ATT_Error, BaseBumbleError, HCI_Error, TimeoutError, asyncio.InvalidStateError):
            return None
        finally:
            asked.cancel()


class Owner:
    """The gateway that has the key, and the one in the middle of its connection."""

    def __init__(self, device: Device, host: RadioHost, report: Report) -> None:
        self._device = device
        self._host = host
        self._report = report
        self.recorded: list[bytes] = []
        self.proofs: list[bytes] = []
        self.settings_version = 0

    async def visit(self, siege: Siege) -> None:
        """Connect, authenticate, work, have somebody in the middle, look whether all is as it was, and go."""
        began = self._host.now_ms
        gatt, link = await self._authenticated()
        self._report.slowest_visit_ms = max(self._report.slowest_visit_ms, self._host.now_ms - began)
        self._report.visits += 1
        results: list[tuple[int, int, int]] = []
        gatt.taps.append(results)
        try:
            before = status.parse_status(await link.read(uuids.STATUS))
            siege.compare(before)
            await self._work(link)
            quiet = siege.photograph()
            await self._in_the_middle(gatt, link, results, siege.draw)
            siege.unchanged(quiet, "the one in the middle")
            siege.remember(status.parse_status(await link.read(uuids.STATUS)))
        finally:
            await gatt.close()

    async def _authenticated(self) -> tuple[Recorder, Link]:
        """Several attempts: strangers may be quicker."""
        for attempt in range(8):
            gatt = None
            try:
                with bleak_backend.installed(self._device):
                    gatt = Recorder(self._host.clips[SERIAL].clip.address, self.recorded)
                await gatt.open()
                link = Link(
                    gatt,
                    serial=SERIAL,
                    key=KEY,
                    gateway=GATEWAY,
                    utc_ms=lambda: 0,
                    on_malformed=lambda *_: None,
                )
                await link.authenticate()
            except (RadioError, LinkError) as error:
                if gatt is not None:
                    await gatt.close()
                if attempt == 7:
                    raise ViolationError(f"the owner does not get in: {error}") from error
            else:
                return gatt, link
        raise AssertionError

    async def _work(self, link: Link) -> None:
        self.settings_version += 1
        await link.operate(control.SET_SETTINGS, status.pack_settings(self.settings_version, 60, 2, 1))
        await link.operate(control.SNOOZE, control.pack(control.SNOOZE, 5))
        await link.operate(control.PAUSE, control.pack(control.PAUSE, 5))
        await link.operate(control.RESUME, b"")
        await link.operate(control.BUZZ, control.pack(control.BUZZ, 1))
        await link.operate(control.LEASE, control.pack(control.LEASE, 10, 0, (await link.ping()).clip_ms, 0))
        await asyncio.sleep(1)

    async def _in_the_middle(
        self, gatt: Recorder, link: Link, results: list[tuple[int, int, int]], draw: random.Random
    ) -> None:
        """Old writes again, changed ones, pieces of them, and two in the wrong order."""
        await asyncio.sleep(0.3)
        results.clear()
        sealed = [data for data in self.recorded[-40:] if data[0] >= control.LEASE]
        for _ in range(12):
            data = draw.choice(sealed)
            if draw.random() < 0.6:
                data = mutated(draw, data)
            if data[:1] in {b"", bytes([control.HELLO]), bytes([control.AUTH])}:
                continue
            self._report.rounds += 1
            self._report.replays += 1
            await gatt.inject(data)
        await asyncio.sleep(1.5)
        accepted = [result for result in results if result[2] == _OK]
        if accepted:
            raise ViolationError(f"carried out again: {accepted}")
        self._report.replays_refused += len(results)
        results.clear()
        first, second = (auth.seal(link._session, control.RESUME, b"", link._counter + step) for step in (1, 2))
        link._counter += 2
        for data in (second, first, second):
            self._report.rounds += 1
            await gatt.inject(data)
        await asyncio.sleep(0.5)
        if [result for _, _, result in results] != [_OK, control.REFUSED_SEAL, control.REFUSED_SEAL]:
            raise ViolationError(f"in the wrong order: {results}")


class Recorder(BleakGatt):
    """A connection whose writes are kept, and whose results are told to `taps` too."""

    def __init__(self, address: str, recorded: list[bytes]) -> None:
        super().__init__(address)  # type: ignore[arg-type]
        self._recorded = recorded
        self.taps: list[list[tuple[int, int, int]]] = []

    async def write(self, uuid: str, data: bytes) -> None:
        self._recorded.append(data)
        del self._recorded[:-200]
        await super().write(uuid, data)

    async def inject(self, data: bytes) -> None:
        await super().write(uuids.CONTROL, data)

    async def subscribe(self, uuid: str, callback: Any) -> None:
        def tapped(data: bytes) -> None:
            if uuid == uuids.EVENT and data[:1] == bytes([control.EVENT_RESULT]):
                op, counter, result = control.parse_event(data)[1]
                for tap in self.taps:
                    tap.append((int(str(op)), int(str(counter)), int(str(result))))
            callback(data)

        await super().subscribe(uuid, tapped)


def mutated(draw: random.Random, data: bytes) -> bytes:
    """Something like `data`."""
    changed = bytearray(data)
    how = draw.randrange(6)
    if how == 0 and changed:
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    elif how == 1:
        del changed[draw.randrange(len(changed) + 1) :]
    elif how == 2:
        changed += draw.randbytes(draw.randrange(1, 40))
    elif how == 3 and changed:
        changed[0] = draw.choice(
            (control.BUZZ, control.SET_PLAN, control.JOURNAL_ACK, control.RESUME, 0x1C, 0x1D, 0x1E)
        )
    elif how == 4 and len(changed) > 12:
        struct.pack_into("<I", changed, len(changed) - 12, draw.randrange(1 << 32))
    else:
        changed[draw.randrange(len(changed) + 1) :] = draw.randbytes(draw.randrange(12))
    return bytes(changed)


def trained() -> bytes:
    made = plan.Plan()
    made.version, made.mode = 9, plan.TRAIN
    return made.pack()


class Siege:
    """Throughout: no reboot and no word on the console but the watch's; nothing that is kept in flash changes but by
    the owner; no replay has an effect or a good result; strangers read nothing and are told nothing; the owner gets in;
    and at each truce the heap is as it was and no connection, write or notification is held."""

    def __init__(self, host: RadioHost, flash: Path, seed: int) -> None:
        self.draw = random.Random(seed)
        self.report = Report()
        self._host = host
        self._flash = flash
        self._known: dict[str, Any] = {}
        self._control = 0
        self._hidden: list[int] = []
        self._strangers: list[Stranger] = []

    async def lay(self, rounds: int) -> Report:
        """All of it."""
        devices = []
        for number in range(ATTACKERS + 1):
            device, _ = make_device(self._host.air, f"radio{number}", station_address(f"radio{number}"))
            await device.power_on()
            devices.append(device)
        self._strangers = [Stranger(device, self.report, self.draw) for device in devices[1:]]
        owner = Owner(devices[0], self._host, self.report)
        await asyncio.sleep(1)
        self._control, *self._hidden = await self._find(
            devices[0], uuids.CONTROL, uuids.PLAN, uuids.STATUS, uuids.SETTINGS, uuids.CALIBRATION
        )
        await owner.visit(self)
        await self._truce()
        campaigns = 0
        while self.report.rounds < rounds:
            quiet = self.photograph()
            target = self.report.rounds + CAMPAIGN
            while self.report.rounds < target:
                await self._attack(owner)
            await asyncio.sleep(0.2)
            self.unchanged(quiet, "strangers")
            if self.draw.random() < 0.5:
                await self._withdraw()
            await owner.visit(self)
            campaigns += 1
            if campaigns % 5 == 0 or self.report.rounds >= rounds:
                await self._truce()
        self._no_leak()
        return self.report

    async def _find(self, device: Device, *wanted: str) -> list[int]:
        """Handles of characteristics: strangers can find them, too."""
        with bleak_backend.installed(device):
            client = bleak.BleakClient(self._host.clips[SERIAL].clip.address, timeout=10)
        await client.connect()
        handles = [
            next(c.handle for c in client.services.characteristics.values() if c.uuid == uuid) for uuid in wanted
        ]
        await client.disconnect()
        return handles

    # --- what strangers do ---

    async def _attack(self, owner: Owner) -> None:
        stranger = self.draw.choice(self._strangers)
        if not stranger.connected:
            await stranger.connect(self._host.clips[SERIAL].clip.address, self.draw.choice(_MTUS))
            return
        for _ in range(self.draw.randrange(1, 12)):
            handle, data = self._something(stranger, owner)
            await stranger.write(handle, data, answered=self.draw.random() < 0.9)
        if self.draw.random() < 0.2 and (value := await stranger.read(self.draw.choice(self._hidden))):
            raise ViolationError(f"a stranger has read {value.hex()}")
        if self.draw.random() < 0.05:
            await stranger.leave()

    def _something(self, stranger: Stranger, owner: Owner) -> tuple[int, bytes]:
        draw = self.draw
        kind = draw.randrange(10)
        if kind == 0:
            return draw.randrange(1, _HANDLES), draw.randbytes(draw.randrange(40))
        if kind == 1:
            return self._control, draw.randbytes(draw.randrange(1, 130))
        if kind in {2, 3} and owner.recorded:
            data = draw.choice(owner.recorded)  # of this session or one before: replayed, or changed
            self.report.replays += 1
            return self._control, data if kind == 2 else mutated(draw, data)
        if kind == 4:
            payload = draw.choice((trained(), b"\0", struct.pack("<I", 1), b""))
            op = draw.choice(
                (control.SET_PLAN, control.BUZZ, control.JOURNAL_ACK, control.RESUME, control.SET_CALIBRATION)
            )
            return self._control, auth.seal(draw.randbytes(32), op, payload, draw.randrange(1, 100))
        if kind == 5:
            who = draw.choice((GATEWAY, GATEWAY, b"STRANGER"))
            return self._control, control.pack_hello(who, draw.randbytes(16))
        if kind == 6:
            return self._control, control.pack_auth(draw.choice((stranger.proof or bytes(16), draw.randbytes(16))))
        if kind == 7:
            return self._control, pairing.pack_pair(draw.choice((GATEWAY, b"STRANGER")), draw.randbytes(32))
        message = draw.choice(owner.recorded) if owner.recorded else draw.randbytes(60)
        pieces = fragment.split(control.FRAGMENT, draw.randrange(8), message + b"\0", draw.choice((20, 47)))
        piece = draw.choice(pieces)
        return self._control, piece if kind == 8 else mutated(draw, piece)

    async def _withdraw(self) -> None:
        for stranger in self._strangers:
            await stranger.leave()

    # --- what must hold ---

    def photograph(self) -> dict[str, Any]:
        """Everything that only the owner may change."""
        live = self._host.clips[SERIAL]
        files = {path.name: path.read_bytes() for path in self._flash.iterdir() if path.is_file()}
        return {"files": files, "motor": len(live.motor_log), "boots": list(live.boots_ms)}

    def unchanged(self, before: dict[str, Any], by: str) -> None:
        """Raise ViolationError when something has changed since `before`, or a stranger was told something."""
        if self.report.told:
            raise ViolationError(f"strangers were told: {self.report.told}")
        now = self.photograph()
        for what, value in before.items():
            if now[what] != value:
                changed = (
                    sorted(k for k in now[what] if now[what].get(k) != value.get(k)) if what == "files" else now[what]
                )
                raise ViolationError(f"{by} changed {what}: {changed}")

    def remember(self, known: dict[str, Any]) -> None:
        """What the owner has left."""
        self._known = {key: known[key] for key in ("boot", "plan_version", "calibration_version", "journal_first")}

    def compare(self, now: dict[str, Any]) -> None:
        """Whether the clip is as the owner left it: no plan, no acknowledgement, no pause of somebody else's."""
        found = {key: now[key] for key in self._known}
        if found != self._known:
            raise ViolationError(f"{found} instead of {self._known}")
        if now["flags"] & (status.STATUS_PAUSED | status.STATUS_SNOOZED | status.STATUS_PAIRING):
            raise ViolationError(f"flags {now['flags']}")

    async def _truce(self) -> None:
        """Everybody goes; soon nothing of them is left."""
        await self._withdraw()
        await asyncio.sleep(3.5)
        lines = self._console()
        heap, sessions, queued, waiting = map(int, lines[-1].split()[1:])
        if sessions or queued or waiting:
            raise ViolationError(f"{sessions} connections, {queued} notifications and {waiting} writes are left")
        self.report.heap.append(heap)

    def _console(self) -> list[str]:
        lines = self._flash.with_name(self._flash.name + ".log").read_text().splitlines()
        said = [line for line in lines if not line.startswith("second ")]
        if said:
            raise ViolationError("the firmware said: " + "\n".join(said))
        return lines

    def _no_leak(self) -> None:
        heap = self.report.heap
        if len(heap) > 3 and min(heap[len(heap) // 2 :]) > max(heap[1:3]) + LEAK_B:
            raise ViolationError(f"heap in use: {heap}")


def besiege(rounds: int, seed: int, flash: Path, micropython: str | None = None) -> Report:
    """Lay siege to a clip whose flash is the folder `flash`. Raises ViolationError."""
    flash.mkdir(parents=True)
    (flash / keystore.FILE).write_bytes(keystore.pack([(GATEWAY, KEY)]))
    clip = VirtualClip(
        SERIAL,
        flash=flash,
        interpreter="micropython",
        micropython=micropython,
        heap="1m",
        noise=False,
        seed=seed,
        program="besieged",
        search=SEARCH,
    )

    async def main() -> Report:
        async with RadioHost([clip], seed=seed) as host:
            return await Siege(host, flash, seed).lay(rounds)

    return simulate(main())
