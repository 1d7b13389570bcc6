"""What the gateway costs at the edge, at speed 1: beside a subscriber that parses nothing, and with ten clips.

Both programs and the ten clips run at the same time.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from firmware.clip.protocol import control
from gateway import app
from gateway.config import ClipConfig, GatewayConfig
from server.broker import Account, start
from server.children import stop
from tests.benchmarks.edge_child import MEASURED_S, WARM_S, slouching, utc_ms
from tests.gateway.fake_clip import GATEWAY, KEY, PERIOD_US, FakeClip, FakeGatt, FakeRadio, uuids

CPU_MORE = 0.02
RSS_MORE_MB = 60.0
CLIPS = 10
P99_S = 0.3
Record = Callable[[str, object], None]


class TimedClip(FakeClip):
    """Knows when each of its samples reached the gateway, and how long the lease took that tells of them."""

    def __init__(self, serial: str) -> None:
        super().__init__(serial)
        self.arrived: list[tuple[float, float]] = []  # clip ms of the packet's end, when it came
        self.delays_s: list[float] = []

    def packet(self, first_ms: float, n: int) -> bytes:
        self.newest_ms = first_ms + (n - 1) * PERIOD_US / 1000
        return super().packet(first_ms, n)


class TimedGatt(FakeGatt):
    clip: TimedClip

    async def subscribe(self, uuid: str, callback: Callable[[bytes], None]) -> None:
        def timed(data: bytes) -> None:
            self.clip.arrived.append((self.clip.newest_ms, time.monotonic()))
            callback(data)

        await super().subscribe(uuid, timed if uuid == uuids.STREAM else callback)

    async def write(self, uuid: str, data: bytes) -> None:
        if data[0] == control.LEASE:
            judged_to = control.parse(control.LEASE, data[1:-12])[2]
            at = bisect_left(self.clip.arrived, (judged_to - PERIOD_US / 1000, 0.0))
            self.clip.delays_s.append(time.monotonic() - self.clip.arrived[min(at, len(self.clip.arrived) - 1)][1])
        await super().write(uuid, data)


class TimedRadio(FakeRadio):
    async def connect(self, handle: object) -> FakeGatt:
        await super().connect(handle)
        assert isinstance(handle, TimedClip)
        handle.gatt = TimedGatt(handle)
        return handle.gatt


def _child(kind: str, folder: Path, broker: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "tests.benchmarks.edge_child", kind, str(folder / kind), broker]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True)


def _later(by_s: float, t_s: float) -> float:
    return slouching(t_s + by_s)


async def _ten_clips(folder: Path, broker: str) -> list[float]:
    clips = [TimedClip(f"00000000c11b{k:04x}") for k in range(CLIPS)]
    for k, clip in enumerate(clips):
        clip.lean = partial(_later, 1.37 * k)
    config = GatewayConfig(
        gateway=GATEWAY,
        broker=broker,
        password="a",
        data_dir=folder,
        clips=tuple(ClipConfig(serial=clip.serial, key=KEY.hex()) for clip in clips),
    )
    halt = asyncio.Event()
    running = asyncio.create_task(app.run(config, utc_ms=utc_ms, stop=halt, radio=TimedRadio(*clips)))
    await asyncio.sleep(WARM_S + MEASURED_S)
    halt.set()
    await running
    assert min(len(clip.delays_s) for clip in clips) > MEASURED_S / 2.5
    return [delay for clip in clips for delay in clip.delays_s]


def test_the_gateway_costs_little_and_answers_ten_clips_at_once(
    tmp_path: Path, record_property: Record, capsys: Any
) -> None:
    broker = start(tmp_path / "broker", [Account(GATEWAY, "a", "gateway")])
    children = [_child(kind, tmp_path, broker.url) for kind in ("bare", "gateway")]
    try:
        delays = asyncio.run(_ten_clips(tmp_path / "ten", broker.url))
        bare, gateway = (json.loads(child.communicate(timeout=60)[0]) for child in children)
    finally:
        for child in children:
            child.kill()
            child.wait()
        stop(broker.child)
    more = {"cpu": gateway["cpu"] - bare["cpu"], "rss_mb": gateway["rss_mb"] - bare["rss_mb"]}
    p50, p99 = (float(np.percentile(delays, q)) for q in (50, 99))
    figures = {"more": more, "p50_ms": round(1000 * p50), "p99_ms": round(1000 * p99), "leases": len(delays)}
    record_property("edge", json.dumps(figures))
    with capsys.disabled():
        print(f"\nthe gateway beside a bare subscriber, and ten clips: {figures}")
    assert gateway["leases"] > MEASURED_S / 2.5
    assert bare["heavy"] == gateway["heavy"] == []
    assert more["cpu"] <= CPU_MORE
    assert more["rss_mb"] <= RSS_MORE_MB
    assert p99 < P99_S
