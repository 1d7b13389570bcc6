"""The light: when it flashes, and that it stays dark otherwise."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from firmware.clip.led import Led

PERIODS = {
    # the wearer's setting, pairing, battery low, update waits
    (0, False, False, False): 0,
    (0, False, True, True): 0,
    (0, True, True, True): 240,
    (1, False, False, False): 0,
    (1, True, False, True): 240,
    (1, False, True, True): 5_000,
    (1, False, False, True): 2_000,
}


@given(st.sampled_from(sorted(PERIODS)), st.lists(st.integers(1, 200), min_size=1, max_size=200))
def test_a_flash_each_period_and_never_more(state: tuple[int, bool, bool, bool], rounds: list[int]) -> None:
    levels: list[int] = []
    light = Led(levels.append)
    now, flashes = 0, list[int]()
    for wait in rounds:
        now += wait
        light.step(now, *state)
        if light.on:
            flashes.append(now)
        light.off()
    assert levels == [1, 0] * len(flashes)
    period = PERIODS[state]
    if not period:
        assert not flashes
    else:
        apart = [b - a for a, b in itertools.pairwise(flashes)]
        assert all(period <= gap < period + 200 for gap in apart)
        assert len(flashes) >= now // (period + 200)


def test_a_board_without_a_light() -> None:
    light = Led(None)
    light.flash(5)
    assert not light.on
    light.off()
    assert not light.on
