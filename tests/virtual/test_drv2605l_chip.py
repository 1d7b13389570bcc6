"""The simulated haptic driver, register by register."""

from __future__ import annotations

import pytest

from firmware.virtual.drv2605l import Drv2605l, MotorEvent, effect_ms

MODE, SEQUENCE, GO = 0x01, 0x04, 0x0C
MS = 1000


@pytest.fixture
def chip() -> Drv2605l:
    return Drv2605l()


def test_identity_and_defaults(chip: Drv2605l) -> None:
    assert chip.read(0x00, 1, 0)[0] >> 5 == 7
    assert chip.read(MODE, 1, 0) == b"\x40"
    chip.write(0x00, b"\x00", 0)
    assert chip.read(0x00, 1, 0)[0] >> 5 == 7
    with pytest.raises(OSError, match="register"):
        chip.read(0x22, 2, 0)


def test_go_clears_itself_after_the_waveform(chip: Drv2605l) -> None:
    chip.write(MODE, b"\x00", 0)
    chip.write(SEQUENCE, bytes([47, 0x80 | 15, 47, 0, 47]), 0)
    started = chip.write(GO, b"\x01", 2000 * MS)
    length = 2 * effect_ms(47) + 150
    assert started == (2000 * MS, (2000 + length) * MS)
    assert chip.read(GO, 1, (2000 + length - 1) * MS) == b"\x01"
    assert chip.read(GO, 1, (2000 + length) * MS) == b"\x00"
    assert chip.log == [MotorEvent(2000, (47, 47), length)]


def test_nothing_runs_in_standby_or_with_an_empty_sequence(chip: Drv2605l) -> None:
    assert chip.write(GO, b"\x01", 0) is None
    assert not chip.running(0)
    chip.write(MODE, b"\x00", 0)
    chip.write(SEQUENCE, b"\x00", 0)
    assert chip.write(GO, b"\x01", 0) is None
    assert not chip.running(1)
    assert chip.log == []


def test_clearing_go_stops_the_motor(chip: Drv2605l) -> None:
    chip.write(MODE, b"\x00", 0)
    chip.write(SEQUENCE, bytes([118]), 0)
    chip.write(GO, b"\x01", 0)
    assert chip.running(5000 * MS)
    chip.write(GO, b"\x00", 5000 * MS)
    assert not chip.running(5000 * MS)


def test_a_second_go_replaces_the_first(chip: Drv2605l) -> None:
    chip.write(MODE, b"\x00", 0)
    chip.write(SEQUENCE, bytes([16]), 0)
    chip.write(GO, b"\x01", 0)
    chip.write(GO, b"\x01", 500 * MS)
    assert chip.running(1400 * MS)
    assert [event.t_ms for event in chip.log] == [0, 500]


@pytest.mark.parametrize(("mode", "length_ms"), [(6, 250), (7, 1000)])
def test_diagnostics_and_calibration_end_by_themselves_and_are_no_reminders(
    chip: Drv2605l, mode: int, length_ms: int
) -> None:
    chip.fault = True
    chip.write(MODE, bytes([mode]), 0)
    chip.write(GO, b"\x01", 0)
    assert chip.running((length_ms - 1) * MS)
    assert not chip.running(length_ms * MS)
    assert chip.read(0x00, 1, 0)[0] & 0x08
    assert chip.log == []


def test_device_reset(chip: Drv2605l) -> None:
    chip.write(MODE, b"\x00", 0)
    chip.write(MODE, b"\x80", 0)
    assert chip.read(MODE, 1, 0) == b"\x40"


@pytest.mark.parametrize("effect", range(1, 124))
def test_every_effect_has_a_length(effect: int) -> None:
    assert 0 < effect_ms(effect) <= 10_000
