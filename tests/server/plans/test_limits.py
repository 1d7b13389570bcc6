"""Every field at both ends, on both databases: what is allowed is stored as it is, what is not is told in words."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from server.ingest.enrolment import enrol_patient
from server.plans.limits import NUMBERS
from server.plans.service import create_plan, plan_state
from server.plans.types import InvalidPlanError
from server.plans.validating import validate

ENDS: dict[str, tuple[float, float, float, str]] = {
    "angle_deg": (5, 60, 1, "a whole number from 5 to 60"),
    "dwell_s": (3, 600, 1, "a whole number from 3 to 600"),
    "recovery_deg": (1, 30, 1, "a whole number from 1 to 30"),
    "recovery_s": (0.1, 10, 0.1, "a number from 0.1 to 10"),
    "repeat_s": (3, 3600, 1, "a whole number from 3 to 3600"),
    "cap_per_hour": (0, 30, 1, "a whole number from 0 to 30"),
    "fraction_pct": (0, 100, 1, "a whole number from 0 to 100"),
    "seed": (0, 65535, 1, "a whole number from 0 to 65535"),
    "goals.shifts_per_hour": (0, 120, 1, "a whole number from 0 to 120"),
    "goals.longest_still_min": (5, 240, 1, "a whole number from 5 to 240"),
    "goals.worn_hours": (0, 24, 0.5, "a number from 0 to 24"),
}
FITTING = {"angle_deg": {"recovery_deg": 1}, "recovery_deg": {"angle_deg": 60}}
"""What the other end of a rule between two fields must be, so that one alone is tried."""


def test_no_number_is_forgotten() -> None:
    assert NUMBERS.keys() == ENDS.keys() | {"version"}


def fields(name: str, value: object) -> dict[str, Any]:
    if name.startswith("goals."):
        return {"goals": {name.removeprefix("goals."): value}}
    return {**FITTING.get(name, {}), name: value}


def test_both_ends_are_stored_as_they_are(engine: Engine) -> None:
    patient_id = enrol_patient(engine, name="Anna", zone="UTC", now_ms=0)
    for name, (low, high, _, _) in ENDS.items():
        for end in (low, high):
            create_plan(engine, patient_id, fields(name, end), author_id=None, reason="to the end", now_ms=1)
            newest = plan_state(engine, patient_id).newest
            assert newest is not None
            holder: object = newest.plan.goals if "." in name else newest.plan
            assert getattr(holder, name.removeprefix("goals.")) == end, name
    times = {"start": "00:00", "end": "24:00", "quiet_start": "00:00", "quiet_end": "24:00", "days": [6, 0, 6]}
    made = create_plan(engine, patient_id, times, author_id=None, reason="a whole day", now_ms=1)
    assert (made.plan.start, made.plan.end, made.plan.days) == ("00:00", "24:00", (0, 6))


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("what", ["below", "above", "half", "text", "nothing", "yes", "nan"])
def test_beyond_the_ends_is_told_in_words(name: str, what: str) -> None:
    low, high, step, words = ENDS[name]
    value: object = {
        "below": low - step,
        "above": high + step,
        "half": low + step / 2,
        "text": "much",
        "nothing": None,
        "yes": True,
        "nan": float("nan"),
    }[what]
    if what == "half" and step != 1:
        return  # numbers with a fraction have no half
    with pytest.raises(InvalidPlanError) as refused:
        validate({"version": 1, **fields(name, value)})
    assert refused.value.problems == ((name, f"must be {words}"),)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("start", "9:00", "start: must be a time of day as hours and minutes, such as 09:30"),
        ("end", "24:01", "end: must be a time of day as hours and minutes, such as 09:30"),
        ("quiet_start", "noon", "quiet_start: must be a time of day as hours and minutes, such as 09:30, or null"),
        ("days", [0, 7], "days.1: must be one or more of the numbers 0 (Monday) to 6 (Sunday)"),
        ("days", [], "days: must be one or more of the numbers 0 (Monday) to 6 (Sunday)"),
        ("mode", "guess", "mode: Input should be 'track' or 'train'"),
    ],
)
def test_what_is_no_number_is_told_too(name: str, value: object, words: str) -> None:
    with pytest.raises(InvalidPlanError) as refused:
        validate({"version": 1, name: value})
    assert str(refused.value) == words


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(InvalidPlanError) as refused:
        validate({"version": 1, "angle_deg": 4, "dwell_s": 601, "goals": {"worn_hours": 25}, "end": "late"})
    assert {name for name, _ in refused.value.problems} == {"angle_deg", "dwell_s", "goals.worn_hours", "end"}
