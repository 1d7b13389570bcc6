"""Change beyond a patient's own noise: rarely said of days that never changed, however they resemble each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from server.summaries.trends import LEAST_BEFORE, LEAST_RECENT, Verdict, compare, interval

LONG: Final = os.environ.get("PLUMBLINE_HYPOTHESIS") == "long"
REPEATS: Final = 8000 if LONG else 600
WORKDAYS: Final = [day for day in range(56) if day % 7 < 5]
DESIGNS: Final = {
    "week": (list(range(28, 35)), list(range(28))),
    "workdays of a week": ([day for day in WORKDAYS if 28 <= day < 35], [day for day in WORKDAYS if day < 28]),
    "four weeks": (list(range(28, 56)), list(range(28))),
    "the fewest days": ([28, 30, 32], [2, 5, 8, 11, 14, 17, 20, 23]),
    "workdays of four weeks": ([day for day in WORKDAYS if day >= 28], [day for day in WORKDAYS if day < 28]),
    "every second day": ([28, 30, 32, 34], list(range(0, 28, 2))),
}
SHORT: Final = ("week", "workdays of a week", "four weeks")


def days_like_their_neighbours(days: Sequence[int], phi: float, noise: str, seed: int) -> NDArray[np.float64]:
    """(REPEATS, n) figures of variance 1 that never change: an autoregressive process of first order."""
    rng = np.random.default_rng(seed)
    size = (REPEATS, max(days) + 1)
    if noise == "skewed":
        steps = (rng.gamma(2, 1, size) - 2) / np.sqrt(2)
    elif noise == "heavy":
        steps = rng.standard_t(3, size) / np.sqrt(3)
    else:
        steps = rng.standard_normal(size)
    out = np.empty(size)
    out[:, 0] = steps[:, 0]
    for day in range(1, size[1]):
        out[:, day] = phi * out[:, day - 1] + np.sqrt(1 - phi**2) * steps[:, day]
    return np.asarray(out[:, list(days)])


def rates(design: str, phi: float, noise: str, change: float) -> float:
    """How often `change` standard deviations are called changed, in percent."""
    recent, before = DESIGNS[design]
    days, late = [*recent, *before], [True] * len(recent) + [False] * len(before)
    figures = days_like_their_neighbours(days, phi, noise, seed=len(days)) + change * np.array(late)
    bounds = interval(days, late, figures, resolution=0.01)
    return 100 * float(np.mean((bounds[:, 0] > 0) | (bounds[:, 1] < 0)))


@pytest.mark.parametrize("phi", [0.0, 0.2, 0.4, 0.6] if LONG else [0.0, 0.6])
@pytest.mark.parametrize("noise", ["normal", "skewed", "heavy"] if LONG else ["normal"])
@pytest.mark.parametrize("design", DESIGNS if LONG else SHORT)
def test_days_that_never_changed_are_seldom_called_changed(design: str, noise: str, phi: float) -> None:
    rate = rates(design, phi, noise, 0)
    print(f"called changed though nothing did: {design}, {noise}, phi {phi}: {rate:.1f} %")
    assert rate <= (7 if LONG else 8)


@pytest.mark.parametrize(
    ("design", "phi", "least"),
    [
        ("week", 0.0, 38), ("week", 0.6, 26), ("workdays of a week", 0.0, 20),
        ("four weeks", 0.0, 86), ("four weeks", 0.6, 42), ("workdays of four weeks", 0.0, 70),
    ],
)  # fmt: skip
def test_a_change_of_one_standard_deviation_is_found_about_as_often_as_it_can_be(
    design: str, phi: float, least: float
) -> None:
    rate = rates(design, phi, "normal", 1)
    print(f"a change of 1 SD called changed: {design}, phi {phi}: {rate:.0f} %")
    assert rate >= least
    assert rates(design, phi, "normal", 3) >= 90


def test_the_interval_holds_the_true_change_as_often_as_it_says() -> None:
    recent, before = DESIGNS["week"]
    days, late = [*recent, *before], [True] * 7 + [False] * 28
    figures = days_like_their_neighbours(days, 0.3, "normal", seed=3) + 0.7 * np.array(late)
    bounds = interval(days, late, figures, resolution=0.01)
    held = float(np.mean((bounds[:, 0] <= 0.7) & (bounds[:, 1] >= 0.7)))
    assert 0.93 <= held <= 0.985


def told(values: Sequence[float], first: int = 0) -> list[tuple[int, float]]:
    return [(first + number, value) for number, value in enumerate(values)]


def test_a_plain_change_and_none() -> None:
    before = told([10, 12, 11, 9, 10, 12, 11, 10, 9, 12, 11, 10])
    more = compare(told([18, 19, 20, 18, 19], 12), before, resolution=0.1)
    assert (more.verdict, more.recent_days, more.before_days) == (Verdict.CHANGED, 5, 12)
    assert more.change == pytest.approx(8.22, abs=0.01)
    assert more.low is not None
    assert more.high is not None
    assert 6 < more.low < 8.22 < more.high < 10.5
    assert more.noise == pytest.approx(1.024, abs=0.001)
    same = compare(told([11, 10, 9, 12, 11], 12), before, resolution=0.1)
    assert same.verdict is Verdict.WITHIN_NOISE
    assert same.recent == pytest.approx(10.6)
    assert same.before == pytest.approx(10.583, abs=0.001)


def test_too_few_days_are_too_few() -> None:
    before, recent = told([10.0] * LEAST_BEFORE), told([20.0] * LEAST_RECENT, 20)
    assert compare(recent, before, resolution=1).verdict is Verdict.CHANGED
    for few in (compare(recent[:-1], before, resolution=1), compare(recent, before[:-1], resolution=1)):
        assert (few.verdict, few.change, few.low, few.high, few.noise) == (Verdict.TOO_FEW_DAYS, *[None] * 4)
    nothing = compare([], [], resolution=1)
    assert (nothing.verdict, nothing.recent, nothing.before) == (Verdict.TOO_FEW_DAYS, None, None)


def test_days_that_are_all_alike_are_known_to_their_resolution_only() -> None:
    before = told([1.0] * 20)
    assert compare(told([1.0] * 5, 20), before, resolution=0.2).verdict is Verdict.WITHIN_NOISE
    assert compare(told([1.04] * 5, 20), before, resolution=0.2).verdict is Verdict.WITHIN_NOISE
    assert compare(told([0.4] * 5, 20), before, resolution=0.2).verdict is Verdict.CHANGED


FIGURES = st.floats(-50, 50, allow_nan=False)


@given(
    st.lists(FIGURES, min_size=8, max_size=20), st.lists(FIGURES, min_size=3, max_size=8), st.floats(0.1, 10), FIGURES
)
def test_it_does_not_depend_on_where_zero_is_or_on_the_unit(
    before: list[float], recent: list[float], unit: float, zero: float
) -> None:
    plain = compare(told(recent, len(before)), told(before), resolution=0.5)
    moved = compare(
        told([unit * value + zero for value in recent], len(before)),
        told([unit * value + zero for value in before]),
        resolution=0.5 * unit,
    )
    assert plain.low is not None
    assert plain.high is not None
    assert moved.low == pytest.approx(unit * plain.low, rel=1e-6, abs=1e-6 * (1 + abs(zero)))
    assert moved.high == pytest.approx(unit * plain.high, rel=1e-6, abs=1e-6 * (1 + abs(zero)))


@given(st.lists(FIGURES, min_size=8, max_size=20), st.lists(FIGURES, min_size=3, max_size=8))
def test_backwards_it_is_the_same_change_the_other_way_round(before: list[float], recent: list[float]) -> None:
    forth = compare(told(recent, len(before)), told(before), resolution=0.5)
    mirrored = compare(
        told([-value for value in recent], len(before)), told([-value for value in before]), resolution=0.5
    )
    assert forth.low is not None
    assert mirrored.high is not None
    assert forth.low == pytest.approx(-mirrored.high, rel=1e-6, abs=1e-6)
    assert forth.verdict is mirrored.verdict
    assert forth.high is not None
    assert forth.low < forth.high
