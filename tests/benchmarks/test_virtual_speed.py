"""Simulated time passes at least 20 times faster than the processor time that clip, radio and gateway take together."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from firmware.virtual import Station, station
from firmware.virtual.interpreter import end, find_micropython, start
from firmware.virtual.provision import provision
from gateway import app
from gateway.config import ClipConfig, GatewayConfig

SERIAL = "00112233445566aa"
GATEWAY = "aabbccddeeff0011"
KEY = bytes(range(32))
SECONDS = 120

RADIO = """
import sys
from pathlib import Path
from firmware.virtual import RadioHost, VirtualClip, simulate
from gateway.lab.presets import check_script

async def main():
    clip = VirtualClip({serial!r}, flash=Path("flash"), motion=check_script(1))
    async with RadioHost([clip], start_utc_ms=1_760_000_000_000, wait_for=["gateway"]) as host:
        print(host.address, flush=True)
        await host.until_shutdown()

simulate(main())
"""


def _seconds(processes: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def test_real_firmware_radio_and_gateway_run_twenty_times_as_fast_as_time(tmp_path: Path) -> None:
    if find_micropython() is None:
        pytest.skip("no MicroPython for this machine")
    provision(tmp_path / "flash", [(bytes.fromhex(GATEWAY), KEY)])
    line = [sys.executable, "-c", RADIO.format(serial=SERIAL)]
    radio = start(line, cwd=tmp_path, env={"PYTHONPATH": str(Path.cwd())}, console=subprocess.PIPE)
    try:
        assert radio.stdout is not None
        address = radio.stdout.readline().decode().strip()
        spent = station.run(lambda here: _measure(here, radio.pid, tmp_path), address=address, name="gateway")
    finally:
        end(radio)
        if radio.stdout is not None:
            radio.stdout.close()
    assert SECONDS / spent > 20, f"{SECONDS / spent:.1f} times"


async def _measure(here: Station, radio: int, folder: Path) -> float:
    clip = ClipConfig(serial=SERIAL, key=KEY.hex())
    config = GatewayConfig(gateway=GATEWAY, broker="mqtt://127.0.0.1:1", data_dir=folder / "gateway", clips=(clip,))
    stop = asyncio.Event()
    running = asyncio.create_task(app.run(config, utc_ms=here.utc_ms, stop=stop))
    await asyncio.sleep(30)  # found, connected, calibrated
    parent = psutil.Process(radio)
    processes = [psutil.Process(os.getpid()), parent, *parent.children(recursive=True)]
    before = _seconds(processes)
    await asyncio.sleep(SECONDS)
    spent = _seconds(processes) - before
    status = await here.control("status", serial=SERIAL)
    assert status["interpreter"] == "micropython"
    assert status["fifo_overruns"] == 0
    stop.set()
    await running
    return spent
