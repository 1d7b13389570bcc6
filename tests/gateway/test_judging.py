"""What the gateway tells the clip of a stream with holes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware.clip import protocol
from gateway.core import Calibration, Judgement, Thresholds
from gateway.judging import Judging
from gateway.ledger import Ledger
from gateway.outbox import Outbox

wire, code = protocol.stream, protocol.category
BOOT = "00112233445566aa"
PERIOD_US = 40_000
PACKET = 10
"""Samples in a packet: 400 ms."""
CALIBRATION = Calibration(1, up=np.array([0.0, 0.0, 1.0]), forward=np.array([1.0, 0.0, 0.0]))


def packet(number: int, degrees: float) -> bytes:
    """The packet that begins 400 ms times `number` after the boot, leaning forward."""
    t_ms = number * PACKET * PERIOD_US // 1000
    data = bytearray(wire.HEADER_SIZE + PACKET * wire.SAMPLE_SIZE)
    wire.pack_header(data, 0, PACKET, number & 0xFFFF, t_ms & 0xFFFF, t_ms >> 16)
    half = math.radians(degrees) / 2
    for i in range(PACKET):
        breath = round(8 * math.sin(0.3 * (number * PACKET + i)))
        quaternion = (round(math.cos(half) * 32767), 0, round(math.sin(half) * 32767), 0)
        wire.pack_sample(data, wire.HEADER_SIZE + i * wire.SAMPLE_SIZE, *quaternion, wire.compand(breath))
    return bytes(data)


class Bench:
    """A gateway's judging, and the clock beside it."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 1000.0
        self.outbox = Outbox(folder / "outbox.db", lambda: 0)
        ledger = Ledger(self.outbox, "aa" * 8)
        self.judging = Judging(ledger, lambda: 0, lambda: None, steady_s=lambda: self.now_s)
        self.begin(0)

    def begin(self, clip_ms: int) -> None:
        self.judging.begin(BOOT, clip_ms, PERIOD_US, Thresholds(), CALIBRATION, paused=False)

    def told(self, numbers: range, lean: Callable[[int], float], apart_s: float = 0.4) -> list[Judgement]:
        said = []
        for number in numbers:
            self.now_s += apart_s
            self.judging.packet(packet(number, lean(number)))
            assert self.judging.judgement is not None
            said.append(self.judging.judgement)
        return said


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.outbox.close()


def slouches_from(start: int) -> Callable[[int], float]:
    return lambda number: 20.0 if number >= start else 0.0


def test_a_slouch_that_a_lost_second_cuts_keeps_its_start(bench: Bench) -> None:
    before = bench.told(range(50), slouches_from(25))[-1]
    assert before.category == code.SLOUCHED
    after = bench.told(range(52, 60), slouches_from(25))  # 800 ms are missing
    assert code.UPRIGHT not in {one.category for one in after}
    assert {one.since_ms for one in after if one.category == code.SLOUCHED} == {before.since_ms}


@pytest.mark.parametrize("back", [62, 63, 64, 65, 66])
def test_a_new_connection_names_one_start_however_it_falls_into_the_second(bench: Bench, back: int) -> None:
    """Or the clip would take the later one for a recovery, and begin the dwell anew."""
    bench.told(range(50), slouches_from(25))
    bench.begin(back * 400)
    after = [one for one in bench.told(range(back, 75), slouches_from(25)) if one.category == code.SLOUCHED]
    assert len({one.since_ms for one in after}) == 1


def test_a_recovery_begins_anew(bench: Bench) -> None:
    bench.told(range(50), slouches_from(25))
    bench.told(range(50, 56), lambda _: 0.0)
    again = bench.told(range(56, 66), lambda _: 20.0)[-1]
    assert again.category == code.SLOUCHED
    assert again.since_ms == pytest.approx(56 * 400, abs=250)


@pytest.mark.parametrize("ahead_ms", [60_000, 7_200_000, 0xFFFF_FFFF])
def test_a_packet_from_the_future_does_not_stop_the_judging(bench: Bench, ahead_ms: int) -> None:
    bench.told(range(25), slouches_from(100))
    wrong = bytearray(packet(25, 0.0))
    wire.pack_header(wrong, 0, PACKET, 25, ahead_ms & 0xFFFF, ahead_ms >> 16)
    assert bench.judging.packet(bytes(wrong)) is None
    assert bench.outbox.malformed == {"stream": 1}
    assert bench.told(range(25, 35), lambda _: 20.0)[-1].category == code.SLOUCHED


@pytest.mark.parametrize("apart_s", [0.399, 0.401])
def test_clocks_that_drift_apart_are_no_reason_to_drop_a_packet(bench: Bench, apart_s: float) -> None:
    """A clip a quarter of a percent fast or slow, long enough to be out by 20 s."""
    for number in range(0, 20_000, 200):
        bench.now_s += 200 * (apart_s - 0.4) + 80 - apart_s
        bench.told(range(number, number + 1), lambda _: 0.0, apart_s)
    assert bench.outbox.malformed == {}


def moved(number: int) -> float:
    """A hand on the clip, and then another angle."""
    if 75 <= number < 85:
        return 14.0 if number % 2 else -14.0
    return 0.0 if number < 75 else 44.0


def breathing(bench: Bench, numbers: range) -> None:
    bench.told(numbers, lambda number: moved(number) + 0.3 * math.sin(0.6 * number))


def test_a_clip_that_was_moved_stays_so_over_a_boot_until_it_is_calibrated(bench: Bench) -> None:
    breathing(bench, range(280))
    assert bench.judging.slipped
    batch = bench.outbox.next_batch(1000)
    assert batch is not None
    assert [row.record["kind"] for row in batch.rows].count("slipped") == 1
    for boot, calibration, slipped in (
        ("00112233445566ab", CALIBRATION, True),
        ("00112233445566ac", replace(CALIBRATION, version=2), False),
        ("00112233445566ad", replace(CALIBRATION, version=2), False),
    ):
        bench.judging.begin(boot, 0, PERIOD_US, Thresholds(), calibration, paused=False)
        assert bench.judging.slipped is slipped


def test_a_clip_that_has_not_measured_its_interval_is_judged_once_it_has(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.judging.begin("00112233445566bb", 0, 0, Thresholds(), CALIBRATION, paused=False)
    bench.judging.packet(packet(0, 0.0))
    assert bench.judging.judgement is None
    bench.judging.set_period(PERIOD_US)
    assert bench.told(range(1, 10), lambda _: 0.0)[-1].category == code.UPRIGHT
    bench.outbox.close()


def test_a_clip_whose_orientation_never_settles_piles_nothing_up(bench: Bench) -> None:
    def unsettled(number: int) -> bytes:
        data = bytearray(packet(number, 0.0) + bytes(wire.TRAILER_SIZE))
        flags, t_ms = wire.FLAG_UNSETTLED | wire.FLAG_TRAILER, number * PACKET * PERIOD_US // 1000
        wire.pack_header(data, flags, PACKET, number & 0xFFFF, t_ms & 0xFFFF, t_ms >> 16)
        wire.pack_trailer(data, len(data) - wire.TRAILER_SIZE, 0, 0, 0, 0, 30)
        return bytes(data)

    before = bench.judging.state
    for number in range(100):
        bench.now_s += 0.4
        samples = bench.judging.packet(unsettled(number))
        assert samples is not None
        assert not len(samples.t_ms)
    assert bench.judging.state == before
