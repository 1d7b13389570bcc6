"""What the clip keeps, on littlefs in MicroPython: power cuts at every byte, and how a year wears the flash."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import RunProgram

README = Path(__file__).parents[2] / "firmware" / "README.md"
BLOCKS = 448
"""Sectors of 4096 bytes of the file system on 4 MB of flash with slots for the firmware."""
DAY: dict[str, Any] = {"minutes": 600, "events": 100, "saves": 2800, "policy": 40, "boots": 4}
"""Records; savings of the reminder policy, one each 5 s while it counts a slouch (3 h) and at both ends of each;
times it is switched on."""
ENDURANCE = 100_000
"""Erases that makers of NOR flash promise for a sector."""


def test_a_power_cut_at_any_byte_costs_at_most_what_is_being_written(micropython: RunProgram) -> None:
    answer = micropython("littlefs_cuts.py", 1)
    assert answer["cuts"] > 3000
    assert answer["told"] == [0, 0, 4, 0, 0]


@pytest.mark.micropython32
def test_nor_does_it_on_32_bits(micropython32: RunProgram) -> None:
    answer = micropython32("littlefs_cuts.py", 7)
    assert answer["cuts"] > 400
    assert answer["told"] == [0, 0, 4, 0, 0]


def test_a_year_wears_no_sector_out(micropython: RunProgram) -> None:
    days = 5
    answer = micropython("littlefs_wear.py", {"blocks": BLOCKS, "others": 64, "days": days, **DAY})
    mean = answer["all"] / days * 365 / BLOCKS
    # littlefs draws at random where a much changed block moves to, so what a sector gets above the mean grows as the
    # root of time: 5, 10, 20 and 40 days then foretell the same year, within a fifth.
    most = mean + (answer["most"] - answer["all"] / BLOCKS) * math.sqrt(365 / days)
    print(f"erases a record: {answer['record']:.2f}; a sector and year: {mean:.0f} on average, at most {most:.0f}")
    assert 1 <= answer["record"] < 1.2
    assert most < ENDURANCE / 10
    assert f"cost it {answer['one file']:.0f} erases each" in README.read_text()
    stated = re.search(r"([\d.]+) erases a record; ([\d,]+) a sector and year", README.read_text())
    assert stated is not None
    assert abs(float(stated[1]) - answer["record"]) < 0.02
    assert abs(int(stated[2].replace(",", "")) - mean) < mean / 20
