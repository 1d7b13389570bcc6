"""A run repeats exactly, and is the same on both interpreters: every packet at the same microsecond."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import bleak
import pytest

from firmware.virtual import RadioHost, VirtualClip, simulate
from firmware.virtual.interpreter import find_micropython

SERIAL = "00112233445566aa"
STREAM, CONTROL = (f"7d1e100{n}-52a4-4c1b-9f0e-6b1c8a3d7e20" for n in (2, 3))
Tiny = Callable[..., VirtualClip]
Packets = list[tuple[int, str, str, bytes]]


def run(clips: list[VirtualClip], seed: int) -> Packets:
    packets: Packets = []

    async def talk(address: str) -> None:
        async with bleak.BleakClient(address, timeout=20) as client:
            await client.start_notify(STREAM, lambda _sender, _value: None)
            await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 150, 40, 10), response=True)
            await asyncio.sleep(3)
            await client.write_gatt_char(CONTROL, b"N" + struct.pack("<HHH", 50, 200, 0), response=True)
            await asyncio.sleep(3)

    async def main() -> None:
        log = lambda *packet: packets.append(packet)  # noqa: E731
        async with RadioHost(clips, seed=seed, adv_loss=0.3, packet_log=log) as host:
            with await host.open_bluetooth("gateway"):
                for clip in clips:
                    await talk(clip.address)
                together = [asyncio.create_task(asyncio.sleep(5)) for _ in clips]
                await asyncio.gather(*together)

    simulate(main())
    return packets


def test_one_seed_one_packet_log(tiny: Tiny, interpreter: str) -> None:
    clips = [tiny(f"00112233445566a{n}", interpreter=interpreter) for n in range(2)]
    first = run(clips, seed=4)
    assert len(first) > 400
    assert run(clips, seed=4) == first
    assert run(clips, seed=5) != first


def test_moving_its_own_clock_makes_no_difference(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [tiny(f"00112233445566a{n}") for n in range(2)]
    ahead = run(clips, seed=4)
    monkeypatch.setattr("firmware.virtual.scheduler.AHEAD_US", 0)
    assert run(clips, seed=4) == ahead


def test_both_interpreters_send_the_same_at_the_same_time(tiny: Tiny) -> None:
    if find_micropython() is None:
        pytest.skip("no MicroPython for this machine")
    assert run([tiny(interpreter="micropython")], seed=4) == run([tiny(interpreter="cpython")], seed=4)


@pytest.mark.parametrize("seconds", [150])
def test_the_real_firmware_repeats_on_both_interpreters(tmp_path: Path, seconds: int) -> None:
    """Advertised, connected, streaming for a while (not authenticated: it stays silent), flash written."""
    kinds = ["micropython", "micropython", "cpython"] if find_micropython() else ["cpython", "cpython"]
    seen = []
    for number, kind in enumerate(kinds):
        flash = tmp_path / str(number)
        packets: Packets = []

        async def main(flash: Path = flash, kind: str = kind, packets: Packets = packets) -> None:
            clip = VirtualClip(SERIAL, flash=flash, interpreter=kind)  # type: ignore[arg-type]
            log = lambda *packet: packets.append(packet)  # noqa: E731
            async with RadioHost([clip], packet_log=log) as host:
                with await host.open_bluetooth("gateway"):
                    async with bleak.BleakClient(clip.address) as client:
                        assert bytes(await client.read_gatt_char("2a25")) == SERIAL.encode()
                    await asyncio.sleep(seconds)
                    assert host.clips[SERIAL].state == "running"

        simulate(main())
        files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in flash.iterdir() if path.is_file()}
        seen.append((packets, files))
    assert seen[0][1]
    assert all(run == seen[0] for run in seen[1:])
