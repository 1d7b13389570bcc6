"""The whole application in a small heap: compiled as for the board, and from source."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import bleak
import bleak.exc
import pytest

from firmware.clip import keystore
from firmware.clip.protocol import auth, calibration, control, plan, uuids
from firmware.virtual import RadioHost, VirtualClip, compiled, interpreter, simulate
from firmware.virtual.interpreter import find_micropython

GATEWAY, KEY = b"GATEWAY1", bytes(range(32))
NAMES = 20 + 40 + 80 + 160 + 320  # the interpreter's tables; the next one takes as much as these together
PROGRAMS = Path(__file__).parent / "programs"
CALIBRATION = calibration.pack_calibration(1, calibration.SEATED, (0, 16384, 0), (0, 0, 16384))


async def work_for(seconds: float, clip: VirtualClip) -> int:
    """Stream packets that a gateway gets in some simulated seconds, in which it sets and asks for what there is."""
    packets = 0

    def count(*_: object) -> None:
        nonlocal packets
        packets += 1

    async with RadioHost([clip], start_utc_ms=1_700_000_000_000) as host:
        with await host.open_bluetooth("gateway"):
            device = await bleak.BleakScanner.find_device_by_name("Plumbline-66aa", timeout=10)
            assert device is not None
            async with bleak.BleakClient(device) as client:
                events: asyncio.Queue[bytes] = asyncio.Queue()
                await client.start_notify(uuids.EVENT, lambda _, data: events.put_nowait(bytes(data)))
                await client.start_notify(uuids.STREAM, count)
                await client.write_gatt_char(uuids.CONTROL, control.pack_hello(GATEWAY, bytes(16)), response=True)
                nonce = (await asyncio.wait_for(events.get(), 10))[1:17]
                proof = auth.proof(KEY, b"gate", GATEWAY, bytes(16), nonce)
                await client.write_gatt_char(uuids.CONTROL, control.pack_auth(proof), response=True)
                session = auth.session_key(KEY, GATEWAY, bytes(16), nonce)
                await asyncio.wait_for(events.get(), 10)
                await client.start_notify(uuids.JOURNAL, lambda *_: None)
                operations = [
                    (control.SET_PLAN, trained()),
                    (control.SET_CALIBRATION, CALIBRATION),
                    (control.TIME, control.pack(control.TIME, 0, 1_700_000_000_000, 60)),
                    (control.JOURNAL_READ, control.pack(control.JOURNAL_READ, 1)),
                    (control.BUZZ, control.pack(control.BUZZ, 0)),
                ]
                pings = [(control.PING, control.pack(control.PING, n)) for n in range(round(seconds / 2))]
                for counter, (op, payload) in enumerate(operations + pings, 1):
                    sealed = auth.seal(session, op, payload, counter)
                    await client.write_gatt_char(uuids.CONTROL, sealed, response=True)
                    await asyncio.sleep(2)
                refused = [event for event in drain(events) if event[0] == control.EVENT_RESULT and event[6]]
                assert not refused
    return packets


def trained() -> bytes:
    """A plan that reminds."""
    made = plan.Plan()
    made.version, made.mode, made.dwell_s = 1, plan.TRAIN, 10
    return made.pack()


def drain(events: asyncio.Queue[bytes]) -> list[bytes]:
    return [events.get_nowait() for _ in range(events.qsize())]


def make(folder: Path, name: str, **changes: Any) -> VirtualClip:
    """A clip that knows the gateway, whose words go to `folder`/`name`.txt."""
    if find_micropython() is None:
        pytest.skip("no MicroPython for this machine")
    flash = folder / f"flash-{name}"
    flash.mkdir()
    (flash / "keys.bin").write_bytes(keystore.pack([(GATEWAY, KEY)]))
    console = folder / f"{name}.txt"
    return VirtualClip("00112233445566aa", flash=flash, interpreter="micropython", console=console, **changes)


def works(folder: Path, heap_k: int | None = None, seconds: float = 130) -> bool:
    """Whether a clip does its work in `heap_k` kB, or in what a virtual clip has by default."""
    clip = make(folder, str(heap_k), **({} if heap_k is None else {"heap": f"{heap_k}k"}))
    try:
        packets = simulate(work_for(seconds, clip))
    except (AssertionError, bleak.exc.BleakError, TimeoutError):
        packets = 0
    said = (folder / f"{heap_k}.txt").read_text()
    assert not said or "MemoryError" in said, said
    return not said and packets > seconds * 2.2


def smallest(folder: Path, too_small: int, enough: int) -> int:
    """kB of the smallest heap in which it works, stand-ins and asyncio and all."""
    while enough - too_small > 1:
        middle = (too_small + enough) // 2
        if works(folder, middle, 70):
            enough = middle
        else:
            too_small = middle
    return enough


def test_it_works_in_the_heap_of_a_virtual_clip(tmp_path: Path) -> None:
    assert VirtualClip("00112233445566aa", flash=tmp_path).heap == "128k"
    assert works(tmp_path)


def test_it_works_from_source_where_it_cannot_be_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "find_mpy_cross", lambda: None)
    assert works(tmp_path)


def test_the_heap_has_room_to_spare(tmp_path: Path) -> None:
    enough = smallest(tmp_path, 96, 128)
    print(f"smallest heap, 64 bits: {enough} kB")
    assert enough <= 127


@pytest.mark.micropython32
def test_on_32_bits_it_needs_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "find_micropython", lambda: os.environ["MICROPYTHON_32BIT"])
    enough = smallest(tmp_path, 64, 96)
    print(f"smallest heap, 32 bits: {enough} kB")
    assert enough <= 93


def test_the_table_of_names_does_not_double(tmp_path: Path) -> None:
    clip = make(tmp_path, "named", heap="1m", program="named", search=(interpreter.FIRMWARE, PROGRAMS))
    simulate(work_for(50, clip))
    told = re.findall(r"n_qstr=(\d+)", (tmp_path / "named.txt").read_text())
    assert len(told) == 1
    free = NAMES - int(told[0])
    print(f"names that are free: {free} of {NAMES}")
    assert 40 <= free < NAMES - 300


def litter(folder: Path) -> list[tuple[int, int, int]]:
    """Of each second but the first ten, in which the gateway authenticates: bytes that stand-ins for bus and radio have
    left to collect, those that everything else has, and stream packets."""
    clip = make(folder, "litter", heap="1m", program="collecting", search=(interpreter.FIRMWARE, PROGRAMS))
    simulate(work_for(60, clip))
    lines = (folder / "litter.txt").read_text().splitlines()
    assert all(line.startswith("collect ") for line in lines), lines
    seconds = [tuple(map(int, line.split()[1:])) for line in lines]
    assert len(seconds) > 50
    return [(apart, own, packets) for apart, own, packets in seconds[10:]]


def told(bits: int, seconds: list[tuple[int, int, int]]) -> None:
    packets = sum(packets for *_, packets in seconds)
    apart = sum(apart for apart, _, _ in seconds) // packets
    own = sum(own for _, own, _ in seconds) // packets
    worst = max(own for _, own, _ in seconds)
    print(f"to collect, {bits} bits: {own} B a packet, at most {worst} B a second; stand-ins {apart} B a packet more")


def test_what_is_left_to_collect_is_bounded(tmp_path: Path) -> None:
    seconds = litter(tmp_path)
    told(64, seconds)
    assert max(own for _, own, _ in seconds) < 32_768


@pytest.mark.micropython32
def test_one_collection_a_second_is_enough_on_32_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "find_micropython", lambda: os.environ["MICROPYTHON_32BIT"])
    seconds = litter(tmp_path)
    told(32, seconds)
    assert max(own for _, own, _ in seconds) < 16_384, "a heap of 64 kB has not much more to spare"
