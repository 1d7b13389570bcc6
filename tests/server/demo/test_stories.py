"""What has happened to the people of the demonstration, as the list is to find it."""

from __future__ import annotations

from datetime import date

from firmware.clip import protocol
from gateway import messages, plans
from gateway.lab.history import make_day
from gateway.lab.presets import workday_script
from server.demo.history_station import days_to_make
from server.demo.people import LATELY_DAYS, LIVE, OTHERS, SEED, WORKDAYS, slipping
from server.worklist.rules import MISSED_DAYS

WEDNESDAY = date(2026, 3, 25)
BELA, _, DARIA, EMIL, FARAH = OTHERS


def test_who_has_stopped_wears_nothing_of_late_and_others_each_workday() -> None:
    stopped, others = days_to_make(WEDNESDAY, EMIL), days_to_make(WEDNESDAY, FARAH)
    assert others[0] == WEDNESDAY
    assert {day.weekday() for day in others} == set(WORKDAYS["days"])
    assert stopped == others[1 + EMIL.stopped :]
    assert EMIL.stopped > MISSED_DAYS
    assert len(days_to_make(WEDNESDAY, LIVE)) == LIVE.days + 1


def test_who_does_otherwise_of_late_is_the_same_body() -> None:
    before, lately = BELA.on(LATELY_DAYS + 1), BELA.on(LATELY_DAYS)
    assert lately.posture_s > 5 * before.posture_s
    bodies = [workday_script(SEED, habits, 1).body for habits in (before, lately)]
    assert bodies[0].mounting == bodies[1].mounting


def test_the_core_finds_that_the_clip_slipped() -> None:
    plan = messages.Plan.model_validate({**WORKDAYS, "version": 1, "zone": "UTC", "seed": 3})
    script = slipping(workday_script(SEED, DARIA.on(1), DARIA.days - 1))
    made = make_day(script, "a" * 16, "b" * 16, 1_790_000_000_000, protocol.plan.parse_plan(plans.for_clip(plan)))
    told = [(record.kind, record.value) for record in made if isinstance(record, messages.Event)]
    assert [kind for kind, _ in told] == ["boot", "calibrated", "slipped"]
    assert 100 <= told[-1][1] <= 220  # tenths of a degree; it was turned by 16
