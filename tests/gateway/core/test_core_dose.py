"""Holding times of ISO 11226, and bouts over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import Core, Thresholds
from gateway.core.dose import Holding, holding, limit_s, still_angles


@pytest.mark.parametrize(("angle", "minutes"), [(20, 4.0), (30, 3.25), (40, 2.5), (50, 1.75), (60, 1.0)])
def test_limits_of_the_standard(angle: float, minutes: float) -> None:
    assert float(limit_s(angle)) / 60 == pytest.approx(minutes, abs=1e-12)


def test_no_limit_below_and_that_of_sixty_above() -> None:
    assert limit_s(np.array([-90.0, 0.0, 19.99])).tolist() == [np.inf] * 3
    assert limit_s(np.array([60.0, 61.0, 120.0])).tolist() == [60.0] * 3


def test_a_bout_is_over_from_when_its_time_is_used_up() -> None:
    still = np.full(200, 40.0)  # 400 s, the limit is 150 s
    assert holding(still) == Holding(bouts=1, held_s=400, bouts_over=1, over_s=250)
    assert holding(still[:75]) == Holding(1, 150, 0, 0)
    assert holding(still[:76]) == Holding(1, 152, 1, 2)


def test_sitting_up_or_moving_begins_anew_and_half_the_time_at_two_angles_is_all_of_it() -> None:
    part = np.full(70, 40.0)
    for pause in (5.0, np.nan):
        assert holding(np.concatenate((part, [pause], part))) == Holding(2, 280, 0, 0)
    mixed = np.concatenate((np.full(60, 20.0), np.full(15, 60.0)))
    assert holding(mixed) == Holding(1, 150, 0, 0)
    assert holding(np.append(mixed, 60.0)).over_s == 2


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-90, 120)), max_size=400))
def test_never_more_over_than_held_nor_more_bouts_than_fit(angles: list[float]) -> None:
    found = holding(np.array(angles))
    assert 0 <= found.over_s <= found.held_s - 60 * found.bouts_over + 2 * found.bouts_over
    assert found.bouts_over <= found.bouts <= (len(angles) + 1) // 2
    assert holding(np.minimum(np.array(angles), 19.0)) == Holding(0, 0, 0, 0)


def test_a_slouch_is_held_and_walking_bent_or_lying_is_not(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    told = core.push(
        poses.join(
            poses.of(0, 60),
            poses.of(40, 240, start_s=60),
            poses.of(30, 300, start_s=300, shake_mg=160),
            poses.of(0, 60, start_s=600),
            poses.of(40, 121, start_s=3600),
        )
    )
    found = holding(still_angles(told.epochs))
    assert found.bouts == 2
    assert found.bouts_over == 1
    assert found.over_s == pytest.approx(90, abs=6)
    assert found.held_s == pytest.approx(360, abs=8)
    again = holding(still_angles([*told.epochs[3:], *told.epochs[:3]]))
    assert again == found
