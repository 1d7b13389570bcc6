"""A plan is sent until the clip has it: over reconnects, second clips and gateways, and clips that come from others."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from server.ingest.enrolment import assign_clip, enrol_patient
from server.plans.delivery import REISSUED
from server.plans.limits import MAX_VERSION
from server.plans.service import create_plan, plan_state, states_of
from server.plans.types import PlanVersion
from server.store import reading, writing
from server.store.tables import clip_status, gateway, plan_delivery
from tests.server.plans.conftest import CLIP, GATEWAY, OFFICE, OTHER_CLIP, Line


def new(engine: Engine, patient_id: int, now_ms: int = 1, **fields: Any) -> PlanVersion:
    return create_plan(engine, patient_id, fields, author_id=None, reason="because", now_ms=now_ms)


def states(engine: Engine, patient_id: int) -> list[tuple[int, str]]:
    return [(version.version, version.state) for version in plan_state(engine, patient_id).history]


def test_a_reconnect_sends_what_is_missing_and_nothing_else(engine: Engine, anna: int, line: Line) -> None:
    line.status(0, 5)
    new(engine, anna, now_ms=6)
    assert line.look(7) == [(GATEWAY, CLIP, 1)]
    assert line.look(8) == []
    assert line.status(None, 9, link="searching") == [1], "a gateway that has just started knows nothing yet"
    assert line.status(0, 10) == [1]
    assert line.status(0, 11, online=False) == [], "a last will is no question"
    assert line.status(1, 12) == []
    assert states(engine, anna) == [(1, "confirmed")]
    with reading(engine) as db:
        row = db.execute(select(plan_delivery)).one()
    assert tuple(row) == (CLIP, anna, 1, 7, 10, 3)


def test_every_gateway_of_the_clip_is_sent_the_plan_and_the_latest_link_decides(
    engine: Engine, anna: int, line: Line
) -> None:
    line.status(0, 5)
    line.status(0, 6, gateway=OFFICE)
    new(engine, anna, now_ms=7)
    assert line.look(8) == [(GATEWAY, CLIP, 1), (OFFICE, CLIP, 1)]
    line.status(1, 9)
    assert line.status(0, 10, gateway=OFFICE, link="searching") == [1], "it may be the next to have the clip"
    state = plan_state(engine, anna)
    assert states(engine, anna) == [(1, "confirmed")]
    assert state.drift == (), "what the office knew before the clip went home is not what the clip has"
    assert [(one.gateway, one.plan_version, one.latest) for one in state.reports] == [
        (GATEWAY, 1, True),
        (OFFICE, 0, False),
    ]
    line.status(0, 11, gateway=OFFICE)  # the office has a link: the clip was reset
    assert [(one.gateway, one.reported, one.since_ms) for one in plan_state(engine, anna).drift] == [(OFFICE, 0, 7)]


def test_a_second_clip_gets_the_plan_that_the_first_has(engine: Engine, anna: int, line: Line) -> None:
    line.status(0, 5)
    new(engine, anna, now_ms=6)
    line.look(7)
    line.status(1, 8)
    assign_clip(engine, OTHER_CLIP, anna, start_ms=9, now_ms=9)
    assert line.status(0, 10, clip=OTHER_CLIP) == [1]
    drift = plan_state(engine, anna).drift
    assert [(one.clip, one.reported, one.since_ms, one.sent, one.sent_ms) for one in drift] == [
        (OTHER_CLIP, 0, 10, 1, 10)
    ]
    assert states(engine, anna) == [(1, "confirmed")]
    line.status(1, 11, clip=OTHER_CLIP)
    assert plan_state(engine, anna).drift == ()


def test_somebody_elses_version_with_the_same_number_confirms_nothing(engine: Engine, anna: int, line: Line) -> None:
    bert = enrol_patient(engine, name="Bert", zone="UTC", now_ms=0)
    line.status(0, 5)
    for n in range(3):
        new(engine, anna, now_ms=10 + n)
    line.look(14)
    line.status(3, 15)
    for n in range(5):  # versions that no clip has had
        new(engine, bert, now_ms=20 + n, angle_deg=20)
    assign_clip(engine, CLIP, bert, start_ms=30, now_ms=30)
    assert line.status(3, 31) == [5]
    assert [state for _, state in states(engine, bert)] == ["sent"] + ["superseded"] * 4
    assert all(version.confirmed_ms is None for version in plan_state(engine, bert).history)
    line.status(5, 32)
    assert states(engine, bert)[0] == (5, "confirmed")


@pytest.mark.parametrize("known_before", [True, False])
@pytest.mark.parametrize("reported", [2, 6])
def test_a_clip_that_would_not_take_the_number_gets_the_plan_under_a_higher_one(
    engine: Engine, anna: int, line: Line, reported: int, known_before: bool
) -> None:
    """2 is just the patient's newest number, 6 is above; the clip comes from somebody here, or from elsewhere."""
    bert = enrol_patient(engine, name="Bert", zone="UTC", now_ms=0)
    new(engine, bert, angle_deg=19)
    new(engine, bert, angle_deg=20)
    if known_before:
        line.status(reported, 5)
    assign_clip(engine, CLIP, bert, start_ms=30, now_ms=30)
    assert line.status(reported, 31) == [reported + 1]
    newest = plan_state(engine, bert).newest
    assert newest is not None
    assert (newest.plan.angle_deg, newest.reason, newest.author, newest.state) == (20, REISSUED, None, "sent")
    assert line.status(reported, 32) == [reported + 1], "and not issued again and again"
    line.status(reported + 1, 33)
    assert states(engine, bert)[0] == (reported + 1, "confirmed")


def test_a_second_computer_of_the_patient_issues_nothing_again(engine: Engine, anna: int, line: Line) -> None:
    line.status(0, 5)
    new(engine, anna, now_ms=6)
    line.look(7)
    line.status(1, 8)
    assign_clip(engine, CLIP, anna, start_ms=0, now_ms=9, gateway_id=OFFICE)
    line.status(1, 10, gateway=OFFICE)
    assert states(engine, anna) == [(1, "confirmed")]


def test_the_highest_number_of_all_does_not_stop_the_therapist(engine: Engine, anna: int, line: Line) -> None:
    new(engine, anna)
    assert line.status(MAX_VERSION, 5) == []
    assert new(engine, anna, now_ms=6).version == 2
    assert [one.reported for one in plan_state(engine, anna).drift] == [MAX_VERSION]


def test_a_firmware_that_does_not_tell_its_version_is_sent_the_plan_and_wipes_nothing(
    engine: Engine, anna: int, line: Line
) -> None:
    line.status(0, 5, calibration_version=1)
    new(engine, anna, now_ms=6)
    line.look(7)
    line.status(1, 8, calibration_version=1)
    assert line.status(None, 9) == [1]
    assert plan_state(engine, anna).drift == ()
    assert [one.plan_since_ms for one in plan_state(engine, anna).reports] == [8]


def test_since_when_a_clip_tells_of_a_version_and_of_a_calibration(engine: Engine, anna: int, line: Line) -> None:
    new(engine, anna, now_ms=1)
    line.status(0, 5, calibration_version=3)
    line.status(0, 6, calibration_version=3)
    line.status(0, 7, calibration_version=4)
    line.status(0, 8, calibration_version=None, link="searching")
    (report,) = plan_state(engine, anna).reports
    assert (report.plan_version, report.plan_since_ms, report.linked_ms, report.seen_ms) == (0, 5, 7, 8)
    assert (report.calibration_version, report.calibration_since_ms, report.calibration_before) == (4, 7, 3)
    assert [one.since_ms for one in plan_state(engine, anna).drift] == [5]
    new(engine, anna, now_ms=9)
    assert [one.since_ms for one in plan_state(engine, anna).drift] == [9], "since the prescription is another"


def test_revoked_gateways_and_clips_of_the_past_are_left_out(engine: Engine, anna: int, line: Line) -> None:
    bert = enrol_patient(engine, name="Bert", zone="UTC", now_ms=0)
    new(engine, anna)
    line.status(0, 5, gateway=OFFICE)
    with writing(engine) as db:
        db.execute(update(gateway).where(gateway.c.id == OFFICE).values(revoked_ms=6))
    assert plan_state(engine, anna).reports == ()
    line.status(0, 7)
    assert len(plan_state(engine, anna).drift) == 1
    assign_clip(engine, CLIP, bert, start_ms=8, now_ms=8)
    assert plan_state(engine, anna).reports == ()
    with reading(engine) as db:
        assert len(db.execute(select(clip_status)).all()) == 2


def test_many_plans_at_once_are_those_of_each(engine: Engine, anna: int, line: Line) -> None:
    bert, cleo = (enrol_patient(engine, name=name, zone="UTC", now_ms=0) for name in ("Bert", "Cleo"))
    new(engine, anna)
    new(engine, anna, now_ms=2)
    new(engine, bert, now_ms=3)
    assign_clip(engine, OTHER_CLIP, bert, start_ms=4, now_ms=4)
    line.look(5)
    line.status(0, 6)
    line.status(0, 7, gateway=OFFICE)
    line.status(0, 8, clip=OTHER_CLIP)
    everybody = [anna, bert, cleo]
    with reading(engine) as db:
        found = states_of(db, everybody)
    assert found == {one: plan_state(engine, one) for one in everybody}
    assert [len(found[one].history) for one in everybody] == [2, 1, 0]
    assert [[(one.clip, one.gateway) for one in found[who].drift] for who in everybody] == [
        [(CLIP, OFFICE)],
        [(OTHER_CLIP, GATEWAY)],
        [],
    ]
    assert [one.sent for one in found[bert].drift] == [1]
