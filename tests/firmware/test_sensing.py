"""The sensor is looked after, and what is told of it leaves room in the journal for the wearer's own records."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.clip.protocol import records
from firmware.clip.recorder import Recorder
from firmware.clip.sensing import Sensing

TICK_MS = 40
HOUR_MS = 3_600_000


class Imu:
    rate_mhz = 104_000
    acc_lsb_ug = 244
    gyro_lsb_udps = 70_000
    saturated = 32_000
    overrun = False

    def __init__(self, *, there: bool) -> None:
        self.there = there
        self.waiting = 0
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        if not self.there:
            raise OSError(19)

    def level(self) -> int:
        if not self.there:
            raise OSError(19)
        return self.waiting

    def read(self, words: int) -> int:
        return words

    def decode(self, words: int, sink: Any) -> int:
        for _ in range(words // 2):
            sink.sample(0, 4098, 0, 0, 0, 0)
        return words // 2


class Fusion:
    settled = False
    w = x = y = z = 0

    def reset(self) -> None:
        pass

    def update(self, *sample: int) -> None:
        pass


class Sink:
    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def orientation(self, builder: Any) -> None:
        pass

    def packet(self, buffer: bytearray, length: int) -> None:
        pass

    def imu_lost(self, now_ms: int) -> None:
        self.told.append(("lost", now_ms))

    def imu_back(self, now_ms: int) -> None:
        self.told.append(("back", now_ms))


@pytest.mark.parametrize("there", [False, True], ids=["it does not answer", "it answers and never samples"])
def test_a_sensor_that_gives_nothing_is_told_of_once_and_tried_every_second(there: bool) -> None:
    imu, sink = Imu(there=there), Sink()
    sensing = Sensing(imu, Fusion(), sink)
    for now in range(0, HOUR_MS, TICK_MS):
        sensing.poll(now)
    assert [what for what, _ in sink.told] == ["lost"]
    assert HOUR_MS / 2_200 < imu.starts <= HOUR_MS / 1_000 + 1


def test_it_is_back_when_it_samples() -> None:
    imu, sink = Imu(there=True), Sink()
    sensing = Sensing(imu, Fusion(), sink)
    for now in range(0, 30_000, TICK_MS):
        imu.waiting = 8 if now >= 20_000 else 0
        sensing.poll(now)
    assert [what for what, _ in sink.told] == ["lost", "back"]
    assert 20_000 <= sink.told[1][1] <= 21_100
    assert sensing.ok


def test_a_loose_wire_leaves_the_journal_its_room() -> None:
    """A day of ten hours has at most 190 events beside its minutes (see the firmware's README)."""

    class Journal:
        overwritten = 0

        def __init__(self) -> None:
            self.kept: list[Any] = []

        def append(self, record: bytes) -> None:
            self.kept.append(records.parse(record))

    journal = Journal()
    recorder = Recorder(bytes(8), journal, lambda: (1, 1))
    for now in range(0, 10 * HOUR_MS, 3_000):
        recorder.event(records.IMU_LOST, now)
        recorder.event(records.IMU_BACK, now + 1_500)
        if now % HOUR_MS == 0:
            recorder.event(records.PAUSED, now, 5)
    kinds = [fields["kind"] for fields in journal.kept]
    assert kinds.count(records.PAUSED) == 10
    assert kinds.count(records.IMU_LOST) == kinds.count(records.IMU_BACK) == 80
    assert len(kinds) <= 190
