"""Plans: versions that only rise, states that only go forward, errors that name the field."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from server.ingest.enrolment import EnrolmentError, assign_clip, enrol_gateway, enrol_patient
from server.plans import commands
from server.plans.service import confirm, create_plan, mark_sent, pending, plan_state
from server.plans.types import InvalidPlanError, PlanVersion
from server.plans.validating import validate
from server.store import UnknownPatientError, reading, writing
from server.store.tables import assignment, clip_status, stale_day, user_account
from server.summaries.calendar import UnknownZoneError

GATEWAY, CLIP = "1" * 16, "a" * 16


@pytest.fixture
def anna(engine: Engine) -> int:
    made = enrol_patient(engine, name="Anna", zone="Europe/Berlin", now_ms=0)
    enrol_gateway(engine, GATEWAY, name="home", now_ms=0)
    assign_clip(engine, CLIP, made, start_ms=0, now_ms=0)
    return made


def new(engine: Engine, patient_id: int, now_ms: int = 1, **fields: Any) -> PlanVersion:
    return create_plan(engine, patient_id, fields, author_id=None, reason="because", now_ms=now_ms)


def report(engine: Engine, clip: str, version: int, now_ms: int = 5) -> None:
    with writing(engine) as connection:
        connection.execute(
            insert(clip_status).values(
                clip=clip, gateway=GATEWAY, link="live", plan_version=version, journal_waiting=0, seen_ms=now_ms
            )
        )


def do(engine: Engine, work: Callable[..., Any], *arguments: Any) -> Any:
    with writing(engine) as connection:
        return work(connection, *arguments)


def states(engine: Engine, patient_id: int) -> list[str]:
    return [version.state for version in plan_state(engine, patient_id).history]


def test_a_plan_goes_from_pending_to_superseded(engine: Engine, anna: int) -> None:
    assert plan_state(engine, anna).newest is None
    with writing(engine) as connection:
        author = connection.execute(
            insert(user_account)
            .values(email="t@x", name="Mara", role="therapist", password_hash="-", created_ms=0)
            .returning(user_account.c.id)
        ).scalar_one()
    first = create_plan(engine, anna, {"angle_deg": 12}, author_id=author, reason=" to begin ", now_ms=7)
    assert (first.version, first.author, first.reason, first.created_ms) == (1, "Mara", "to begin", 7)
    assert (first.plan.angle_deg, first.plan.zone) == (12, "Europe/Berlin")
    assert states(engine, anna) == ["pending"]
    with reading(engine) as connection:
        assert [version.version for version in pending(connection)] == [1]
    do(engine, mark_sent, [(anna, 1)], 8)
    do(engine, mark_sent, [(anna, 1)], 9)
    assert states(engine, anna) == ["sent"]
    assert plan_state(engine, anna).history[0].sent_ms == 8
    with reading(engine) as connection:
        assert pending(connection) == ()
    assert do(engine, confirm, anna, 1, 10)
    assert not do(engine, confirm, anna, 1, 11)
    state = plan_state(engine, anna)
    assert (states(engine, anna), state.waiting) == (["confirmed"], False)
    assert state.in_force is not None
    assert state.in_force.confirmed_ms == 10
    new(engine, anna)
    state = plan_state(engine, anna)
    assert (states(engine, anna), state.waiting) == (["pending", "confirmed"], True)
    assert state.in_force is not None
    assert state.in_force.version == 1
    assert do(engine, confirm, anna, 2, 12)
    assert states(engine, anna) == ["confirmed", "superseded"]


def test_an_unconfirmed_version_is_superseded_by_the_next_unless_a_clip_took_it_meanwhile(
    engine: Engine, anna: int
) -> None:
    new(engine, anna)
    new(engine, anna, angle_deg=11)
    assert states(engine, anna) == ["pending", "superseded"]
    assert do(engine, confirm, anna, 1, 9)
    assert states(engine, anna) == ["pending", "confirmed"]
    assert do(engine, confirm, anna, 2, 10)
    assert states(engine, anna) == ["confirmed", "superseded"]
    assert not do(engine, confirm, anna, 1, 11)
    assert not do(engine, confirm, anna, 3, 11)
    assert not do(engine, confirm, anna + 1, 1, 11)


def test_a_version_that_was_passed_over_is_neither_sent_nor_confirmed_late(engine: Engine, anna: int) -> None:
    new(engine, anna)
    new(engine, anna, angle_deg=11)
    with reading(engine) as connection:
        assert [version.version for version in pending(connection)] == [2]
    assert do(engine, confirm, anna, 2, 9)
    assert not do(engine, confirm, anna, 1, 10)  # a computer that was away tells what it knew
    assert states(engine, anna) == ["confirmed", "superseded"]


def test_versions_rise_above_what_the_clip_reports(engine: Engine, anna: int) -> None:
    new(engine, anna)
    report(engine, CLIP, 40)
    assert new(engine, anna).version == 41
    state = plan_state(engine, anna)
    assert [(drift.clip, drift.gateway, drift.reported) for drift in state.drift] == [(CLIP, GATEWAY, 40)]


def test_a_clip_that_changes_hands_gets_the_plan_under_a_version_it_takes(engine: Engine, anna: int) -> None:
    bert = enrol_patient(engine, name="Bert", zone="Asia/Kolkata", now_ms=0)
    new(engine, bert, angle_deg=17)
    report(engine, CLIP, 6)
    assign_clip(engine, CLIP, bert, start_ms=100, now_ms=100)
    newest = plan_state(engine, bert).newest
    assert newest is not None
    assert (newest.version, newest.plan.angle_deg, newest.plan.zone, newest.state) == (7, 17, "Asia/Kolkata", "pending")
    assert new(engine, anna).version == 1
    with reading(engine) as connection:
        periods = connection.execute(
            select(assignment.c.patient_id, assignment.c.start_ms, assignment.c.end_ms).order_by(assignment.c.id)
        ).all()
    assert [tuple(row) for row in periods] == [(anna, 0, 100), (bert, 100, None)]


def test_forms_sent_at_once_get_a_version_each(engine: Engine, anna: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        versions = sorted(plan.version for plan in pool.map(lambda _: new(engine, anna), range(8)))
    assert versions == list(range(1, 9))
    assert states(engine, anna) == ["pending"] + ["superseded"] * 7


def test_the_day_on_which_a_plan_is_made_or_confirmed_is_summarised_again(engine: Engine, anna: int) -> None:
    new(engine, anna, now_ms=1_790_000_000_000)
    do(engine, confirm, anna, 1, 1_790_000_000_000 + 86_400_000)
    with reading(engine) as connection:
        assert sorted(connection.scalars(select(stale_day.c.date))) == ["2026-09-21", "2026-09-22"]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"angle_deg": 4}, {"angle_deg"}),
        ({"angle_deg": 61, "dwell_s": 2}, {"angle_deg", "dwell_s"}),
        ({"angle_deg": "much"}, {"angle_deg"}),
        ({"days": []}, {"days"}),
        ({"days": [0, 7]}, {"days.1"}),
        ({"start": "9:00"}, {"start"}),
        ({"start": "17:00", "end": "09:00"}, {""}),
        ({"angle_deg": 5, "recovery_deg": 5}, {""}),
        ({"goals": {"worn_hours": 25}}, {"goals.worn_hours"}),
        ({"mode": "punish"}, {"mode"}),
    ],
)
def test_a_plan_out_of_its_limits_names_every_field(
    engine: Engine, anna: int, fields: dict[str, Any], where: set[str]
) -> None:
    with pytest.raises(InvalidPlanError) as caught:
        new(engine, anna, **fields)
    assert {field for field, _ in caught.value.problems} == where
    assert all(text and not text.startswith("Value error") for _, text in caught.value.problems)
    assert plan_state(engine, anna).newest is None


def test_an_endless_reason_and_an_unknown_patient(engine: Engine, anna: int) -> None:
    with pytest.raises(InvalidPlanError, match="reason"):
        create_plan(engine, anna, {}, author_id=None, reason="x" * 501, now_ms=1)
    with pytest.raises(UnknownPatientError):
        new(engine, anna + 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda x: st.lists(x, max_size=3)
)
FIELDS = ["version", "mode", "angle_deg", "dwell_s", "recovery_s", "days", "start", "end", "zone", "goals", "seed"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_no_fields_raise_anything_else(fields: dict[str, Any]) -> None:
    try:
        plan = validate({"version": 1, **fields})
    except InvalidPlanError as error:
        assert error.problems  # noqa: PT017
    else:
        assert plan.start < plan.end


def test_commands_wait_for_an_answer_or_the_end(engine: Engine, anna: int) -> None:
    from gateway import messages

    made = commands.create_command(engine, clip=CLIP, patient_id=anna, kind="pause", now_ms=10, lifetime_ms=100)
    with reading(engine) as connection:
        assert [command.id for command in commands.unsent(connection, 10)] == [made]
        assert commands.unsent(connection, 110) == []
        assert commands.unanswered(connection, ["b" * 16], 10) == []
    do(engine, commands.mark_sent, [made], 11)
    reply = messages.Reply(schema="reply/1", id=made, clip=CLIP, result="refused", detail="no\x00t now")
    with reading(engine) as connection:
        assert commands.unsent(connection, 12) == []
        assert [command.kind for command in commands.unanswered(connection, [CLIP], 12)] == ["pause"]
    assert not do(engine, commands.take_reply, reply.model_copy(update={"clip": "b" * 16}), 13)
    assert do(engine, commands.take_reply, reply, 13)
    assert not do(engine, commands.take_reply, reply, 14)
    with reading(engine) as connection:
        assert commands.unanswered(connection, [CLIP], 15) == []


def test_enrolment_contradictions_are_named(engine: Engine, anna: int) -> None:
    with pytest.raises(UnknownZoneError):
        enrol_patient(engine, name="X", zone="Mars/Base", now_ms=0)
    enrol_patient(engine, name="X", zone="UTC", pseudonym="P-1", now_ms=0)
    with pytest.raises(EnrolmentError, match="P-1"):
        enrol_patient(engine, name="Y", zone="UTC", pseudonym="P-1", now_ms=0)
    with pytest.raises(EnrolmentError, match="already"):
        enrol_gateway(engine, GATEWAY, name="again", now_ms=0)
    with pytest.raises(EnrolmentError, match="hexadecimal"):
        enrol_gateway(engine, "home", name="home", now_ms=0)
    with pytest.raises(EnrolmentError, match="hexadecimal"):
        assign_clip(engine, "clip", anna, start_ms=0, now_ms=0)
    with pytest.raises(EnrolmentError, match="not enrolled"):
        assign_clip(engine, CLIP, anna, start_ms=0, now_ms=0, gateway_id="9" * 16)
    with pytest.raises(UnknownPatientError):
        assign_clip(engine, CLIP, 99, start_ms=0, now_ms=0)
    bert = enrol_patient(engine, name="Bert", zone="UTC", now_ms=0)
    assign_clip(engine, CLIP, bert, start_ms=50, now_ms=0)
    with pytest.raises(EnrolmentError, match="another patient"):
        assign_clip(engine, CLIP, anna, start_ms=50, now_ms=0)


def test_each_patient_has_a_seed_of_their_own_and_keeps_it(engine: Engine) -> None:
    patients = [enrol_patient(engine, name=f"P{n}", zone="UTC", now_ms=0) for n in range(6)]
    first = [new(engine, patient).plan.seed for patient in patients]
    assert len(set(first)) > 1
    assert [new(engine, patient, angle_deg=14).plan.seed for patient in patients] == first
    assert new(engine, patients[0], seed=7).plan.seed == 7
    assert new(engine, patients[0]).plan.seed == 7


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"trigger": "angle"}, "trigger: Input should be 'dwell' or 'dose'"),
        ({"probe_every": 7}, "probe_every: Input should be 0, 2, 3, 4 or 5"),
        ({"quiet_start": "12:00"}, "quiet hours need a start and an end"),
        ({"quiet_start": "12:00", "quiet_end": "12:00"}, "quiet hours must start before they end"),
        ({"quiet_start": "12:00", "quiet_end": "17:30"}, "quiet hours must lie within the window"),
    ],
)
def test_what_the_clip_could_not_follow_is_refused_in_words(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPlanError) as refused:
        validate({"version": 1, **fields})
    assert message in str(refused.value)
