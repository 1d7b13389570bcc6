"""Breaks and the longest still bout: what was not seen ends them and never makes them more."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.summaries.stillness import BREAK_S, PAUSE_S, Stillness, stillness
from server.summaries.types import CODE

MOVING, UPRIGHT, SLOUCHED, LYING = CODE["moving"], CODE["upright"], CODE["slouched"], CODE["lying"]
LOST, NOT_WORN, PAUSED, UNCALIBRATED = CODE["lost"], CODE["not_worn"], CODE["paused"], CODE["uncalibrated"]
UNSEEN = {LOST, NOT_WORN, PAUSED, UNCALIBRATED}
START = 1_000_000


def of(*runs: tuple[int, int], shifted: tuple[int, ...] = ()) -> Stillness:
    """Of (seconds, category) one after the other."""
    codes = np.concatenate([np.full(length, code, dtype=np.uint8) for length, code in runs])
    begins = START + 1000 * np.arange(len(codes))
    return stillness(codes, begins, np.array(shifted, dtype=np.int64))


def test_nothing_is_nothing() -> None:
    assert of((0, UPRIGHT)) == Stillness(0, 0, None, cut=False)
    assert of((90, LOST)) == Stillness(0, 0, None, cut=False)


def test_a_bout_is_all_that_is_seen_between_changes() -> None:
    assert of((600, UPRIGHT)) == Stillness(0, 600, START, cut=False)
    assert of((300, UPRIGHT), (200, SLOUCHED), (100, LYING)) == Stillness(0, 600, START, cut=False)
    assert of((600, UPRIGHT), shifted=(200,)) == Stillness(0, 400, START + 200_000, cut=False)
    # Of two equal ones the first.
    assert of((600, UPRIGHT), shifted=(300,)) == Stillness(0, 300, START, cut=False)


@pytest.mark.parametrize(
    ("walks", "breaks", "longest"),
    [
        ([(14, MOVING)], 0, 214),
        ([(15, MOVING)], 1, 100),
        ([(8, MOVING), (5, UPRIGHT), (8, MOVING)], 1, 100),  # a halt
        ([(8, MOVING), (6, UPRIGHT), (8, MOVING)], 0, 222),  # twice a reach
        ([(20, MOVING), (6, UPRIGHT), (20, MOVING)], 2, 100),
        ([(20, MOVING), (5, UPRIGHT), (20, MOVING)], 1, 100),
    ],
)
def test_a_break_is_moving_about_for_a_while(walks: list[tuple[int, int]], breaks: int, longest: int) -> None:
    found = of((100, UPRIGHT), *walks, (100, SLOUCHED))
    assert (found.breaks, found.longest_s) == (breaks, longest)


@pytest.mark.parametrize("code", sorted(UNSEEN))
def test_what_was_not_seen_ends_a_bout(code: int) -> None:
    found = of((100, UPRIGHT), (1, code), (120, UPRIGHT))
    assert found == Stillness(0, 120, START + 101_000, cut=True)
    assert of((100, UPRIGHT), (3600, code), (100, UPRIGHT)).longest_s == 100


def test_moving_beside_a_hole_may_have_been_a_break() -> None:
    assert of((100, UPRIGHT), (9, MOVING), (1, LOST), (9, MOVING), (80, UPRIGHT)) == Stillness(0, 100, START, cut=False)
    assert of((100, UPRIGHT), (9, MOVING), (5, UPRIGHT), (1, LOST), (50, UPRIGHT)).longest_s == 100
    assert of((100, UPRIGHT), (9, MOVING), (6, UPRIGHT), (1, LOST), (50, UPRIGHT)).longest_s == 115


def test_a_walk_with_a_hole_in_it_is_not_two() -> None:
    assert of((20, MOVING), (30, NOT_WORN), (20, MOVING)).breaks == 1
    assert of((20, MOVING), (30, NOT_WORN), (6, UPRIGHT), (20, MOVING)).breaks == 2
    assert of((20, MOVING), (30, NOT_WORN), (5, UPRIGHT), (20, MOVING)).breaks == 1


def test_two_windows_do_not_make_one_bout() -> None:
    codes = np.full(200, UPRIGHT, dtype=np.uint8)
    begins = START + 1000 * np.append(np.arange(120), 5000 + np.arange(80))
    none = np.zeros(0, dtype=np.int64)
    assert stillness(codes, begins, none) == Stillness(0, 120, START, cut=False)
    codes[:] = MOVING
    assert stillness(codes, begins, none).breaks == 1


RUNS = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from([MOVING, MOVING, UPRIGHT, SLOUCHED, LOST, NOT_WORN, UNCALIBRATED])),
    min_size=1,
    max_size=14,
)


def together(seconds: list[int], pause: int, begins: list[int]) -> list[list[int]]:
    """Seconds with at most `pause` between them, one list each."""
    out: list[list[int]] = []
    for i in seconds:
        if out and begins[i] - begins[out[-1][-1]] <= 1000 * (pause + 1):
            out[-1].append(i)
        else:
            out.append([i])
    return out


def slowly(codes: list[int], begins: list[int], shifted: set[int]) -> tuple[int, int]:
    """Breaks and the longest bout, by the words of the definition, a second at a time."""
    pieces = together([i for i, code in enumerate(codes) if code not in UNSEEN], 0, begins)
    breaks: list[tuple[int, int]] = []
    quiet: list[int] = []
    longest = 0
    for piece in pieces:
        barred: set[int] = set()
        for group in together([i for i in piece if codes[i] == MOVING], PAUSE_S, begins):
            first, last = group[0], group[-1]
            if last - first + 1 >= BREAK_S:
                breaks.append((first, last + 1))
                barred |= set(range(first, last + 1))
            if first - piece[0] <= PAUSE_S or piece[-1] - last <= PAUSE_S:
                barred |= set(range(first, last + 1))
        still = rest = 0
        for i in piece:
            rest = 0 if codes[i] == MOVING else rest + 1
            if rest == PAUSE_S + 1:
                quiet.append(i)
            still = 0 if i in barred else 1 if i in shifted else still + 1
            longest = max(longest, still)
    count = sum(any(end <= i < start for i in quiet) for (_, end), (start, _) in pairwise(breaks))
    return count + bool(breaks), longest


@given(RUNS, st.lists(st.integers(0, 300), max_size=4), st.lists(st.integers(1, 300), max_size=2))
def test_it_is_what_the_words_say(runs: list[tuple[int, int]], shifted: list[int], gaps: list[int]) -> None:
    codes = [code for length, code in runs for _ in range(length)]
    begins = [START + 1000 * (i + 500 * sum(gap <= i for gap in gaps)) for i in range(len(codes))]
    cuts = {i for i in shifted if i < len(codes)}
    found = stillness(np.array(codes, dtype=np.uint8), np.array(begins), np.array(sorted(cuts), dtype=np.int64))
    assert (found.breaks, found.longest_s) == slowly(codes, begins, cuts)
    if found.longest_start_ms is not None:
        first = begins.index(found.longest_start_ms)
        bout = range(first, first + found.longest_s)
        assert not UNSEEN & {codes[i] for i in bout}
        assert begins[bout[-1]] - begins[first] == 1000 * (found.longest_s - 1)
        assert not cuts & set(bout[1:])
    else:
        assert found.longest_s == 0


@given(RUNS, st.data())
def test_losing_a_second_never_makes_more_of_either(runs: list[tuple[int, int]], data: st.DataObject) -> None:
    codes = np.array([code for length, code in runs for _ in range(length)], dtype=np.uint8)
    begins = START + 1000 * np.arange(len(codes))
    cuts = np.array(sorted(data.draw(st.sets(st.integers(0, len(codes) - 1), max_size=3))), dtype=np.int64)
    before = stillness(codes, begins, cuts)
    for _ in range(4):
        codes[data.draw(st.integers(0, len(codes) - 1))] = data.draw(st.sampled_from(sorted(UNSEEN)))
        after = stillness(codes, begins, cuts)
        assert after.longest_s <= before.longest_s
        assert after.breaks <= before.breaks
        before = after
