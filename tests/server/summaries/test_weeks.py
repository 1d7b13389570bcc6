"""Marks, zones and weeks in the database, on both of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, update

from gateway import messages
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient
from server.ingest.service import settle
from server.plans.service import create_plan
from server.store import UnknownPatientError, reading, writing
from server.store.tables import daily, patient
from server.summaries.calendar import UnknownZoneError, local_day
from server.summaries.marks import MarkError, mark_day, mark_history, marks_between
from server.summaries.periods import LeftOut
from server.summaries.service import day_view, rebuild_stale, summaries
from server.summaries.service import today as present_day
from server.summaries.stale import mark_spans, stale_days
from server.summaries.travel import ZoneChangeError, set_zone, take_back_zone
from server.summaries.weeks import period
from server.summaries.zone_history import EVER_MS, zone_periods, zones_of
from server.summaries.zones import Zones

M, HOUR, DAY_MS = 60_000, 3_600_000, 86_400_000
DAY = date(2026, 11, 24)
BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"
NINE = int(datetime(2026, 11, 24, 8, tzinfo=UTC).timestamp() * 1000)  # 9:00 in Berlin
NOON = NINE + 3 * HOUR
LATER = NINE + 48 * HOUR
GATEWAY, CLIP = "1" * 16, "a" * 16


@pytest.fixture
def anna(engine: Engine) -> int:
    patient_id = enrol_patient(engine, name="Anna", zone=BERLIN, now_ms=0)
    enrol_gateway(engine, GATEWAY, name="home", now_ms=0)
    assign_clip(engine, CLIP, patient_id, start_ms=NINE - 10**10, now_ms=0)
    create_plan(engine, patient_id, {"start": "09:00", "end": "10:00"}, author_id=None, reason="", now_ms=NINE - 10**10)
    return patient_id


def send(engine: Engine, first_ms: int, minutes: int, code: str = "a") -> None:
    rows = [
        {
            "n": n,
            "record": {
                "kind": "epoch", "clip": CLIP, "boot": f"{first_ms:016x}", "judge": "gateway", "rev": 1, "plan": 1,
                "calibration": 1, "codes": code * 60, "sagittal": [5] * 30, "start_ms": n * M,
                "utc_ms": first_ms + n * M,
            },
        }
        for n in range(minutes)
    ]  # fmt: skip
    message = {"schema": "records/1", "spool": "5" * 32, "first": 0, "last": len(rows) - 1, "rows": rows}
    assert settle(engine, GATEWAY, messages.Records.model_validate(message), LATER).rejected == ()


def move(engine: Engine, patient_id: int, zone: str, start_ms: int, now_ms: int = LATER) -> None:
    with writing(engine) as db:
        set_zone(db, patient_id, zone, start_ms=start_ms, author_id=None, now_ms=now_ms)


def rebuild(engine: Engine, now_ms: int = LATER) -> None:
    while rebuild_stale(engine, now_ms):
        pass


def test_a_patient_who_travels_keeps_the_days_that_were_lived(engine: Engine, anna: int) -> None:
    send(engine, NINE - DAY_MS, 60)
    send(engine, NINE, 60)
    rebuild(engine)
    before = summaries(engine, [anna], DAY - timedelta(days=1), DAY)
    move(engine, anna, TOKYO, NOON + 12_345)
    with reading(engine) as db:
        assert zones_of(db, [anna]) == {anna: Zones(BERLIN, ((NOON, TOKYO),))}
        assert [(one.start_ms, one.zone) for one in zone_periods(db, anna)] == [(NOON, TOKYO), (EVER_MS, BERLIN)]
        assert db.scalar(select(patient.c.zone).where(patient.c.id == anna)) == TOKYO
        assert stale_days(db, [anna], DAY - timedelta(days=9), DAY + timedelta(days=9))[anna] == {
            DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)
        }  # fmt: skip
    rebuild(engine)
    after = summaries(engine, [anna], DAY - timedelta(days=1), DAY)
    assert after[anna, DAY - timedelta(days=1)] == before[anna, DAY - timedelta(days=1)]
    there = after[anna, DAY]
    assert (there.zone, there.zones[0][1]) == (TOKYO, BERLIN)
    assert (there.day_end_ms - there.day_start_ms) // HOUR == 16
    assert (there.worn_s, there.window_s, there.plan_zone) == (3600, 3600, BERLIN)
    # The clip goes on by the plan's zone: 9:00 to 10:00 in Berlin is 17:00 to 18:00 here.
    next_day = day_view(engine, anna, DAY + timedelta(days=1), LATER).summary
    assert next_day.windows == ((NINE + DAY_MS, NINE + DAY_MS + HOUR),)
    assert present_day(engine, anna, NOON + 4 * HOUR) == DAY + timedelta(days=1)


def test_a_change_of_zone_can_be_put_right_and_taken_back(engine: Engine, anna: int) -> None:
    send(engine, NINE, 60)
    rebuild(engine)
    as_it_was = summaries(engine, [anna], DAY, DAY)
    move(engine, anna, "Asia/Seoul", NOON)
    move(engine, anna, TOKYO, NOON)
    with reading(engine) as db:
        assert zones_of(db, [anna])[anna].changes == ((NOON, TOKYO),)
    move(engine, anna, BERLIN, NOON + 20 * HOUR)
    with writing(engine) as db:
        for start_ms in (NOON + HOUR, EVER_MS):
            with pytest.raises(ZoneChangeError, match="No change of zone is known"):
                take_back_zone(db, anna, start_ms, now_ms=LATER)
        take_back_zone(db, anna, NOON, now_ms=LATER)
        assert zones_of(db, [anna])[anna].at(LATER) == BERLIN
        assert db.scalar(select(patient.c.zone)) == BERLIN
    rebuild(engine)
    assert summaries(engine, [anna], DAY, DAY) == as_it_was


def test_a_change_of_zone_that_cannot_be(engine: Engine, anna: int) -> None:
    for zone, start_ms, words in (
        ("Mars/Olympus", NOON, "unknown time zone"),
        (TOKYO, LATER + 2 * M, "once it has happened"),
        (TOKYO, LATER - 401 * DAY_MS, "the last 400 days"),
        (BERLIN, NOON, "in Europe/Berlin then already"),
    ):
        with pytest.raises((ZoneChangeError, UnknownZoneError), match=words):
            move(engine, anna, zone, start_ms)
    with pytest.raises(UnknownPatientError):
        move(engine, anna + 1, TOKYO, NOON)
    with reading(engine) as db:
        assert zones_of(db, [anna]) == {anna: Zones(BERLIN)}


def test_spans_mark_every_local_day_that_they_reach_into(engine: Engine, anna: int) -> None:
    rebuild(engine)
    day_start, day_end = local_day(BERLIN, DAY)
    with writing(engine) as db:
        mark_spans(db, [(anna, day_end - 1, day_end + 1), (anna, day_start + HOUR, day_start + 2 * HOUR)])
        assert stale_days(db, [anna], DAY - timedelta(days=5), DAY + timedelta(days=5))[anna] == {
            DAY,
            DAY + timedelta(days=1),
        }
        mark_spans(db, [(anna, day_start - 3 * DAY_MS, day_start - 2 * DAY_MS), (anna, day_start - 1, day_start)])
        assert stale_days(db, [anna], DAY - timedelta(days=9), DAY - timedelta(days=1))[anna] == {
            DAY - timedelta(days=3), DAY - timedelta(days=1)
        }  # fmt: skip


def say(engine: Engine, patient_id: int, reason: str, day: date = DAY, *, representative: bool = False) -> None:
    with writing(engine) as db:
        mark_day(db, patient_id, day, representative=representative, reason=reason, author_id=None, now_ms=LATER)


def test_a_mark_counts_until_it_is_taken_back_and_all_are_kept(engine: Engine, anna: int) -> None:
    say(engine, anna, "  at home,\n ill ")
    say(engine, anna, "on leave, not ill")
    with reading(engine) as db:
        assert marks_between(db, anna, DAY, DAY)[DAY].reason == "on leave, not ill"
        assert marks_between(db, anna, DAY + timedelta(days=1), LAST) == {}
    say(engine, anna, "", representative=True)
    with reading(engine) as db:
        assert marks_between(db, anna, DAY, DAY) == {}
        history = mark_history(db, anna, DAY)
    assert [(one.representative, one.reason) for one in history] == [
        (True, ""), (False, "on leave, not ill"), (False, "at home, ill")
    ]  # fmt: skip


LAST = DAY + timedelta(days=9)


def test_marks_that_cannot_be(engine: Engine, anna: int) -> None:
    for reason, day, words in (
        (" a ", DAY, "Say why"),
        ("x" * 201, DAY, "at most 200 characters"),
        ("holiday", LAST, "has not come yet"),
    ):
        with pytest.raises(MarkError, match=words):
            say(engine, anna, reason, day)
    with pytest.raises(MarkError, match="counts already"):
        say(engine, anna, "", representative=True)
    with pytest.raises(UnknownPatientError):
        say(engine, anna + 1, "holiday")
    with reading(engine) as db:
        assert mark_history(db, anna, DAY) == ()


@pytest.fixture
def read_tables(engine: Engine) -> Iterator[list[str]]:
    """Statements that were sent to the database."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_a_week_is_read_from_stored_days_and_never_made_from_epochs(
    engine: Engine, anna: int, read_tables: list[str]
) -> None:
    for back in range(4):
        send(engine, NINE - back * 7 * DAY_MS, 40)
    rebuild(engine)
    say(engine, anna, "ill", DAY - timedelta(days=7))
    read_tables.clear()
    week = period(engine, anna, date(2026, 11, 23), date(2026, 11, 29), LATER)
    assert not [statement for statement in read_tables if "epoch_hour" in statement or "FROM episode" in statement]
    assert len(read_tables) <= 8
    assert [line.left_out for line in week.recent.days] == [
        LeftOut.NOTHING_RECORDED, None, LeftOut.NOTHING_RECORDED, LeftOut.NOT_OVER, *[LeftOut.NOT_COME] * 3
    ]  # fmt: skip
    assert (week.recent.worn_s, week.recent.elapsed_s, week.being_made) == (2400, 3 * 3600, 0)
    assert [line.date for line in week.before.days if line.left_out is None] == [
        DAY - timedelta(days=21), DAY - timedelta(days=14)
    ]  # fmt: skip
    saturday = week.before.days[5]
    assert (saturday.date.weekday(), saturday.left_out, saturday.window_s) == (5, LeftOut.NO_WINDOW, 0)
    long_ago = period(engine, anna, date(2026, 7, 6), date(2026, 7, 12), LATER)
    assert {line.left_out for line in long_ago.recent.days} == {LeftOut.NO_PLAN}


def test_days_of_older_code_are_told_to_be_made_anew(engine: Engine, anna: int) -> None:
    send(engine, NINE, 60)
    rebuild(engine)
    with writing(engine) as db:
        db.execute(update(daily).values(algo=2, body_json="{}"))
    week = period(engine, anna, date(2026, 11, 23), date(2026, 11, 29), LATER)
    assert week.recent.days[1].left_out is LeftOut.BEING_MADE
    assert week.being_made >= 1
    rebuild(engine)
    week = period(engine, anna, date(2026, 11, 23), date(2026, 11, 29), LATER)
    assert (week.recent.days[1].left_out, week.being_made) == (None, 0)
    with pytest.raises(UnknownPatientError):
        period(engine, anna + 1, DAY, DAY, LATER)
