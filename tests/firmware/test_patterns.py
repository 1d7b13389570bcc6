"""Haptic patterns as a chip plays them: any two can be told apart by time alone."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from firmware.clip import haptic_drv2605l as haptic
from firmware.virtual.drv2605l import Drv2605l, effect_ms

NAMES = {haptic.REMINDER: "reminder", haptic.CONFIRM: "confirm", haptic.CALIBRATED: "calibrated"}
NAMES |= {haptic.REFUSED: "refused", haptic.LOW_BATTERY: "low battery", haptic.LINKED: "linked"}
NAMES |= {haptic.ALONE: "alone", haptic.TICK: "tick"}
TIMES = 1.5
APART_MS = 60
STRENGTHS = (100, 80, 60, 40, 20, 0)
Shape = tuple[int, ...]


def shape(slots: bytes) -> Shape:
    """Milliseconds on, off, on ... of a sequence, by the chip's own lengths."""
    on_off: list[int] = []
    for slot in slots:
        if slot == 0:
            break
        if slot & 0x80:
            on_off.append(10 * (slot & 0x7F))
        else:
            on_off.append(effect_ms(slot))
    return tuple(on_off)


def clearly_other(a: Shape, b: Shape) -> bool:
    """Another number of pulses, or one that is by half and by 60 ms longer, or so much later."""
    if len(a) != len(b):
        return True
    return any(max(x, y) >= TIMES * min(x, y) and abs(x - y) >= APART_MS for x, y in zip(a, b, strict=True))


def every_pattern(strength: int) -> dict[str, Shape]:
    reminders = {f"rhythm {n}": shape(haptic.sequence(haptic.REMINDER, strength, n)) for n in range(8)}
    others = {name: shape(haptic.sequence(p, strength, 0)) for p, name in NAMES.items() if p != haptic.REMINDER}
    return reminders | others


@pytest.mark.parametrize("strength", STRENGTHS)
def test_any_two_patterns_differ(strength: int) -> None:
    for (one, a), (other, b) in itertools.combinations(every_pattern(strength).items(), 2):
        assert clearly_other(a, b), (one, a, other, b)


def test_the_measure_of_difference_can_fail() -> None:
    assert not clearly_other((120, 150, 120), (120, 180, 120))
    assert not clearly_other((60,), (80,))
    assert clearly_other((60,), (120,))
    assert clearly_other((120,), (120, 150, 120))


@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_wearers_strength_is_that_of_buzz_and_click(strength: int) -> None:
    buzz, _, click = haptic.sequence(haptic.REMINDER, strength, 5)[:3]
    assert buzz == 47 + min(4, (100 - strength) // 20)
    assert click in (1, 2, 3)
    assert click <= haptic.sequence(haptic.REMINDER, max(0, strength - 20), 5)[2]


@pytest.mark.parametrize("pattern", sorted(NAMES))
def test_a_chip_plays_it_and_then_sleeps(pattern: int) -> None:
    chip = Drv2605l()
    bus = Bus(chip)
    driver = haptic.Drv2605l(bus)
    driver.start()
    assert bus.asleep
    driver.play(pattern, 100, 0)
    assert not bus.asleep
    assert sum(shape(haptic.sequence(pattern, 100, 0))) == chip.log[-1].duration_ms
    bus.now_us = 1000 * (chip.log[-1].duration_ms - 1)
    assert driver.poll()
    bus.now_us += 1000
    assert not driver.poll()
    assert bus.asleep


def test_no_pattern_lasts_as_long_as_the_motor_waits_for_one() -> None:
    assert max(sum(a) for strength in STRENGTHS for a in every_pattern(strength).values()) < 2_500


def test_an_unknown_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="pattern 8"):
        haptic.sequence(8, 100, 0)


def test_the_readme_has_every_pattern() -> None:
    text = (Path(__file__).parents[2] / "firmware" / "README.md").read_text()
    table = text.split("| pattern |")[1].split("\n\n")[0]
    rows = dict(re.findall(r"^\| (\d) ([a-z ]+) \|", table, re.MULTILINE))
    assert {int(number): name for number, name in rows.items()} == NAMES


class Bus:
    """The chip as its driver reaches it."""

    def __init__(self, chip: Drv2605l) -> None:
        self._chip = chip
        self.now_us = 0

    @property
    def asleep(self) -> bool:
        return bool(self._chip.read(1, 1, self.now_us)[0] & 0x40)

    def readfrom_mem(self, _address: int, register: int, n: int) -> bytes:
        return self._chip.read(register, n, self.now_us)

    def readfrom_mem_into(self, _address: int, register: int, buf: bytearray) -> None:
        buf[:] = self._chip.read(register, len(buf), self.now_us)

    def writeto_mem(self, _address: int, register: int, data: bytes) -> None:
        self._chip.write(register, bytes(data), self.now_us)
