"""Plain bleak code against firmware on the virtual radio, everything in one loop, on both interpreters."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import bleak
import pytest
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError

from firmware.virtual import RadioHost, VirtualClip, simulate

SERIAL = "00112233445566aa"
SERVICE, STREAM, CONTROL, EVENT = (f"7d1e100{n}-52a4-4c1b-9f0e-6b1c8a3d7e20" for n in (1, 2, 3, 4))
Tiny = Callable[..., VirtualClip]


def play(clip: VirtualClip, program: Callable[[RadioHost], Awaitable[None]], **knobs: Any) -> None:
    """Run `program(host)` on the radio's loop with bleak installed."""

    async def main() -> None:
        async with RadioHost([clip], **knobs) as host:
            with await host.open_bluetooth("gateway"):
                await program(host)

    simulate(main())


def _set(event: asyncio.Event, _client: object) -> None:
    event.set()


async def find() -> BLEDevice:
    device = await bleak.BleakScanner.find_device_by_name("tiny", timeout=5)
    assert device is not None
    return device


def test_scanning_sees_name_service_and_signal(tiny: Tiny, interpreter: str) -> None:
    async def program(host: RadioHost) -> None:
        found = await bleak.BleakScanner.discover(timeout=1, return_adv=True, service_uuids=[SERVICE])
        assert list(found) == [host.clips[SERIAL].clip.address]
        (device, data) = found[host.clips[SERIAL].clip.address]
        assert data.rssi == -71
        assert data.service_uuids == [SERVICE]  # only in the scan response
        assert await bleak.BleakScanner.discover(timeout=1, service_uuids=[EVENT]) == []
        assert device.address == host.clips[SERIAL].clip.address

    play(tiny(interpreter=interpreter), program, rssi=-71)


def test_every_notification_arrives_once_and_in_order(tiny: Tiny, interpreter: str) -> None:
    async def program(host: RadioHost) -> None:
        got: list[tuple[int, ...]] = []
        async with bleak.BleakClient(await find()) as client:
            assert client.mtu_size == 247
            assert client.services.get_characteristic(STREAM).properties == ["read", "notify"]  # type: ignore[union-attr]
            await client.start_notify(STREAM, lambda _, value: got.append(struct.unpack_from("<II", value)))
            await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 1000, 244, 0), response=True)
            await asyncio.sleep(30)
            assert [number for number, _ in got] == list(range(1000))
            # Six packets an event, an event every 30 ms; the firmware was told so by ENOMEM.
            assert 4.9 < (got[-1][1] - got[0][1]) / 1000 < 5.6
            assert host.clips[SERIAL].peripheral.refused > 100  # type: ignore[union-attr]
            await client.stop_notify(STREAM)

    play(tiny(interpreter=interpreter), program)


def test_notifications_without_buffers_are_refused(tiny: Tiny) -> None:
    async def program(host: RadioHost) -> None:
        async with bleak.BleakClient(await find()) as client:
            got: list[bytearray] = []
            await client.start_notify(STREAM, lambda _, value: got.append(value))
            await host.control("tx_buffers", serial=SERIAL, n=0)
            await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 5, 20, 0), response=True)
            await asyncio.sleep(1)
            assert got == []
            assert (await host.control("status", serial=SERIAL))["refused_notifications"] > 50
            await host.control("tx_buffers", serial=SERIAL, n=12)
            await asyncio.sleep(1)
            assert len(got) == 5

    play(tiny(), program)


@pytest.mark.parametrize(("limit", "agreed"), [(23, 23), (64, 64), (517, 247)])
def test_the_mtu_is_the_smallest_of_three(tiny: Tiny, limit: int, agreed: int) -> None:
    async def program(_host: RadioHost) -> None:
        async with bleak.BleakClient(await find()) as client:
            got: list[bytearray] = []
            assert client.mtu_size == agreed
            await client.start_notify(STREAM, lambda _, value: got.append(value))
            await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 1, 244, 0), response=True)
            await asyncio.sleep(1)
            assert len(got[0]) == min(244, agreed - 3)

    play(tiny(mtu_limit=limit), program)


def test_write_read_and_indicate(tiny: Tiny, interpreter: str) -> None:
    async def program(_host: RadioHost) -> None:
        got: list[bytearray] = []
        async with bleak.BleakClient(await find()) as client:
            await client.start_notify(EVENT, lambda _, value: got.append(value))
            for number in range(5):
                await client.write_gatt_char(CONTROL, b"I" + bytes([number]) * 50, response=True)
                assert bytes(await client.read_gatt_char(CONTROL)) == b"I" + bytes([number]) * 50
                await asyncio.sleep(0.2)
            assert got == [bytes([number]) * 50 for number in range(5)]
            await client.write_gatt_char(CONTROL, bytes(150), response=True)
            assert len(await client.read_gatt_char(CONTROL)) == 100, "the value's buffer holds 100 bytes"
            with pytest.raises(BleakGATTProtocolError) as refused:
                await client.read_gatt_char(EVENT)
            assert refused.value.code == 0x02
            with pytest.raises(BleakGATTProtocolError) as refused:
                await client.write_gatt_char(EVENT, b"x", response=True)
            assert refused.value.code == 0x03

    play(tiny(interpreter=interpreter), program)


def test_both_sides_can_end_a_connection(tiny: Tiny, interpreter: str) -> None:
    async def program(_host: RadioHost) -> None:
        ended: list[bool] = []
        device = await find()
        client = bleak.BleakClient(device, disconnected_callback=lambda _: ended.append(True))
        await client.connect()
        await client.disconnect()
        assert not client.is_connected
        assert ended == [True]
        await client.connect()
        await client.write_gatt_char(CONTROL, b"D", response=True)
        await asyncio.sleep(1)
        assert not client.is_connected
        assert ended == [True, True]
        with pytest.raises(BleakError):
            await client.read_gatt_char(STREAM)

    play(tiny(interpreter=interpreter), program)


def test_an_absent_device_is_not_found_in_time(tiny: Tiny) -> None:
    async def program(host: RadioHost) -> None:
        before = host.now_ms
        with pytest.raises(BleakDeviceNotFoundError):
            await bleak.BleakClient("C0:00:00:00:00:77", timeout=3).connect()
        assert host.now_ms - before == 3000
        async with bleak.BleakClient(await find()) as client:
            assert client.is_connected

    play(tiny(), program)


def test_link_loss_reaches_both_sides_and_the_clip_advertises_again(tiny: Tiny, interpreter: str) -> None:
    async def program(host: RadioHost) -> None:
        for _ in range(3):
            lost = asyncio.Event()
            device = await find()
            async with bleak.BleakClient(device, disconnected_callback=functools.partial(_set, lost)) as client:
                await host.control("link_loss", serial=SERIAL)
                await asyncio.wait_for(lost.wait(), 0.001)
                assert not client.is_connected

    play(tiny(interpreter=interpreter), program)


def test_out_of_range_loses_the_link_after_the_supervision_timeout(tiny: Tiny) -> None:
    async def program(host: RadioHost) -> None:
        lost: list[int] = []
        got: list[int] = []
        client = bleak.BleakClient(await find(), disconnected_callback=lambda _: lost.append(host.now_ms))
        await client.connect()
        await client.start_notify(STREAM, lambda _, value: got.append(struct.unpack_from("<I", value)[0]))
        await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 1000, 20, 50), response=True)
        await asyncio.sleep(1)
        # A short blind spot delays, and loses nothing.
        await host.control("range", serial=SERIAL, on=False)
        seen = len(got)
        await asyncio.sleep(1.5)
        assert len(got) == seen
        await host.control("range", serial=SERIAL, on=True)
        await asyncio.sleep(1)
        assert got == list(range(len(got)))
        assert len(got) > seen + 20
        before = host.now_ms
        await host.control("range", serial=SERIAL, on=False)
        await asyncio.sleep(5)
        assert lost == [before + 2000]
        assert await bleak.BleakScanner.find_device_by_name("tiny", timeout=1) is None
        with pytest.raises(BleakDeviceNotFoundError):
            await bleak.BleakClient(client.address, timeout=1).connect()
        await host.control("range", serial=SERIAL, on=True)
        async with bleak.BleakClient(await find()):
            pass

    play(tiny(), program)


def test_a_link_that_breaks_in_the_middle_of_a_request_is_an_error(tiny: Tiny) -> None:
    async def program(host: RadioHost) -> None:
        client = bleak.BleakClient(await find())
        await client.connect()
        await host.control("range", serial=SERIAL, on=False)
        with pytest.raises(BleakError):
            await client.read_gatt_char(STREAM)
        assert not client.is_connected

    play(tiny(), program)


def test_lost_advertisements(tiny: Tiny) -> None:
    async def program(host: RadioHost) -> None:
        seen: list[int] = []
        async with bleak.BleakScanner(lambda _device, _data: seen.append(host.now_ms)):
            await asyncio.sleep(20)
            all_of_them = len(seen)
            await host.control("air", adv_loss=0.5)
            await asyncio.sleep(20)
        assert 0.3 < (len(seen) - all_of_them) / all_of_them < 0.7
        await host.control("air", adv_loss=1.0)
        assert await bleak.BleakScanner.find_device_by_name("tiny", timeout=2) is None

    play(tiny(), program)


def test_a_power_cycle_keeps_the_flash_and_loses_the_link(tiny: Tiny, interpreter: str) -> None:
    clip = tiny(interpreter=interpreter)
    clip.flash.mkdir()
    (clip.flash / "kept.bin").write_bytes(b"kept")

    async def program(host: RadioHost) -> None:
        lost: list[int] = []
        client = bleak.BleakClient(await find(), disconnected_callback=lambda _: lost.append(host.now_ms))
        await client.connect()
        off_at = host.now_ms
        await host.control("power_cycle", serial=SERIAL, off_ms=5000)
        assert lost == [off_at + 2000]
        async with bleak.BleakClient(await find()) as again:
            await again.write_gatt_char(CONTROL, b"S", response=True)
            await asyncio.sleep(0.1)
            _, ticks = struct.unpack("<II", await again.read_gatt_char(STREAM))
            assert ticks < 5000, "ticks start again at boot"

    play(clip, program)
    assert (clip.flash / "kept.bin").read_bytes() == b"kept"


def test_a_reset_starts_the_firmware_again(tiny: Tiny, interpreter: str) -> None:
    async def program(host: RadioHost) -> None:
        client = bleak.BleakClient(await find())
        await client.connect()
        with contextlib.suppress(BleakError):  # the answer may not get out any more
            await client.write_gatt_char(CONTROL, b"R", response=True)
        await asyncio.sleep(5)
        assert not client.is_connected
        assert (await host.control("status", serial=SERIAL))["state"] == "running"
        async with bleak.BleakClient(await find()):
            pass

    play(tiny(interpreter=interpreter), program)


def test_ticks_wrap_as_on_the_board(tiny: Tiny, interpreter: str) -> None:
    async def program(_host: RadioHost) -> None:
        got: list[tuple[int, ...]] = []
        async with bleak.BleakClient(await find()) as client:
            await client.start_notify(STREAM, lambda _, value: got.append(struct.unpack_from("<II", value)))
            await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 100, 20, 100), response=True)
            await asyncio.sleep(20)
        assert [number for number, _ in got] == list(range(100))
        ticks = [t for _, t in got]
        assert max(ticks) > 2**30 - 1000
        assert min(ticks) < 1000
        assert all((b - a) % 2**30 == 100 for a, b in itertools.pairwise(ticks))

    play(tiny(interpreter=interpreter, ticks_start=2**30 - 5000), program)


def test_firmware_that_ends_is_reported_with_its_last_words(
    tiny: Tiny, interpreter: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def program(host: RadioHost) -> None:
        await asyncio.sleep(1)
        status = await host.control("status", serial=SERIAL)
        assert status["state"] == "ended"
        assert status["exit_code"] == 1

    play(tiny(interpreter=interpreter, program="no_such_program"), program)
    assert "no_such_program" in caplog.text


def test_two_clips_are_connected_to_at_once(tiny: Tiny) -> None:
    clips = [tiny(f"00112233445566a{n}") for n in range(3)]

    async def talk(clip: VirtualClip) -> list[int]:
        got: list[int] = []
        async with bleak.BleakClient(clip.address, timeout=5) as client:
            await client.start_notify(STREAM, lambda _, value: got.append(struct.unpack_from("<I", value)[0]))
            await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 100, 100, 20), response=True)
            await asyncio.sleep(10)
        return got

    async def main() -> list[list[int]]:
        async with RadioHost(clips) as host:
            with await host.open_bluetooth("gateway"):
                return await asyncio.gather(*(talk(clip) for clip in clips))

    assert simulate(main()) == [list(range(100))] * 3


def test_a_cancelled_connect_leaves_the_radio_usable(tiny: Tiny) -> None:
    async def program(_host: RadioHost) -> None:
        device = await find()
        for wait in (0.0, 0.01, 0.05, 0.2, 0.5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(bleak.BleakClient("C0:00:00:00:00:77", timeout=60).connect(), wait + 0.001)
            attempt = asyncio.create_task(bleak.BleakClient(device, timeout=60).connect())
            await asyncio.sleep(wait)
            attempt.cancel()
            await asyncio.wait([attempt])
            await asyncio.sleep(3)
            async with bleak.BleakClient(await find(), timeout=2) as client:
                assert client.is_connected

    play(tiny(), program)


def test_firmware_that_never_waits_is_stopped(
    tiny: Tiny, interpreter: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.virtual.scheduler.STALL_S", 0.5)

    async def program(host: RadioHost) -> None:
        await asyncio.sleep(1)
        assert (await host.control("status", serial=SERIAL))["state"] == "ended"

    play(tiny(interpreter=interpreter, program="busy"), program)
    assert "computes without end" in caplog.text
