"""The simulated sensor, register by register, with a small reference driver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware.virtual.lsm6dsox import FIFO_WORDS, IDEAL, Imperfections, Lsm6dsox
from firmware.virtual.motion import Recording, Still

TAG_GYRO, TAG_ACC, TAG_TEMP, TAG_TIMESTAMP = 1, 2, 3, 4
SECOND = 1_000_000


class Driver:
    """What a driver does, in a few lines."""

    def __init__(self, chip: Lsm6dsox) -> None:
        self.chip = chip

    def write(self, register: int, *values: int, at: int = 0) -> None:
        self.chip.write(register, bytes(values), at)

    def read(self, register: int, n: int, at: int = 0) -> bytes:
        return self.chip.read(register, n, at)

    def start(
        self, *, acc: int = 0x4C, gyro: int = 0x48, fifo: tuple[int, ...] = (8, 0, 0x44, 0x06), at: int = 0
    ) -> None:
        self.write(0x12, 0x44, at=at)
        self.write(0x10, acc, gyro, at=at)
        self.write(0x07, *fifo, at=at)

    def level(self, at: int) -> tuple[int, int]:
        low, high = self.read(0x3A, 2, at)
        return low | (high & 3) << 8, high

    def words(self, at: int, n: int | None = None) -> list[tuple[int, int, bytes]]:
        n = self.level(at)[0] if n is None else n
        data = self.read(0x78, 7 * n, at)
        assert len(data) == 7 * n
        out = []
        for i in range(n):
            tag = data[7 * i]
            assert tag.bit_count() % 2 == 0, "parity"
            out.append((tag >> 3, (tag >> 1) & 3, data[7 * i + 1 : 7 * i + 7]))
        return out


def i16(data: bytes) -> list[int]:
    return [int(v) for v in np.frombuffer(data, "<i2")]


@pytest.fixture
def chip() -> Lsm6dsox:
    return Lsm6dsox(Still((0.6, 0.0, 0.8), celsius=31.5), imperfections=IDEAL)


def test_identity_and_defaults(chip: Lsm6dsox) -> None:
    driver = Driver(chip)
    assert driver.read(0x0F, 1) == b"\x6c"
    assert driver.read(0x12, 1) == b"\x04"
    driver.write(0x0F, 0x00)
    assert driver.read(0x0F, 1) == b"\x6c"
    driver.write(0x10, 0x4C)
    driver.write(0x12, 0x01)
    assert driver.read(0x10, 1) == b"\x00"
    assert driver.level(SECOND) == (0, 0)


def test_reading_beyond_the_registers_is_an_error(chip: Lsm6dsox) -> None:
    with pytest.raises(OSError, match="register"):
        chip.read(0x70, 0x20, 0)


@pytest.mark.parametrize(("code", "hz"), [(1, 12.5), (2, 26), (3, 52), (4, 104), (5, 208), (6, 417)])
def test_rates(chip: Lsm6dsox, code: int, hz: float) -> None:
    driver = Driver(chip)
    driver.start(acc=code << 4, gyro=0, fifo=(0, 0, code, 0x06))
    n, _ = driver.level(SECOND)
    assert n == int(hz)


@pytest.mark.parametrize(("fs", "lsb"), [(0, 0.061e-3), (1, 0.488e-3), (2, 0.122e-3), (3, 0.244e-3)])
def test_accelerometer_ranges(chip: Lsm6dsox, fs: int, lsb: float) -> None:
    driver = Driver(chip)
    driver.start(acc=0x40 | fs << 2)
    acc = [data for tag, _, data in driver.words(SECOND // 10) if tag == TAG_ACC]
    assert i16(acc[0]) == [round(0.6 / lsb), 0, round(0.8 / lsb)]
    assert i16(driver.read(0x28, 6, SECOND // 10)) == i16(acc[-1])


@pytest.mark.parametrize(("bits", "lsb"), [(0x2, 4.375e-3), (0x0, 8.75e-3), (0x4, 17.5e-3), (0x8, 35e-3), (0xC, 70e-3)])
def test_gyroscope_ranges_and_saturation(bits: int, lsb: float) -> None:
    t = np.array([0.0, 10.0])
    rates = np.array([[100.0, -3000.0, 0.0]] * 2)
    chip = Lsm6dsox(Recording(t, np.zeros((2, 3)), rates), imperfections=IDEAL)
    driver = Driver(chip)
    driver.start(gyro=0x40 | bits)
    gyro = [data for tag, _, data in driver.words(SECOND // 10) if tag == TAG_GYRO]
    assert i16(gyro[0]) == [round(100 / lsb), -32768, 0]


def test_words_come_in_pairs_of_one_tag_count(chip: Lsm6dsox) -> None:
    driver = Driver(chip)
    driver.start()
    words = driver.words(SECOND)
    assert len(words) == 2 * 104
    for i in range(0, len(words), 2):
        assert (words[i][0], words[i + 1][0]) == (TAG_GYRO, TAG_ACC)
        assert words[i][1] == words[i + 1][1] == (i // 2 + 1) % 4


def test_watermark_flag_and_pin(chip: Lsm6dsox) -> None:
    driver = Driver(chip)
    driver.start(fifo=(8, 0, 0x44, 0x06))
    driver.write(0x0D, 0x08)
    just_before = int(4 * SECOND / 104) - 100
    assert driver.level(just_before) == (6, 0)
    assert chip.interrupt(1, just_before) == 0
    after = just_before + 200
    assert driver.level(after) == (8, 0x80)
    assert chip.interrupt(1, after) == 1
    assert chip.interrupt(2, after) == 0
    driver.words(after)
    assert driver.level(after) == (0, 0)
    assert chip.interrupt(1, after) == 0


def test_a_full_fifo_overwrites_the_oldest_and_says_so(chip: Lsm6dsox) -> None:
    driver = Driver(chip)
    driver.start(fifo=(8, 0, 0x44, 0x06))
    n, flags = driver.level(10 * SECOND)
    assert n == FIFO_WORDS
    assert flags & 0x68 == 0x68  # overrun, full, overrun latched
    assert driver.level(10 * SECOND)[1] & 0x08 == 0, "reading clears the latch"
    assert chip.overruns == 2 * 1040 - FIFO_WORDS
    assert len(driver.words(10 * SECOND)) == FIFO_WORDS
    assert driver.level(10 * SECOND) == (0, 0)


def test_fifo_mode_stops_when_full_and_bypass_empties(chip: Lsm6dsox) -> None:
    driver = Driver(chip)
    driver.start(fifo=(8, 0, 0x44, 0x01))
    assert driver.level(10 * SECOND)[0] == FIFO_WORDS
    assert chip.overruns == 0
    driver.write(0x0A, 0x00, at=10 * SECOND)
    assert driver.level(11 * SECOND) == (0, 0)


def test_temperature_and_timestamp_words(chip: Lsm6dsox) -> None:
    driver = Driver(chip)
    driver.write(0x19, 0x20)
    driver.start(fifo=(8, 0, 0x44, 0x56))
    words = driver.words(3 * SECOND // 2)
    temperatures = [i16(data[:2])[0] for tag, _, data in words if tag == TAG_TEMP]
    assert temperatures == [round(6.5 * 256)] * 3  # at 0, 0.625 and 1.25 s
    stamps = [int.from_bytes(data[:4], "little") for tag, _, data in words if tag == TAG_TIMESTAMP]
    assert len(stamps) == 156
    assert np.all(np.abs(np.diff(stamps) - 1e6 / 104 / 25) <= 1)
    assert i16(driver.read(0x20, 2, 2 * SECOND)) == [round(6.5 * 256)]


def test_imperfections_are_seeded_and_of_the_right_size() -> None:
    def record(seed: int) -> tuple[NDArray[np.float64], int]:
        chip = Lsm6dsox(Still(celsius=25.0), imperfections=Imperfections(), seed=seed)
        driver = Driver(chip)
        driver.start()
        data = []
        for second in range(1, 31):
            for half in (0, 1):
                data += [i16(d) for tag, _, d in driver.words(second * SECOND + half * SECOND // 2) if tag == TAG_ACC]
        return np.asarray(data, dtype=np.float64) * 0.244e-3, len(data)

    first, n = record(1)
    assert np.array_equal(first, record(1)[0])
    assert not np.array_equal(first, record(2)[0])
    assert np.allclose(first.mean(axis=0), [0.008, -0.006, 1.012], atol=2e-4)
    expected = 70e-6 * np.sqrt(52)
    assert np.all(np.abs(first.std(axis=0) - np.hypot(expected, 0.244e-3 / np.sqrt(12))) < 0.1 * expected)
    assert n == int(30.5 * 104 * 1.004)


def test_the_motor_shakes_the_sensor_while_it_runs(chip: Lsm6dsox) -> None:
    driver = Driver(chip)
    driver.start()
    chip.vibrate(0.4e6, 0.6e6, 1.0)
    samples = np.asarray([i16(data) for tag, _, data in driver.words(SECOND) if tag == TAG_ACC]) * 0.244e-3
    t = np.arange(1, 105) / 104
    shaken = (t >= 0.4) & (t < 0.6)
    assert samples[shaken, 0].std() > 0.2
    assert samples[~shaken, 0].std() < 1e-6


@given(st.lists(st.integers(1, 700_000), min_size=1, max_size=40))
def test_samples_do_not_depend_on_when_they_are_read(steps: list[int]) -> None:
    t = np.linspace(0, 40, 400)
    acc = np.column_stack([np.sin(t), np.cos(t), t / 40])
    motion = Recording(t, acc, 50 * acc)

    def read(times: list[int]) -> list[tuple[int, int, bytes]]:
        driver = Driver(Lsm6dsox(motion, seed=3))
        driver.start()
        return [word for at in times for word in driver.words(at)]

    times = [int(v) for v in np.cumsum(steps)]
    fine = sorted({*times, *range(100_000, times[-1], 100_000), times[-1]})
    assert read(times) == read(fine)
