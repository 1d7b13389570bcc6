"""The waits between attempts: they double, jitter, have an end, and start over only after a link that held."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.backoff import FIRST_S, LONGEST_S, STABLE_S, BackOff

CHANCES = st.floats(0, 1, exclude_max=True)


@given(st.lists(st.tuples(CHANCES, st.floats(0, STABLE_S, exclude_max=True)), min_size=1, max_size=30))
def test_waits_grow_until_a_link_has_held(failures: list[tuple[float, float]]) -> None:
    chances = iter([chance for chance, _ in failures])
    back_off = BackOff(lambda: next(chances))
    for number, (_, held_s) in enumerate(failures):
        whole = min(FIRST_S * 2**number, LONGEST_S)
        assert whole / 2 <= back_off.wait_s(held_s) <= whole


@given(st.integers(0, 20), st.floats(STABLE_S, 1e6), CHANCES)
def test_a_link_that_held_starts_them_over(failures: int, held_s: float, chance: float) -> None:
    back_off = BackOff(lambda: chance)
    for _ in range(failures):
        back_off.wait_s(STABLE_S - 0.001)
    assert back_off.wait_s(held_s) <= FIRST_S
    assert back_off.wait_s(0) <= 2 * FIRST_S


def test_the_same_random_numbers_give_the_same_waits() -> None:
    def waits(numbers: list[float]) -> list[float]:
        chances = iter(numbers)
        back_off = BackOff(lambda: next(chances))
        return [back_off.wait_s(0) for _ in numbers]

    assert waits([0.1, 0.9, 0.4]) == waits([0.1, 0.9, 0.4])
    assert waits([0.1, 0.9, 0.4]) != waits([0.2, 0.9, 0.4])
