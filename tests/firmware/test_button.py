"""The button's state machine: what a wearer does, and what contacts do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import button

ROUND_MS = 40
BOUNCE_MS = 20
Level = Callable[[int], bool]


def told(pressed: Level, until_ms: int, offset_ms: int = 0, round_ms: int = ROUND_MS) -> list[tuple[int, int]]:
    """(ms, meaning) of everything that it says when it looks every round."""
    machine = button.Button()
    said = [(now, machine.step(pressed(now), now)) for now in range(offset_ms, until_ms, round_ms)]
    return [(now, meaning) for now, meaning in said if meaning != button.NONE]


def meanings(presses: Iterable[tuple[int, int]], **how: int) -> list[int]:
    """What it says of presses from one ms to another."""
    spans = list(presses)
    end = max(end for _, end in spans) + 2_000
    return [what for _, what in told(lambda t: any(a <= t < b for a, b in spans), end, **how)]


@pytest.mark.parametrize(
    ("presses", "meant"),
    [
        ([(1_000, 1_120)], [button.SHORT]),
        ([(1_000, 1_120), (1_280, 1_400)], [button.DOUBLE]),
        ([(1_000, 1_120), (1_280, 1_400), (1_560, 1_700)], [button.DOUBLE, button.SHORT]),
        ([(1_000, 1_120), (2_000, 2_120)], [button.SHORT, button.SHORT]),
        ([(1_000, 2_800)], [button.SHORT]),
        ([(1_000, 3_500)], [button.HELD_LONG, button.LONG]),
        ([(1_000, 1_120), (1_300, 4_000)], [button.HELD_LONG, button.LONG]),
        ([(1_000, 7_500)], [button.HELD_LONG, button.HELD_VERY_LONG, button.VERY_LONG]),
        ([(1_000, 22_000)], [button.HELD_LONG, button.HELD_VERY_LONG]),
        ([(1_000, 22_000), (23_000, 23_120)], [button.HELD_LONG, button.HELD_VERY_LONG, button.SHORT]),
        ([(0, 3_000)], []),  # held at boot
        ([(0, 3_000), (4_000, 4_120)], [button.SHORT]),
    ],
)
def test_what_a_wearer_does(presses: list[tuple[int, int]], meant: list[int]) -> None:
    for offset in range(0, ROUND_MS, 7):
        assert meanings(presses, offset_ms=offset) == meant


def test_the_wearer_is_told_at_two_and_at_six_seconds() -> None:
    said = {what: now for now, what in told(lambda t: t >= 1_000, 9_000)}
    assert said[button.HELD_LONG] in range(1_000 + button.LONG_MS, 1_000 + button.LONG_MS + 2 * ROUND_MS)
    assert said[button.HELD_VERY_LONG] in range(1_000 + button.VERY_LONG_MS, 1_000 + button.VERY_LONG_MS + 2 * ROUND_MS)


EXPECTED = {button.SHORT: [button.SHORT], button.LONG: [button.HELD_LONG, button.LONG]}
EXPECTED[button.VERY_LONG] = [button.HELD_LONG, button.HELD_VERY_LONG, button.VERY_LONG]
LENGTHS = {button.SHORT: (130, 1_800), button.LONG: (2_150, 5_800), button.VERY_LONG: (6_150, 19_000)}


@given(
    st.lists(st.sampled_from(sorted(LENGTHS)), min_size=1, max_size=5),
    st.integers(0, ROUND_MS - 1),
    st.data(),
)
def test_bouncing_contacts_change_nothing(kinds: list[int], offset: int, data: st.DataObject) -> None:
    """At each edge the level is anything for 20 ms."""
    spans, at = [], 1_000
    for kind in kinds:
        length = data.draw(st.integers(*LENGTHS[kind]))
        spans.append((at, at + length))
        at += length + data.draw(st.integers(700, 2_000))
    noise = data.draw(st.randoms(use_true_random=False))

    def level(t: int) -> bool:
        if any(0 <= t - edge < BOUNCE_MS for span in spans for edge in span):
            return noise.random() < 0.5
        return any(a <= t < b for a, b in spans)

    said = [what for _, what in told(level, at + 1_000, offset)]
    assert said == [what for kind in kinds for what in EXPECTED[kind]]


@given(st.lists(st.tuples(st.integers(1, 9_000), st.booleans()), max_size=60))
def test_whatever_comes_it_says_what_it_can_mean(steps: list[tuple[int, bool]]) -> None:
    """Late rounds, noise: a gesture is told when it is let go, and LONG only after its tick."""
    machine = button.Button()
    now, ticked = 0, set[int]()
    for wait, pressed in steps:
        now += wait
        what = machine.step(pressed, now)
        if what in (button.HELD_LONG, button.HELD_VERY_LONG):
            assert pressed
            ticked.add(what)
        elif what == button.LONG:
            assert button.HELD_LONG in ticked
        elif what == button.VERY_LONG:
            assert {button.HELD_LONG, button.HELD_VERY_LONG} <= ticked
        elif what != button.NONE:
            assert not pressed
        if what in (button.LONG, button.VERY_LONG):
            ticked.clear()


@given(st.lists(st.integers(1, 90_000), max_size=60))
def test_a_button_that_is_stuck_from_the_beginning_says_nothing(waits: list[int]) -> None:
    machine = button.Button()
    now = 0
    for wait in waits:
        now += wait
        assert machine.step(True, now) == button.NONE
