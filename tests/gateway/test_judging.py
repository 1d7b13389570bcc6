"""What the gateway tells the clip of a stream with holes."""

from __future__ import annotations

import math
from collections.abc import Callable
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


@pytest.fixture
def judging(tmp_path: Path) -> Judging:
    outbox = Outbox(tmp_path / "outbox.db", lambda: 0)
    made = Judging(Ledger(outbox, "aa" * 8), lambda: 0, lambda: None)
    made.begin(BOOT, PERIOD_US, Thresholds(), CALIBRATION, paused=False)
    return made


def told(judging: Judging, numbers: range, lean: Callable[[int], float]) -> list[Judgement]:
    said = []
    for number in numbers:
        judging.packet(packet(number, lean(number)))
        assert judging.judgement is not None
        said.append(judging.judgement)
    return said


def slouches_from(start: int) -> Callable[[int], float]:
    return lambda number: 20.0 if number >= start else 0.0


def test_a_slouch_that_a_lost_second_cuts_keeps_its_start(judging: Judging) -> None:
    before = told(judging, range(50), slouches_from(25))[-1]
    assert before.category == code.SLOUCHED
    after = told(judging, range(52, 60), slouches_from(25))  # 800 ms are missing
    assert code.UPRIGHT not in {one.category for one in after}
    assert {one.since_ms for one in after if one.category == code.SLOUCHED} == {before.since_ms}


@pytest.mark.parametrize("back", [62, 63, 64, 65, 66])
def test_a_new_connection_names_one_start_however_it_falls_into_the_second(judging: Judging, back: int) -> None:
    """Or the clip would take the later one for a recovery, and begin the dwell anew."""
    told(judging, range(50), slouches_from(25))
    judging.begin(BOOT, PERIOD_US, Thresholds(), CALIBRATION, paused=False)
    after = [one for one in told(judging, range(back, 75), slouches_from(25)) if one.category == code.SLOUCHED]
    assert len({one.since_ms for one in after}) == 1


def test_a_recovery_begins_anew(judging: Judging) -> None:
    told(judging, range(50), slouches_from(25))
    told(judging, range(50, 56), lambda _: 0.0)
    again = told(judging, range(56, 66), lambda _: 20.0)[-1]
    assert again.category == code.SLOUCHED
    assert again.since_ms == pytest.approx(56 * 400, abs=250)
