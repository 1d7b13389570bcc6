"""The posture around a moment: five minutes either way, as far as they have come, whatever hours they lie in."""

from __future__ import annotations

from typing import Any

import pytest

from server.store import reading
from server.summaries.around import REACH_MS, around
from tests.server.conftest import NOW_MS, Clinic

START_MS = NOW_MS - (5 * 60 + 47) * 60_000
"""Nine o'clock, where the script of the day begins."""


@pytest.mark.parametrize(
    ("minute", "seconds"),
    [
        # 35 to 41: slouched; before it upright from 13, after it upright until 55
        (38, {"upright": 240, "slouched": 360}),
        (5, {"not_worn": 600}),
        (-30, {"lost": 600}),
        (60, {"upright": 480, "moving": 120}),  # over a full hour; moving from 55 to 59
    ],
)
def test_what_was_around_a_moment(clinic: Clinic, minute: int, seconds: dict[str, int]) -> None:
    at_ms = START_MS + minute * 60_000
    with reading(clinic.engine) as db:
        found = around(db, clinic.patients["Ada Keller"], [at_ms], NOW_MS)[at_ms]
    told: dict[str, Any] = dict(found.seconds)
    moved = told.pop("moving", 0) - seconds.get("moving", 0)  # short walks that the script draws by chance
    told["upright"] = told.get("upright", 0) + moved if "upright" in seconds else told.pop("upright", None)
    wanted = {name: count for name, count in seconds.items() if name != "moving"}
    assert {name: count for name, count in told.items() if count} == wanted
    assert found.told_s == 600
    assert (found.median_deg is None) is ("upright" not in seconds)


def test_what_is_still_to_come_is_not_called_lost(clinic: Clinic) -> None:
    with reading(clinic.engine) as db:
        found = around(db, 1, [NOW_MS - 60_000, NOW_MS + REACH_MS, NOW_MS + 60_000], NOW_MS)
    assert [(one.at_ms, one.told_s) for one in found.values()] == [
        (NOW_MS - 60_000, 360),
        (NOW_MS + 60_000, 240),
    ]


def test_nothing_of_anybody_else_is_told(clinic: Clinic) -> None:
    at_ms = START_MS + 38 * 60_000
    with reading(clinic.engine) as db:
        found = around(db, clinic.patients["Dana Whitfield"], [at_ms], NOW_MS)[at_ms]
    assert found.seconds == {"lost": 600}
    assert found.worn_s == 0
