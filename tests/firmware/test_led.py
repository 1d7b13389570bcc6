"""The light: when it flashes, and that it stays dark otherwise."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip.led import FLASH_MS, Led, period_ms


@pytest.mark.parametrize(
    ("on", "pairing", "low", "update", "period"),
    [
        (0, False, False, False, 0),
        (0, False, True, True, 0),
        (0, True, True, True, 240),
        (1, False, False, False, 0),
        (1, True, False, True, 240),
        (1, False, True, True, 5_000),
        (1, False, False, True, 2_000),
    ],
)
def test_how_often(on: int, pairing: bool, low: bool, update: bool, period: int) -> None:
    assert period_ms(on, pairing, low, update) == period


@given(st.sampled_from([0, 240, 2_000, 5_000]), st.lists(st.integers(1, 200), min_size=1, max_size=200))
def test_a_flash_each_period_and_never_more(period: int, rounds: list[int]) -> None:
    levels: list[int] = []
    light = Led(levels.append)
    now, flashes = 0, list[int]()
    for wait in rounds:
        now += wait
        light.step(now, period)
        if light.lit:
            flashes.append(now)
        light.off()
    assert levels == [1, 0] * len(flashes)
    if not period:
        assert not flashes
    else:
        apart = [b - a for a, b in itertools.pairwise(flashes)]
        assert all(period <= gap < period + 200 for gap in apart)
        assert len(flashes) >= now // (period + 200)


def test_a_board_without_a_light() -> None:
    light = Led(None)
    light.flash(5)
    assert not light.lit
    light.off()
    assert FLASH_MS * 100 < 5_000, "a flash is a small part of the time even of the fastest that lasts"
