"""Records over losses of power: each is placed where it happened, or nowhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.ledger import BOOTS_REMEMBERED, Ledger
from gateway.outbox import Outbox
from tests.gateway import jump
from tests.gateway.fake_clip import SERIAL, FakeClip
from tests.gateway.jump import START_UTC_MS, until, utc_ms
from tests.gateway.test_session import records, running

HOUR_S = 3600.0
UP = bytes([10] * 60)


def keep_minutes(clip: FakeClip, first: int, count: int) -> None:
    """What the clip writes by itself: `count` minutes of this boot."""
    for n in range(first, first + count):
        clip.append(records.pack_epoch(0, 1, clip.boot, n * 60_000, 1, 1, UP, bytes(30), 0, 0, 0, 0, 30))


def test_a_boot_that_was_met_is_placed_and_one_that_was_not_is_nowhere(tmp_path: Path) -> None:
    """Four lives over two days: the first and third without the gateway, the second met, then alone until it dies."""

    async def main() -> None:
        clip = FakeClip()
        clip.skew_ppm = 40.0
        clip.in_reach = False
        never_met = [clip.boot.hex()]
        async with running(tmp_path, clip) as bench:
            keep_minutes(clip, 0, 5)
            await asyncio.sleep(9 * HOUR_S)

            clip.boot_up()
            met, met_at = clip.boot.hex(), utc_ms()
            clip.in_reach = True
            await until(lambda: bench.session.state == "live")
            await asyncio.sleep(90)
            clip.in_reach = False
            assert clip.gatt is not None
            clip.gatt.drop()
            await asyncio.sleep(5 * HOUR_S)
            keep_minutes(clip, 100, 200)

        await asyncio.sleep(20 * HOUR_S)  # the battery is empty, and so is the gateway's
        clip.boot_up()
        never_met.append(clip.boot.hex())
        keep_minutes(clip, 0, 5)
        await asyncio.sleep(HOUR_S)
        clip.boot_up()
        last, last_at = clip.boot.hex(), utc_ms()
        keep_minutes(clip, 0, 1)
        clip.in_reach = True
        async with running(tmp_path, clip) as bench:
            await until(lambda: clip.acknowledged[-1:] == [clip.journal_next - 1], 600)
            epochs = bench.of("epoch", "clip")
        assert len(epochs) == 211
        began = {met: met_at, last: last_at}
        for epoch in epochs:
            if epoch["boot"] in never_met:
                assert (epoch["utc_ms"], epoch["utc_error_ms"]) == (None, None)
            else:
                true = began[epoch["boot"]] + epoch["start_ms"] * (1 - 40e-6)
                assert abs(epoch["utc_ms"] - true) <= epoch["utc_error_ms"] <= 4000
        assert {epoch["boot"] for epoch in epochs} == {*never_met, *began}

    jump.run(main())


def test_a_boot_is_remembered_over_many_others(tmp_path: Path) -> None:
    with Outbox(tmp_path / "gateway.db", utc_ms_at_start) as outbox:
        ledger = Ledger(outbox, SERIAL)
        for n in range(BOOTS_REMEMBERED):
            boot = (255 - n).to_bytes(8, "big").hex()  # names in no order of time
            ledger.clock(boot).exchange(START_UTC_MS, 0, START_UTC_MS + 20)
            ledger.commit([])
        again = Ledger(outbox, SERIAL)
        placed = [again.origin((255 - n).to_bytes(8, "big").hex()).place(0) for n in range(BOOTS_REMEMBERED)]
        assert all(place.utc_ms == START_UTC_MS + 10 for place in placed)
        assert again.origin(bytes(8).hex()).place(0).utc_ms is None


def utc_ms_at_start() -> int:
    return START_UTC_MS
