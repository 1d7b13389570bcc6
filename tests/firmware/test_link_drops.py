"""The link drops and comes back at every moment of a story, in turn: before slouches, at each moment of their dwell, as
a reminder falls due and while the motor runs, while the answer is waited for, in the repeat interval, at the recovery,
on a walk, in a snooze and in a pause. What is decided is what would be with a link that never drops, and with none.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

import pytest

from firmware.clip.protocol import records

Run = Callable[..., Any]

WAYS: Final = (
    ("lost", 40),
    ("lost", 1_000),
    ("lost", 5_000),
    ("lost", 20_000),
    ("lost", 70_000),
    ("lost", 400_000),
    ("deaf", 3_000),
    ("deaf", 12_000),
)
"""How the link is lost: both sides know it at once, or nothing comes through and the clip learns it from the
supervision timeout; and for how many ms."""
STEP_MS: Final = 100
LONG: Final = os.environ.get("PLUMBLINE_HYPOTHESIS") == "long"
SHARES: Final = 24 if LONG else 1

MOTOR_STARTS: Final = 7
WITHHELD: Final = [records.WITHHELD_STOOD_UP, records.WITHHELD_STOOD_UP, records.WITHHELD_SNOOZED]


def holds(run: Run, first_ms: int, step_ms: int, *, all_ways: bool) -> None:
    answer = run("link_drops.py", {"from": first_ms, "step": step_ms, "ways": WAYS, "all": all_ways})
    reasons = [told[4] for told in answer["told"] if told[1] == 1]
    assert reasons.count(records.GIVEN) == MOTOR_STARTS
    assert [reason for reason in reasons if reason != records.GIVEN] == WITHHELD
    assert answer["skips"], "the shortened run differs from the one with every tick"
    assert answer["runs"] > 2_000 // (step_ms // STEP_MS)
    assert answer["other"] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_wherever_the_link_drops_the_same_is_decided(cpython: Run, share: int) -> None:
    holds(cpython, share * STEP_MS, SHARES * STEP_MS, all_ways=LONG)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_in_micropython_too(micropython: Run, share: int) -> None:
    holds(micropython, share * STEP_MS, (SHARES if LONG else 9) * STEP_MS, all_ways=LONG)


@pytest.mark.micropython32
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_and_on_32_bits(micropython32: Run, share: int) -> None:
    holds(micropython32, share * STEP_MS, (SHARES if LONG else 9) * STEP_MS, all_ways=LONG)
