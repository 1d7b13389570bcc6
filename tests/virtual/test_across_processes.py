"""Clip, radio and a bleak program, each in a process of its own, in simulated time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import bleak
import psutil
import pytest
from bleak.backends.device import BLEDevice

from firmware.virtual import RadioLostError, Station, StationError, station
from firmware.virtual.frames import CALL, HCI, HELLO, IDLE, up

Launch = Callable[..., tuple[subprocess.Popen[bytes], str]]
SERIAL = "00112233445566aa"
STREAM = "7d1e1002-52a4-4c1b-9f0e-6b1c8a3d7e20"
CONTROL = "7d1e1003-52a4-4c1b-9f0e-6b1c8a3d7e20"
START_UTC_MS = 1_700_000_000_000


def test_bleak_talks_to_the_firmware_in_simulated_time(radio_process: Launch) -> None:
    process, address = radio_process("gateway")

    async def program(here: Station) -> list[tuple[int, int, int]]:
        got: list[tuple[int, int, int]] = []
        device = await bleak.BleakScanner.find_device_by_name("tiny", timeout=5)
        assert device is not None
        async with bleak.BleakClient(device) as client:
            assert client.mtu_size == 247
            await client.start_notify(
                STREAM, lambda _, value: got.append((*struct.unpack_from("<II", value), here.now_ms))
            )
            before = here.utc_ms()
            await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 200, 240, 50), response=True)
            await asyncio.sleep(60)
            assert 60_000 <= here.utc_ms() - before <= 60_200
            assert before > START_UTC_MS
        await here.control("shutdown")
        return got

    wall = time.perf_counter()
    got = station.run(program, address=address, name="gateway")
    assert time.perf_counter() - wall < 20
    assert [number for number, _, _ in got] == list(range(200))
    # Delivered at a connection event (30 ms apart), never before it was sent.
    assert all(0 <= seen - sent <= 31 for _, sent, seen in got)
    assert process.wait(10) == 0


def test_three_processes_repeat_exactly(radio_process: Launch, tmp_path: Path) -> None:
    async def program(here: Station) -> None:
        await asyncio.sleep(0.05)  # what two processes do in the same instant may come in either order
        async with bleak.BleakClient(await _find()) as client:
            await client.start_notify(STREAM, lambda _sender, _value: None)
            await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 300, 100, 7), response=True)
            await asyncio.gather(*(_read_often(client, 0.013 + 0.01 * n) for n in range(3)))
        await here.control("shutdown")

    for _ in range(2):
        process, address = radio_process("gateway")
        station.run(program, address=address, name="gateway")
        assert process.wait(10) == 0
    first, second = (path.read_text().splitlines() for path in sorted(tmp_path.glob("*.packets")))
    assert len(first) > 500
    assert first == second


def test_a_station_sleeps_while_time_goes_on_and_finds_its_link_lost(radio_process: Launch) -> None:
    process, address = radio_process("gateway", "director")
    slept = threading.Event()

    async def direct(here: Station) -> None:
        await asyncio.sleep(20)
        await here.control("suspend", name="gateway")
        await asyncio.sleep(300)
        slept.set()
        await here.control("wake", name="gateway")
        await asyncio.sleep(20)
        await here.control("set_clock", name="gateway", by_ms=-7000)
        with pytest.raises(StationError, match="no station"):
            await here.control("suspend", name="nobody")
        await asyncio.sleep(20)
        await here.control("shutdown")

    async def program(here: Station) -> None:
        loop = asyncio.get_running_loop()
        lost = asyncio.Event()
        async with bleak.BleakClient(await _find(), lambda _: lost.set()) as client:
            await asyncio.sleep(15)
            assert client.is_connected
            looks = [(loop.time(), here.utc_ms())]
            await lost.wait()
            assert slept.is_set()
            looks.append((loop.time(), here.utc_ms()))
        # The clock that nobody sets stands still in the sleep, UTC does not.
        steady_s, utc_s = looks[1][0] - looks[0][0], (looks[1][1] - looks[0][1]) / 1000
        assert steady_s < 10
        assert utc_s - steady_s == pytest.approx(300, abs=0.01)
        async with bleak.BleakClient(await _find()):
            pass
        before = here.utc_ms() - 1000 * loop.time()
        await asyncio.sleep(25)
        assert here.utc_ms() - 1000 * loop.time() - before == pytest.approx(-7000, abs=2)

    director = threading.Thread(
        target=lambda: station.run(direct, address=address, name="director", bluetooth=False), daemon=True
    )
    director.start()
    station.run(program, address=address, name="gateway")
    director.join(10)
    assert process.wait(10) == 0


async def _read_often(client: bleak.BleakClient, pause_s: float) -> None:
    for _ in range(50):
        await client.read_gatt_char(CONTROL)
        await asyncio.sleep(pause_s)


def test_a_director_without_bluetooth_steers_the_radio(radio_process: Launch) -> None:
    _, address = radio_process("director")

    async def program(here: Station) -> None:
        await asyncio.sleep(0.1)
        status = await here.control("status", serial=SERIAL)
        assert status["state"] == "running"
        with pytest.raises(StationError, match="no clip"):
            await here.control("motor_log", serial="ffffffffffffffff")
        with pytest.raises(StationError, match="unknown request"):
            await here.control("dance")
        now = await here.control("now")
        assert now["utc_ms"] == here.utc_ms()
        await here.control("shutdown")

    station.run(program, address=address, name="director", bluetooth=False)


def test_a_station_learns_that_the_radio_is_gone(radio_process: Launch) -> None:
    process, address = radio_process("gateway")
    cleaned_up = []

    async def program(_here: Station) -> None:
        process.send_signal(signal.SIGKILL)
        try:
            await asyncio.sleep(1e9)
        finally:
            await asyncio.sleep(1)
            cleaned_up.append(True)

    with pytest.raises(RadioLostError):
        station.run(program, address=address, name="gateway")
    assert cleaned_up == [True]


def test_time_goes_on_when_a_station_leaves(radio_process: Launch) -> None:
    _, address = radio_process("first")

    async def leave(here: Station) -> int:
        await asyncio.sleep(5)
        return here.now_ms

    async def stay(here: Station) -> int:
        await asyncio.sleep(5)
        await here.control("shutdown")
        return here.now_ms

    first = station.run(leave, address=address, name="first", bluetooth=False)
    assert station.run(stay, address=address, name="first", bluetooth=False) >= first + 5000


def test_a_clip_notices_that_the_gateway_is_gone_and_takes_the_next(radio_process: Launch) -> None:
    _, address = radio_process("gateway")

    async def vanish(_here: Station) -> None:
        await bleak.BleakClient((await _find()).address).connect()

    async def come_back(here: Station) -> None:
        async with bleak.BleakClient(await _find(), timeout=5) as client:
            assert client.is_connected
        await here.control("shutdown")

    station.run(vanish, address=address, name="gateway")
    station.run(come_back, address=address, name="gateway")


async def _find() -> BLEDevice:
    device = await bleak.BleakScanner.find_device_by_name("tiny", timeout=10)
    assert device is not None
    return device


def test_nonsense_from_a_station_ends_only_that_station(radio_process: Launch) -> None:
    _, address = radio_process()
    host, port = address.split(":")
    for nonsense in (up(IDLE, b"short"), up(HCI, b"\x04\xff"), up(HCI, b"\x01\x03\x0c\x09"), up(CALL, b"\x01"), up(77)):
        with socket.create_connection((host, int(port))) as sock:
            sock.sendall(up(HELLO, b'{"name": "odd", "bluetooth": true}') + nonsense)
            sock.settimeout(0.3)
            with contextlib.suppress(TimeoutError):
                while sock.recv(1000):
                    pass

    async def program(here: Station) -> None:
        await _find()
        await here.control("shutdown")

    station.run(program, address=address, name="gateway")


def test_a_thread_wakes_a_station_in_wall_time_at_the_right_simulated_time(radio_process: Launch) -> None:
    _, address = radio_process("gateway")

    async def program(here: Station) -> None:
        await here.control("speed", speed=1.0)
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[int] = loop.create_future()
        before = here.now_ms

        def wake() -> None:
            loop.call_soon_threadsafe(lambda: woken.set_result(here.now_ms))

        wall = time.monotonic()
        timer = threading.Timer(0.8, wake)
        timer.start()
        passed = await woken - before
        assert abs(passed - 1000 * (time.monotonic() - wall)) < 400
        timer.join()
        await here.control("shutdown")

    station.run(program, address=address, name="gateway", bluetooth=False)


def test_time_waits_for_a_station_that_takes_long_to_start(radio_process: Launch) -> None:
    _, address = radio_process("director")

    async def program(here: Station) -> None:
        def come_late() -> None:
            time.sleep(0.3)
            station.run(lambda _: asyncio.sleep(1), address=address, name="gateway", bluetooth=False)

        await asyncio.sleep(1)
        coming = asyncio.create_task(asyncio.to_thread(come_late))
        before = here.now_ms
        await here.control("wait_for", name="gateway")
        assert here.now_ms - before <= 200  # but for the step under way; at full speed 0.3 s of wall time are minutes
        await asyncio.wait_for(here.control("wait_for", name="gateway"), 5)  # it is there already
        await coming
        await here.control("shutdown")

    station.run(program, address=address, name="director", bluetooth=False)


def test_two_stations_of_one_name_are_refused(radio_process: Launch) -> None:
    _, address = radio_process("gateway")

    async def program(here: Station) -> None:
        with pytest.raises(RadioLostError, match="already"):
            await asyncio.to_thread(
                station.run, lambda _: asyncio.sleep(0), address=address, name="gateway", bluetooth=False
            )
        await here.control("shutdown")

    station.run(program, address=address, name="gateway", bluetooth=False)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX processes")
def test_the_interpreter_dies_with_a_killed_radio(radio_process: Launch) -> None:
    process, address = radio_process("director")

    async def program(_here: Station) -> list[int]:
        return [child.pid for child in psutil.Process(process.pid).children(recursive=True)]

    children = station.run(program, address=address, name="director", bluetooth=False)
    assert children
    process.kill()
    process.wait(10)
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in children if psutil.pid_exists(pid)], timeout=30)
    assert not alive, gone
