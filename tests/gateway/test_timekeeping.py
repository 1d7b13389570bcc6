"""The computer's clock is set while the clip is connected: both clocks are met anew, and the clip is told at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from firmware.clip import protocol
from gateway import timekeeping
from gateway.clock_map import ClockReport
from tests.gateway import jump, test_session
from tests.gateway.fake_clip import FakeClip, FakeGatt
from tests.gateway.jump import START_UTC_MS, until
from tests.gateway.test_session import Bench, running

control = protocol.control
HOUR_MS = 3_600_000


class Computer:
    """A computer whose clock can be set, by so many ms at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_ms = 0
        monkeypatch.setattr(test_session, "utc_ms", self)

    def __call__(self) -> int:
        return jump.utc_ms() + self.ahead_ms


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> Computer:
    return Computer(monkeypatch)


def times_told(clip: FakeClip) -> list[tuple[float, int, int]]:
    """When, and what clip time was said to be which UTC."""
    return [(at, values[0], values[1]) for at, op, values in clip.operations if op == control.TIME]


def report(bench: Bench) -> ClockReport:
    found = bench.session._time.report
    assert found is not None
    return found


@pytest.mark.parametrize("step_ms", [HOUR_MS, -8 * HOUR_MS, 300])
def test_the_clip_is_told_and_later_records_lie_where_they_belong(
    tmp_path: Path, computer: Computer, step_ms: int
) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            await asyncio.sleep(130)
            before = {e["start_ms"]: e["utc_ms"] for e in bench.of("epoch", "gateway")}
            exchanges = report(bench).exchanges
            computer.ahead_ms += step_ms
            at = asyncio.get_running_loop().time()
            await until(lambda: times_told(clip)[-1][0] > at, timekeeping.PING_EVERY_S + 2)
            told_at, clip_ms, utc_ms = times_told(clip)[-1]
            assert abs(utc_ms - (START_UTC_MS + told_at * 1000 + step_ms)) < 50  # the write takes its time
            assert abs(clip_ms - told_at * 1000) < 50
            assert len(times_told(clip)) == 2
            assert report(bench).exchanges >= exchanges + timekeeping.FIRST_PINGS
            await asyncio.sleep(170)
            assert len(times_told(clip)) == 2
            after = {e["start_ms"]: e["utc_ms"] for e in bench.of("epoch", "gateway")}
            assert before.items() <= after.items()
            later = {start: utc for start, utc in after.items() if start > at * 1000 + 20_000}
            assert len(later) >= 2
            assert all(abs(utc - (START_UTC_MS + start + step_ms)) < 50 for start, utc in later.items())
            assert all(abs(utc - (START_UTC_MS + start)) < 50 for start, utc in before.items())

    jump.run(main())


def test_an_exchange_during_which_the_clock_was_set_is_worthless(
    tmp_path: Path, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clip has read its clock when the computer's is set ahead: the answer seems to have taken ten seconds."""
    write = FakeGatt.write
    pings = 0

    async def set_meanwhile(gatt: FakeGatt, uuid: Any, data: bytes) -> None:
        nonlocal pings
        await write(gatt, uuid, data)
        if data[:1] == bytes([control.PING]):
            pings += 1
            computer.ahead_ms += 10_000 if pings == 8 else 0

    monkeypatch.setattr(FakeGatt, "write", set_meanwhile)

    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: pings == 8, 200)
            await asyncio.sleep(0.05)
            assert bench.session._time.report is None
            await asyncio.sleep(2)
            known = report(bench)
            assert abs(known.offset_ms - START_UTC_MS - 10_000) <= known.uncertainty_ms < 50

    jump.run(main())


def test_a_clock_that_is_led_slowly_is_followed_without_ado(tmp_path: Path, computer: Computer) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            for _ in range(150):
                computer.ahead_ms += 1
                await asyncio.sleep(2)
            assert len(times_told(clip)) == 1
            known = report(bench)
            assert abs(known.offset_ms - START_UTC_MS - 150) < 50

    jump.run(main())


def test_what_is_known_of_the_clock_can_be_shown(tmp_path: Path, computer: Computer) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.skew_ppm = -40.0
        async with running(tmp_path, clip) as bench:
            assert bench.session._time.report is None
            await until(lambda: bench.session.state == "live")
            await asyncio.sleep(450)
            known = report(bench)
            assert abs(known.drift_ppm - 40) <= known.drift_error_ppm < 100
            assert known.uncertainty_ms < 50
            due = timekeeping.FIRST_PINGS + 450 // timekeeping.PING_EVERY_S
            assert due - 2 <= known.exchanges <= due
            assert 0 <= computer() - known.last_exchange_utc_ms <= timekeeping.PING_EVERY_S * 1000 + 100
            bench.session._judging.save()
            exchanges = known.exchanges
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            assert report(bench).exchanges == exchanges + timekeeping.FIRST_PINGS

    jump.run(main())
