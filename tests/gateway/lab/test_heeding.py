"""Wearers who heed reminders: what a reminder changes, and the report that compares triggers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware.clip import protocol
from gateway.lab import evaluate_triggers
from gateway.lab.heeding import Outcome, heeded_day
from gateway.lab.presets import PEOPLE, workday_script
from gateway.lab.truth import truth

PERSON = PEOPLE["improving"]


def outcome(name: str, heeds: float, hours: float = 3.0, tires: float = 0.0) -> Outcome:
    plan = evaluate_triggers.plans()[name]
    return heeded_day(replace(PERSON, heeds=heeds), 100, 0, plan, tires=tires, hours=hours)


def test_without_reminders_the_day_is_the_script() -> None:
    day = outcome("no reminders", 0.7)
    codes = truth(workday_script(100, replace(PERSON, heeds=0.0), 0)).codes[: 3 * 3600]
    assert day.reminders == 0
    assert day.slouched_s == pytest.approx((codes == protocol.category.SLOUCHED).sum(), rel=0.01)
    assert day.worn_s == pytest.approx((codes != protocol.category.NOT_WORN).sum(), rel=0.01)
    assert day.doses == pytest.approx(day.slouched_s / 260, rel=0.15)


def test_who_does_not_heed_slouches_as_ever() -> None:
    deaf, none = outcome("dwell 60 s", 0.0), outcome("no reminders", 0.0)
    assert (deaf.slouched_s, deaf.worn_s, deaf.doses) == (none.slouched_s, none.worn_s, none.doses)
    assert deaf.reminders > 5


def test_the_more_is_heeded_the_less_is_slouched() -> None:
    slouched = [outcome("dwell 60 s", heeds).slouched_s for heeds in (0.0, 0.5, 1.0)]
    assert slouched == sorted(slouched, reverse=True)
    assert slouched[2] < 0.8 * slouched[0]
    tired = outcome("dwell 60 s", 1.0, tires=0.5)
    assert slouched[2] < tired.slouched_s < slouched[0]
    assert outcome("dwell 60 s", 0.5) == outcome("dwell 60 s", 0.5)


def test_the_report_compares_triggers_over_the_same_days() -> None:
    report = evaluate_triggers.triggers_report(range(100, 101), lambda *_: None)
    assert report.holds
    figures = report.as_json()
    assert figures["simulated"]
    for heeding in ("heeds as ever", "heeds less when reminded often"):
        rows = figures[heeding]
        assert set(rows) == {"all", *PEOPLE}
        for own in rows.values():
            assert own["no reminders"]["reminders_per_hour"] == 0
            assert own["dose"]["reminders_per_hour"] <= own["dwell 60 s"]["reminders_per_hour"]
            assert own["dose"]["slouched"] <= own["no reminders"]["slouched"]
    assert [bar.limit for bar in report.bars] == [0.5, None, 0.5, None]
