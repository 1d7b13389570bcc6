"""The real firmware under a hostile radio: 100,000 rounds in the long run, a bounded part of it in the ordinary one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firmware.virtual.interpreter import find_micropython
from tests.firmware.siege import besiege

LONG = os.environ.get("PLUMBLINE_HYPOTHESIS") == "long"
ROUNDS = 100_000 if LONG else 1_500
ROUNDS_32 = 20_000 if LONG else 1_000


@pytest.mark.timeout(7200 if LONG else 120)
def test_a_siege_changes_nothing(tmp_path: Path) -> None:
    if find_micropython() is None:
        pytest.skip("no MicroPython for this machine")
    report = besiege(ROUNDS, 1, tmp_path / "flash")
    print(report)
    assert report.rounds >= ROUNDS
    assert report.visits > ROUNDS // 200
    assert report.replays_refused > ROUNDS // 50
    assert report.refused > ROUNDS // 10
    assert report.challenged > ROUNDS // 100
    assert report.slowest_visit_ms < 10_000


@pytest.mark.micropython32
@pytest.mark.timeout(7200 if LONG else 120)
def test_a_siege_changes_nothing_on_32_bits(tmp_path: Path) -> None:
    report = besiege(ROUNDS_32, 2, tmp_path / "flash", os.environ["MICROPYTHON_32BIT"])
    print(report)
    assert report.slowest_visit_ms < 10_000
