"""One clip at speed 1 in a process of its own: `edge_child bare|gateway FOLDER BROKER`. Prints its cost as JSON.

The clip is a fake one in the same process, alike for both: what one costs more than the other is the gateway's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import bleak
import psutil

from tests.gateway.fake_clip import GATEWAY, KEY, SERIAL, FakeClip, FakeRadio, uuids

WARM_S = 8.0
MEASURED_S = 20.0
SLOUCH_EVERY_S = 14.0


def slouching(t_s: float) -> float:
    """Upright and slouched in turns, so that there is something to tell."""
    return 25.0 if t_s % SLOUCH_EVERY_S > SLOUCH_EVERY_S / 2 else 0.0


def utc_ms() -> int:
    """UTC by the computer's clock."""
    return time.time_ns() // 1_000_000


async def _bare(clip: FakeClip) -> None:
    assert bleak.BleakClient is not None
    gatt = await FakeRadio(clip).connect(clip)
    await gatt.subscribe(uuids.STREAM, lambda _: None)
    await asyncio.Event().wait()


async def _gateway(clip: FakeClip, folder: Path, broker: str) -> None:
    from gateway import app
    from gateway.config import ClipConfig, GatewayConfig

    config = GatewayConfig(
        gateway=GATEWAY,
        broker=broker,
        password="a",
        data_dir=folder,
        clips=(ClipConfig(serial=SERIAL, key=KEY.hex()),),
    )
    await app.run(config, utc_ms=utc_ms, radio=FakeRadio(clip))


async def main(kind: str, folder: Path, broker: str) -> None:
    clip = FakeClip()
    clip.lean = slouching
    running = asyncio.create_task(_bare(clip) if kind == "bare" else _gateway(clip, folder, broker))
    await asyncio.sleep(WARM_S)
    this = psutil.Process()
    before = this.cpu_times()
    await asyncio.sleep(MEASURED_S)
    after = this.cpu_times()
    spent = after.user + after.system - before.user - before.system
    heavy = sorted({"scipy", "pandas", "rich", "typer", "sqlalchemy"} & sys.modules.keys())
    print(
        json.dumps(
            {
                "cpu": spent / MEASURED_S,
                "rss_mb": this.memory_info().rss / 1e6,
                "leases": len(clip.leases),
                "heavy": heavy,
            }
        )
    )
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
