"""The gateway's own connection to the real firmware, over plain bleak and the virtual radio: every MTU, and pairing."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import bleak
import pytest

from firmware.clip import beacon, keystore
from firmware.clip.protocol import calibration, control, plan, records, status, stream, uuids
from firmware.virtual import RadioHost, VirtualClip, simulate
from firmware.virtual.bleak_backend.client import BumbleClient
from gateway import pairing
from gateway.link import Link, LinkError
from gateway.radio import BleakGatt, RadioError

SERIAL = "00112233445566aa"
GATEWAY, KEY = b"GATEWAY1", bytes(range(32))
OTHER = b"GATEWAY2"
CALIBRATION = calibration.pack_calibration(1, calibration.SEATED, (0, 16384, 0), (0, 0, 16384))


def with_clip(
    folder: Path,
    program: Callable[[RadioHost], Awaitable[None]],
    keys: dict[bytes, bytes] | None = None,
    **knobs: Any,
) -> None:
    """Run `program(host)` beside a clip that knows the gateway, or these; afterwards the firmware has said nothing."""
    flash = folder / "flash"
    flash.mkdir()
    (flash / "keys.bin").write_bytes(keystore.pack(list((keys or {GATEWAY: KEY}).items())))
    clip = VirtualClip(SERIAL, flash=flash, noise=False, **knobs)

    async def main() -> None:
        async with RadioHost([clip], start_utc_ms=1_700_000_000_000) as host:
            with await host.open_bluetooth("gateway"):
                await program(host)
            assert len(host.clips[SERIAL].boots_ms) == 1

    simulate(main())
    assert Path(f"{flash}.log").read_text() == ""


async def connect() -> BleakGatt:
    device = await bleak.BleakScanner.find_device_by_name("Plumbline-66aa", timeout=10)
    assert device is not None
    gatt = BleakGatt(device)
    await gatt.open()
    return gatt


def malformed(*what: object) -> None:
    raise AssertionError(what)


def link_over(gatt: BleakGatt, host: RadioHost, gateway: bytes = GATEWAY, key: bytes = KEY) -> Link:
    return Link(
        gatt,
        serial=SERIAL,
        key=key,
        gateway=gateway,
        utc_ms=lambda: 1_700_000_000_000 + host.now_ms,
        on_malformed=malformed,
    )


class Heard:
    """What a connection brings, in order."""

    def __init__(self) -> None:
        self.stream: list[bytes] = []
        self.statuses: list[dict[str, Any]] = []
        self.records: list[tuple[int, bytes]] = []
        self.ends = 0

    async def follow(self, link: Link) -> None:
        await link.subscribe(uuids.STREAM, self.stream.append)
        await link.subscribe(uuids.STATUS, lambda data: self.statuses.append(status.parse_status(data)))
        await link.subscribe(uuids.JOURNAL, lambda data: self._record(link.without_tag(data)))

    def _record(self, frame: bytes) -> None:
        number, record = records.parse_journal_frame(frame)
        if record:
            self.records.append((number, record))
        else:
            self.ends += 1


def trained(version: int) -> bytes:
    made = plan.Plan()
    made.version, made.mode = version, plan.TRAIN
    return made.pack()


@pytest.mark.parametrize(
    ("mtu", "whose"), [*((mtu, "clip") for mtu in (23, 36, 99, 100, 185, 247)), (23, "central"), (99, "central")]
)
def test_everything_works_at_every_mtu(tmp_path: Path, mtu: int, whose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if whose == "central":
        monkeypatch.setattr(BumbleClient, "mtu_wanted", mtu)

    async def program(host: RadioHost) -> None:
        gatt = await connect()
        assert gatt.mtu == mtu
        link, heard = link_over(gatt, host), Heard()
        await link.authenticate()
        await heard.follow(link)
        await link.operate(control.SET_PLAN, trained(3))
        await link.operate(control.SET_CALIBRATION, CALIBRATION)
        assert plan.parse_plan(await link.read(uuids.PLAN)).version == 3
        assert await link.read(uuids.CALIBRATION) == CALIBRATION
        exchange = await link.ping()
        await link.operate(control.TIME, control.pack(control.TIME, exchange.clip_ms, 1_700_000_000_000, 60))
        first = int(status.parse_status(await link.read(uuids.STATUS))["journal_first"])  # type: ignore[call-overload]
        await link.operate(control.JOURNAL_READ, control.pack(control.JOURNAL_READ, first))
        whole = mtu in {23, 247}  # long enough for a minute's record
        seconds = 72 if whole else 16
        for _ in range(seconds // 2):
            exchange = await link.ping()
            now = exchange.clip_ms
            await link.operate(control.LEASE, control.pack(control.LEASE, 10, 0, now, 0), urgent=True)
            await asyncio.sleep(2)
        numbers = [number for number, _ in heard.records]
        assert numbers == list(range(first, first + len(numbers)))
        kinds = [records.KIND_NAMES[record[1]] for _, record in heard.records]
        assert kinds[:3] == ["boot", "plan_applied", "calibrated"]
        assert ("epoch" in kinds) == whole
        assert heard.ends > 0
        await link.operate(control.JOURNAL_ACK, control.pack(control.JOURNAL_ACK, numbers[-1]))
        assert {report["judge"] for report in heard.statuses[3:]} == {records.JUDGE_GATEWAY}
        assert status.parse_status(await link.read(uuids.STATUS))["journal_first"] in {numbers[-1] + 1, first}
        if mtu < uuids.MTU_STREAM:
            told = [stream.parse_summary(data)[0] for data in heard.stream]
            assert told == list(range(told[0], told[0] + 1000 * len(told), 1000))
            assert len(told) >= seconds
        else:
            assert sum(stream.parse_header(data)[1] for data in heard.stream) > (seconds - 2) * 26
        await link.close()

    with_clip(tmp_path, program, mtu_limit=mtu if whose == "clip" else 517)


@pytest.mark.parametrize("mtu", [23, 247])
def test_a_gateway_is_paired_by_the_button(tmp_path: Path, mtu: int) -> None:
    async def program(host: RadioHost) -> None:
        assert await pairing.find(3) is None
        gatt = await connect()
        with pytest.raises(pairing.PairingError, match="not pairing"):
            await pairing.pair(gatt, OTHER)
        await gatt.close()
        await host.control("press", serial=SERIAL, held_ms=6500)
        device = await pairing.find(10)
        assert device is not None
        gatt = BleakGatt(device)
        await gatt.open()
        serial, key = await pairing.pair(gatt, OTHER)
        assert serial == SERIAL
        await gatt.close()
        assert await pairing.find(3) is None, "the window closes with the first success"
        again = await connect()
        link, heard = link_over(again, host, OTHER, key), Heard()
        await link.authenticate()
        await heard.follow(link)
        await link.operate(control.JOURNAL_READ, control.pack(control.JOURNAL_READ, 1))
        await asyncio.sleep(3)
        told = [records.parse(record) for _, record in heard.records]
        assert [record["value"] for record in told if record["kind"] == records.PAIRED] == [2]
        await link.close()
        old = await connect()
        await link_over(old, host).authenticate()
        await old.close()
        kept = keystore.parse((tmp_path / "flash" / "keys.bin").read_bytes())
        assert kept == [(GATEWAY, KEY), (OTHER, key)], "who authenticated last comes first"

    with_clip(tmp_path, program, mtu_limit=mtu)


def test_a_gateway_that_finds_another_key_does_not_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(host: RadioHost) -> None:
        await asyncio.sleep(1)
        await host.control("press", serial=SERIAL, held_ms=6500)
        device = await pairing.find(10)
        assert device is not None
        gatt = BleakGatt(device)
        await gatt.open()
        with monkeypatch.context() as patch:
            patch.setattr(pairing.wire, "derive", lambda *_: bytes(32))
            with pytest.raises(pairing.PairingError, match="between"):
                await pairing.pair(gatt, OTHER)
        await gatt.close()
        kept = keystore.parse((tmp_path / "flash" / "keys.bin").read_bytes())
        assert kept == [(GATEWAY, KEY)]
        assert await pairing.find(10) is not None, "the window is still open"

    with_clip(tmp_path, program)


def test_the_link_may_end_after_any_packet(tmp_path: Path) -> None:
    """Connecting, authenticating, operations and journal in pieces, cut after every so many packets on the air; then a
    new connection works."""

    async def program(host: RadioHost) -> None:
        left = [-1]

        def count(*_: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                asyncio.get_running_loop().call_soon(peripheral_lost)

        def peripheral_lost() -> None:
            peripheral = host.clips[SERIAL].peripheral
            assert peripheral is not None
            host.air.link_loss(peripheral.controller)

        host.air.packet_log = count
        cuts = 0
        version = 1
        for packets in range(2, 170, 6):
            left[0] = packets
            version += 1
            try:
                await everything(host, version)
            except (LinkError, RadioError):
                assert left[0] <= 0
                cuts += 1
            left[0] = -1
        assert cuts > 20
        await everything(host, version + 1)

    async def everything(host: RadioHost, version: int) -> None:
        gatt = await connect()
        try:
            link, heard = link_over(gatt, host), Heard()
            await link.authenticate()
            await heard.follow(link)
            await link.operate(control.SET_PLAN, trained(version))
            await link.operate(control.JOURNAL_READ, control.pack(control.JOURNAL_READ, 1))
            while not heard.records:
                await link.ping()
        finally:
            await gatt.close()

    with_clip(tmp_path, program, mtu_limit=23)


@pytest.mark.parametrize(("share", "burst"), [(0.2, 20), (0.5, 6)])
def test_refused_notifications_cost_nothing_but_time_and_stream(tmp_path: Path, share: float, burst: int) -> None:
    async def program(host: RadioHost) -> None:
        gatt = await connect()
        link, heard = link_over(gatt, host), Heard()
        await link.authenticate()
        await heard.follow(link)
        await host.control("refuse", serial=SERIAL, share=share, burst=burst)
        first = int(status.parse_status(await link.read(uuids.STATUS))["journal_first"])  # type: ignore[call-overload]
        await link.operate(control.JOURNAL_READ, control.pack(control.JOURNAL_READ, first))
        for version in range(2, 22):
            await link.operate(control.SET_PLAN, trained(version))
        await host.control("refuse", serial=SERIAL, share=0.0)
        await asyncio.sleep(10)
        numbers = [number for number, _ in heard.records]
        assert numbers == list(range(first, first + len(numbers)))
        assert len(numbers) >= 21
        headers = [stream.parse_header(data) for data in heard.stream]
        lost = 0
        for before, after in itertools.pairwise(headers):
            gap = (after[2] - before[2]) & 0xFFFF
            assert gap >= 1
            assert (gap > 1) == bool(after[0] & stream.FLAG_GAP)
            lost += gap - 1
        assert lost == heard.statuses[-1]["dropped"]
        assert (await host.control("status", serial=SERIAL))["refused_notifications"] > 10
        await link.close()

    with_clip(tmp_path, program)


def test_advertisements_on_the_air_grow_rare(tmp_path: Path) -> None:
    async def program(host: RadioHost) -> None:
        seen: set[int] = set()  # advertisement and scan response come in the same millisecond

        def apart(since_s: float, until_s: float) -> int:
            """The usual ms between two in a part of the time, which begins with the first."""
            times = [ms for ms in sorted(seen) if since_s <= (ms - min(seen)) / 1000 < until_s]
            return Counter(b - a for a, b in itertools.pairwise(times)).most_common(1)[0][0]

        async with bleak.BleakScanner(lambda _device, _data: seen.add(host.now_ms)):
            await asyncio.sleep(330)
            fast, middle = beacon.FAST_MS / 1000, beacon.MIDDLE_MS / 1000
            assert apart(0, fast - 1) == 250
            assert apart(fast + 1, middle - 1) == pytest.approx(546, abs=1)
            assert apart(middle + 1, 330) == 1285
            await host.control("press", serial=SERIAL)
            seen.clear()
            await asyncio.sleep(5)
            assert apart(0, 5) == 250
        gatt = await connect()
        link = link_over(gatt, host)
        await link.authenticate()
        await asyncio.sleep(35)
        seen.clear()
        async with bleak.BleakScanner(lambda _device, _data: seen.add(host.now_ms)):
            await asyncio.sleep(2)
            assert not seen
            await host.control("link_loss", serial=SERIAL)
            await asyncio.sleep(5)
            assert apart(0, 5) == 250

    with_clip(tmp_path, program, has_imu=False)


def test_two_gateways_take_turns(tmp_path: Path) -> None:
    """The newest that authenticates has the clip; the other one's connection is ended."""
    keys = {GATEWAY: KEY, OTHER: KEY[::-1]}

    async def program(host: RadioHost) -> None:
        home = await connect()
        with await host.open_bluetooth("office"):
            office = await connect()  # nobody has authenticated yet: others may come
            link = link_over(home, host)
            await link.authenticate()
            await asyncio.wait_for(office.lost.wait(), 1)
            assert await bleak.BleakScanner.find_device_by_name("Plumbline-66aa", timeout=3) is None
            await link.operate(control.RESUME, b"")
            await link.close()
            office = await connect()
            link = link_over(office, host, OTHER, keys[OTHER])
            await link.authenticate()
            await link.operate(control.RESUME, b"")
            await host.control(
                "press", serial=SERIAL, held_ms=6500
            )  # a clip that may be paired is found although it is taken
            with await host.open_bluetooth("home again"):
                home = await connect()
                link = link_over(home, host)
                await link.authenticate()
                await asyncio.wait_for(office.lost.wait(), 1)
                await link.operate(control.RESUME, b"")
                await link.close()

    with_clip(tmp_path, program, keys=keys)
