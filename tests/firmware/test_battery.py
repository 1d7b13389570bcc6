"""The charge that is shown: steady under noise and load, one warning in a discharge."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip.battery import Battery, percent

PERIOD_MS = 30_000


class Adc:
    """Half of a cell's voltage, with noise of each reading in mV of the cell."""

    def __init__(self, millivolts: float = 4_200, noise_mv: float = 0, seed: int = 0) -> None:
        self.millivolts = millivolts
        self._noise_mv = noise_mv
        self._random = random.Random(seed)

    def read_uv(self) -> int:
        return round((self.millivolts + self._random.uniform(-self._noise_mv, self._noise_mv)) * 500)


def lived(battery: Battery, adc: Adc, millivolts: list[float], now_ms: int = 0) -> tuple[list[int], list[int]]:
    """What is shown after each measurement, and at which of them it warned."""
    shown, warned = [], []
    for n, level in enumerate(millivolts):
        adc.millivolts = level
        if battery.poll(now_ms + n * PERIOD_MS, loaded=False):
            warned.append(n)
        shown.append(battery.percent)
    return shown, warned


@given(st.integers(0, 6_000))
def test_the_curve_rises_from_empty_to_full(millivolts: int) -> None:
    assert 0 <= percent(millivolts) <= percent(millivolts + 1) <= 100


@given(st.integers(0, 10_000), st.sampled_from([5.0, 12.0, 20.0]), st.integers(3_650, 4_150))
def test_it_only_falls_while_the_cell_does(seed: int, noise_mv: float, start_mv: int) -> None:
    adc = Adc(noise_mv=noise_mv, seed=seed)
    shown, warned = lived(Battery(adc), adc, [start_mv - 0.4 * n for n in range(800)])
    assert shown == sorted(shown, reverse=True)
    assert len(warned) <= 1


@given(st.integers(0, 10_000), st.integers(3_600, 4_180))
def test_a_cell_that_does_nothing_is_shown_so(seed: int, millivolts: int) -> None:
    adc = Adc(noise_mv=20, seed=seed)
    shown, _ = lived(Battery(adc), adc, [float(millivolts)] * 600)
    turns = [b - a for a, b in itertools.pairwise(shown) if a != b]
    assert all(turn < 0 for turn in turns) or all(turn > 0 for turn in turns)
    assert abs(shown[-1] - percent(millivolts)) <= 6


def test_on_a_charger_it_rises_and_when_it_is_taken_off_it_falls() -> None:
    adc = Adc()
    battery = Battery(adc)
    up = [3_700 + 5.0 * n for n in range(97)]
    shown, _ = lived(battery, adc, up)
    assert shown == sorted(shown)
    assert shown[-1] >= 97
    down, _ = lived(battery, adc, [*reversed(up), *[up[0]] * 20], 1_000 * PERIOD_MS)
    assert down[2:] == sorted(down[2:], reverse=True), "the smoothed voltage still rises for a moment"
    assert down[-1] <= 25


def test_one_warning_until_it_has_been_charged() -> None:
    adc = Adc()
    battery = Battery(adc)
    falls = [3_800 - 2.0 * n for n in range(120)]
    _, warned = lived(battery, adc, falls)
    assert len(warned) == 1
    assert battery.low
    _, warned = lived(battery, adc, [3_680.0] * 40 + falls[60:], 1_000 * PERIOD_MS)
    assert not warned, "20 % is not charged"
    _, warned = lived(battery, adc, [3_900.0] * 40 + falls, 2_000 * PERIOD_MS)
    assert len(warned) == 1


def test_a_restart_does_not_warn_again() -> None:
    adc = Adc(3_620)
    battery = Battery(adc)
    battery.low = True  # as it was kept
    assert lived(battery, adc, [3_620.0] * 5)[1] == []
    assert battery.low


def test_it_measures_not_while_the_motor_pulls() -> None:
    adc = Adc(3_500)
    battery = Battery(adc)
    assert not battery.poll(0, loaded=True)
    assert (battery.millivolts, battery.percent) == (0, 100)
    battery.poll(40, loaded=False)
    assert battery.millivolts == 3_500


@pytest.mark.parametrize("adc", [None, Adc(0), Adc(180)])
def test_without_a_divider_there_is_no_warning(adc: Adc | None) -> None:
    battery = Battery(adc)
    assert not any(battery.poll(n * PERIOD_MS, loaded=False) for n in range(5))
    assert (battery.millivolts, battery.percent, battery.low) == (0, 100, False)
