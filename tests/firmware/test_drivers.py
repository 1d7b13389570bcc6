"""The drivers against register files."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from firmware.clip import haptic_drv2605l as haptic
from firmware.clip import imu_lsm6dsox as imu
from firmware.clip.protocol import status


def load_chips() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fake_chips", Path(__file__).parent / "fakes" / "chips.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


chips: Any = load_chips()


class Sink:
    def __init__(self) -> None:
        self.samples: list[tuple[int, ...]] = []
        self.celsius: list[int] = []

    def sample(self, *raw: int) -> None:
        self.samples.append(raw)

    def temperature(self, celsius: int) -> None:
        self.celsius.append(celsius)


@pytest.fixture
def bus() -> Any:
    return chips.I2C(chips.Clock(), chips.Wearer(lambda _: 20.0, breathing=0.0))


def test_the_sensor_is_set_up_as_the_datasheet_says(bus: Any) -> None:
    imu.Lsm6dsox(bus).start()
    registers = bus.imu
    assert registers[0x10] == 0b0100_11_00  # accelerometer 104 Hz, 8 g
    assert registers[0x11] == 0b0100_11_00  # gyroscope 104 Hz, 2000 deg/s
    assert registers[0x12] == 0b0100_0100  # block data update, address increment
    assert registers[0x09] == 0x44  # both batched at 104 Hz
    assert registers[0x0A] & 7 == 6  # continuous
    assert (imu.Lsm6dsox.acc_lsb_ug, imu.Lsm6dsox.gyro_lsb_udps) == (244, 70_000)
    assert (status.ACC_RANGE_G, status.GYRO_RANGE_DPS) == (8, 2000)


def test_samples_are_read_in_bursts_into_one_buffer(bus: Any) -> None:
    sensor = imu.Lsm6dsox(bus)
    sensor.start()
    buffer = sensor.buffer
    bus.clock.now = 1_000
    sink = Sink()
    words = sensor.level()
    assert words == 2 * 104 + 1  # and one temperature
    while words:
        count = sensor.read(words)
        assert count <= imu.BURST_WORDS
        sensor.decode(count, sink)
        words -= count
    assert sensor.buffer is buffer
    assert len(sink.samples) == 104
    assert sink.celsius == [31]
    ax, ay, az, gx, _, _ = sink.samples[-1]
    assert (ax, gx) == (0, 0)
    assert ay * 0.000244 == pytest.approx(0.9397, abs=2e-4)
    assert az * 0.000244 == pytest.approx(-0.342, abs=2e-4)


def test_a_word_that_is_missing_costs_its_sample_only(bus: Any) -> None:
    sensor = imu.Lsm6dsox(bus)
    # (tag, time slot): the gyroscope of slot 1 and the accelerometer of slot 2 are missing.
    words = [(1, 0), (2, 0), (2, 1), (1, 2), (2, 3), (1, 3), (7, 3)]
    for i, (tag, slot) in enumerate(words):
        sensor.buffer[i * 7 : i * 7 + 7] = bytes([tag << 3 | slot << 1]) + struct.pack("<3h", slot + 1, -slot, tag)
    sink = Sink()
    assert sensor.decode(len(words), sink) == 2
    assert sink.samples == [(1, 0, 2, 1, 0, 1), (4, -3, 2, 4, -3, 1)]


def test_an_overrun_is_noticed(bus: Any) -> None:
    sensor = imu.Lsm6dsox(bus)
    sensor.start()
    bus.clock.now = 5_000
    assert sensor.level() == 512
    assert sensor.overrun


def test_another_chip_and_no_chip_are_told_apart(bus: Any) -> None:
    bus.imu[0x0F] = 0x69
    with pytest.raises(imu.ImuError, match="0x69"):
        imu.Lsm6dsox(bus).start()
    bus.imu_alive = False
    with pytest.raises(OSError, match="19"):
        imu.Lsm6dsox(bus).start()


def test_the_motor_plays_a_sequence_and_says_when_it_is_done(bus: Any) -> None:
    motor = haptic.Drv2605l(bus)
    motor.start()
    assert bus.haptic[0x01] == 0x40
    assert not motor.poll()
    motor.play(haptic.REMINDER, 100, 0)
    assert (bus.haptic[0x01], bus.haptic[0x03], bus.haptic[0x1A]) == (0, 1, 0x36)
    assert bus.go == [(0, bytes([47, 0x8F, 47, 0, 0, 0, 0, 0]))]
    assert motor.poll()
    bus.clock.now = 700
    assert not motor.poll()
    assert bus.haptic[0x01] == 0x40


def test_a_haptic_chip_that_is_another_or_missing(bus: Any) -> None:
    bus.haptic[0] = 0x20
    with pytest.raises(OSError, match="0x20"):
        haptic.Drv2605l(bus).start()
    bus.haptic_alive = False
    with pytest.raises(OSError, match="19"):
        haptic.Drv2605l(bus).start()
