"""Which clips become the patient's when the patient's computer tells of them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from gateway import messages
from server.enrolment.adoption import BEFORE_MS, adopt
from server.enrolment.service import offer_code, redeem, revoke
from server.ingest.enrolment import assign_clip, enrol_gateway
from server.ingest.service import settle
from server.mqtt.downlink import take_status
from server.plans.service import create_plan
from server.store import reading, writing
from server.store.tables import assignment, gateway
from tests.server.enrolment.conftest import NOW, People

CLIP, OTHER = "a" * 16, "b" * 16


def computer(people: People, patient_id: int, now_ms: int = NOW) -> str:
    offer = offer_code(people.engine, patient_id, author_id=people.therapist, now_ms=now_ms)
    return redeem(people.engine, offer.code, now_ms=now_ms).gateway


def tell(people: People, gateway_id: str, *clips: str, now_ms: int = NOW) -> list[str]:
    with writing(people.engine) as db:
        return adopt(db, gateway_id, clips, now_ms)


def worn(people: People) -> list[tuple[Any, ...]]:
    with reading(people.engine) as db:
        columns = assignment.c
        rows = db.execute(select(columns.clip, columns.gateway, columns.patient_id, columns.start_ms, columns.end_ms))
        return [tuple(row) for row in rows]


def test_nobodys_clip_becomes_the_patients_once(people: People) -> None:
    home = computer(people, people.anna)
    assert tell(people, home, CLIP, now_ms=NOW + 60_000) == [CLIP]
    assert tell(people, home, CLIP, now_ms=NOW + 120_000) == []
    assert worn(people) == [(CLIP, home, people.anna, NOW, None)]


def test_a_second_computer_of_the_patient_may_write_too(people: People) -> None:
    home = computer(people, people.anna)
    tell(people, home, CLIP)
    later = NOW + 9 * BEFORE_MS
    office = computer(people, people.anna, later)
    ack = settle(people.engine, office, batch(epoch(1, CLIP, NOW + 5000)), later)  # the clip kept it until now
    assert ack.rejected == ()
    assert [row[1:4] for row in worn(people)] == [(home, people.anna, NOW), (office, people.anna, NOW)]


def test_somebody_elses_clip_is_not_taken_over(people: People) -> None:
    tell(people, computer(people, people.bert), CLIP)
    assert tell(people, computer(people, people.anna), CLIP) == []
    assert [row[2] for row in worn(people)] == [people.bert]


def test_a_clip_that_was_given_back_is_the_patients_from_then_on(people: People) -> None:
    enrol_gateway(people.engine, "1" * 16, name="desk", now_ms=0)
    assign_clip(people.engine, CLIP, people.bert, start_ms=0, now_ms=0, gateway_id="1" * 16)
    home = computer(people, people.anna)
    with writing(people.engine) as db:
        db.execute(assignment.update().values(end_ms=NOW + 500))
    assert tell(people, home, CLIP, now_ms=NOW + 499) == []
    assert tell(people, home, CLIP, now_ms=NOW + 1000) == [CLIP]
    assert worn(people)[-1] == (CLIP, home, people.anna, NOW + 500, None)


def test_nothing_older_than_a_day_comes_with_a_clip(people: People) -> None:
    home = computer(people, people.anna)
    later = NOW + 30 * BEFORE_MS
    tell(people, home, CLIP, now_ms=later)
    assert worn(people)[0][3] == later - BEFORE_MS


def paired(people: People, gateway_id: str, paired_ms: int | None, now_ms: int) -> None:
    told = messages.ClipStatus(clip=CLIP, link="live", paired_utc_ms=paired_ms)
    with writing(people.engine) as db:
        take_status(db, gateway_id, messages.Status(schema="status/1", online=True, utc_ms=1, clips=(told,)), now_ms)


def test_everything_since_it_was_paired_comes_with_a_clip_however_long_the_line_was_down(people: People) -> None:
    home = computer(people, people.anna)
    later = NOW + 30 * BEFORE_MS
    paired(people, home, NOW + 7_000, later)
    assert worn(people)[0][3] == NOW + 7_000
    told = batch(epoch(1, CLIP, NOW + 6_999), epoch(2, CLIP, NOW + 7_000), epoch(3, CLIP, later))
    ack = settle(people.engine, home, told, later)
    assert [(row.n, row.reason) for row in ack.rejected] == [(1, "not_assigned")], "that was whoever had it before"


@pytest.mark.parametrize(
    ("paired_ms", "since"),
    [
        (NOW - 5 * BEFORE_MS, NOW),  # before this computer was the patient's
        (NOW + 9 * BEFORE_MS, NOW + 7 * BEFORE_MS),  # a clock that is ahead proves nothing
        (None, NOW + 7 * BEFORE_MS),
    ],
)
def test_when_a_clip_was_paired_is_believed_within_bounds(people: People, paired_ms: int | None, since: int) -> None:
    home = computer(people, people.anna)
    paired(people, home, paired_ms, NOW + 8 * BEFORE_MS)
    assert worn(people)[0][3] == since


def test_a_clip_that_somebody_wore_meanwhile_is_the_patients_from_their_end_on(people: People) -> None:
    enrol_gateway(people.engine, "1" * 16, name="desk", now_ms=0)
    home = computer(people, people.anna)
    assign_clip(people.engine, CLIP, people.bert, start_ms=0, now_ms=0, gateway_id="1" * 16)
    with writing(people.engine) as db:
        db.execute(assignment.update().values(end_ms=NOW + 9_000))
    paired(people, home, NOW + 7_000, NOW + 10_000)
    assert worn(people)[-1][2:4] == (people.anna, NOW + 9_000)


@pytest.mark.parametrize("ended", [True, False])
def test_a_gateway_that_is_revoked_or_no_patients_adopts_nothing(people: People, ended: bool) -> None:
    if ended:
        gateway_id = computer(people, people.anna)
        revoke(people.engine, people.anna, gateway_id, author_id=people.therapist, now_ms=NOW)
    else:
        gateway_id = "1" * 16
        enrol_gateway(people.engine, gateway_id, name="desk", now_ms=0)
    assert tell(people, gateway_id, CLIP) == []
    assert worn(people) == []


def epoch(n: int, clip: str, utc_ms: int) -> messages.Row:
    record = {"kind": "epoch", "clip": clip, "boot": "0" * 16, "judge": "gateway", "start_ms": n * 60_000, "rev": 0}
    record |= {"utc_ms": utc_ms, "plan": 1, "calibration": 1, "codes": "a" * 60, "sagittal": [3] * 30}
    return messages.Row(n=n, record=record)


def batch(*rows: messages.Row) -> messages.Records:
    return messages.Records(schema="records/1", spool="5" * 32, first=rows[0].n, last=rows[-1].n, rows=rows)


def test_records_that_come_before_the_status_are_taken(people: People) -> None:
    home = computer(people, people.anna)
    ack = settle(people.engine, home, batch(epoch(1, CLIP, NOW + 1000), epoch(2, OTHER, NOW - 1)), NOW + 61_000)
    assert [(row.n, row.reason) for row in ack.rejected] == [(2, "not_assigned")]


def test_a_status_brings_the_plan_to_a_clip_that_was_nobodys(people: People) -> None:
    home = computer(people, people.anna)
    create_plan(people.engine, people.anna, {"dwell_s": 90}, author_id=None, reason="First", now_ms=NOW)
    clip = messages.ClipStatus(clip=CLIP, link="live", plan_version=None)
    status = messages.Status(schema="status/1", online=True, utc_ms=NOW, clips=(clip,))
    with writing(people.engine) as db:
        outgoing, known = take_status(db, home, status, NOW)
    assert known
    assert [type(item.message) for item in outgoing] == [messages.PlanMessage]


def test_what_a_revoked_computer_tells_is_left_out(people: People) -> None:
    home = computer(people, people.anna)
    revoke(people.engine, people.anna, home, author_id=people.therapist, now_ms=NOW)
    status = messages.Status(
        schema="status/1", online=True, utc_ms=NOW, clips=(messages.ClipStatus(clip=CLIP, link="live"),)
    )
    with writing(people.engine) as db:
        assert take_status(db, home, status, NOW + 1) == ([], True)
        assert db.execute(select(gateway.c.online, gateway.c.seen_ms)).one() == (False, None)
    ack = settle(people.engine, home, batch(epoch(1, CLIP, NOW + 1000)), NOW + 1)
    assert [row.reason for row in ack.rejected] == ["revoked"]
