"""Days from the database: the view, the stored summaries and what makes them stale."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, update

from gateway import messages
from server.ingest import alarms
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient
from server.ingest.service import settle
from server.plans.service import create_plan
from server.store import UnknownPatientError, reading, writing
from server.store.tables import daily, epoch_hour, patient, stale_day
from server.summaries import rebuilder, service
from server.summaries.day import build_day
from server.summaries.service import Unreadable, day_view, rebuild_stale, summaries, today

M = 60_000
DAY = date(2026, 11, 24)
NINE = int(datetime(2026, 11, 24, 8, tzinfo=UTC).timestamp() * 1000)  # 9:00 in Berlin
LATER = NINE + 48 * 3_600_000
GATEWAY, CLIP = "1" * 16, "a" * 16


@pytest.fixture
def anna(engine: Engine) -> int:
    patient_id = enrol_patient(engine, name="Anna", zone="Europe/Berlin", now_ms=0)
    enrol_gateway(engine, GATEWAY, name="home", now_ms=0)
    assign_clip(engine, CLIP, patient_id, start_ms=NINE - 10**9, now_ms=0)
    create_plan(engine, patient_id, {"start": "09:00", "end": "10:00"}, author_id=None, reason="", now_ms=NINE - 10**8)
    return patient_id


def send(engine: Engine, *records: dict[str, Any], now_ms: int = LATER) -> None:
    common = {"clip": CLIP, "boot": "0" * 16, "judge": "gateway", "rev": 1, "plan": 1, "calibration": 1}
    rows = [{"n": n, "record": common | record} for n, record in enumerate(records)]
    message = {"schema": "records/1", "spool": "5" * 32, "first": 0, "last": len(rows) - 1, "rows": rows}
    assert settle(engine, GATEWAY, messages.Records.model_validate(message), now_ms).rejected == ()


def epoch(minute: int, code: str = "a", **more: Any) -> dict[str, Any]:
    place = {"start_ms": (minute + 600) * M, "utc_ms": NINE + minute * M}
    return {"kind": "epoch", "codes": code * 60, "sagittal": [5] * 30, **place, **more}


def test_the_view_of_a_day_has_everything_that_was_told(engine: Engine, anna: int) -> None:
    clip_says = {"judge": "clip", "plan": 1}
    send(
        engine,
        *[epoch(minute, "9" if minute == 30 else "a") for minute in range(60)],
        {
            "kind": "episode",
            "start_ms": 630 * M,
            "utc_ms": NINE + 30 * M,
            "duration_ms": M,
            "peak_deg": 21,
            "mean_deg": 17,
            "end_reason": "recovered",
        },
        {
            "kind": "reminder",
            "start_ms": 630 * M + 30_000,
            "utc_ms": NINE + 30 * M + 30_000,
            "since_ms": 630 * M,
            "angle_deg": 17.5,
            "reason": "given",
            "response": "prompt",
            "response_ms": 4_000,
            **clip_says,
        },
        {"kind": "paused", "start_ms": 700 * M, "utc_ms": NINE + 100 * M, "value": 5, **clip_says},
        {"kind": "paused", "start_ms": 9 * M, "utc_ms": None, "value": 5, **clip_says},
        {"kind": "boot", "start_ms": 0, "utc_ms": NINE - 600 * M, "value": 5, **clip_says},  # the day before
    )
    view = day_view(engine, anna, DAY, LATER)
    assert view.summary.seconds["upright"] == 59 * 60
    assert view.summary.seconds["slouched"] == 60
    assert (view.summary.date, view.summary.plan_version, view.summary.clips) == ("2026-11-24", 1, (CLIP,))
    assert [(one.start_ms, one.end_ms) for one in view.episodes] == [(NINE + 30 * M, NINE + 31 * M)]
    (reminder,) = view.reminders
    assert (reminder.since_ms, reminder.given, reminder.response_ms) == (NINE + 30 * M, True, 4_000)
    assert [event.kind for event in view.events] == ["paused"]
    assert view.unplaced == 1
    assert view.plan is not None
    assert view.plan.zone == "Europe/Berlin"


def test_a_patient_or_day_that_is_not_there(engine: Engine, anna: int) -> None:
    with pytest.raises(UnknownPatientError):
        day_view(engine, anna + 1, DAY, LATER)
    assert day_view(engine, anna, date(1971, 1, 1), LATER).summary.shortfall == "no plan yet"
    assert today(engine, anna, NINE + 15 * 3_600_000) == date(2026, 11, 25)


def test_the_window_is_that_of_the_plan_that_the_day_was_judged_with(engine: Engine, anna: int) -> None:
    create_plan(engine, anna, {"start": "09:00", "end": "12:00"}, author_id=None, reason="", now_ms=NINE)
    send(engine, epoch(0))
    assert day_view(engine, anna, DAY, LATER).summary.window_s == 3600
    send(engine, epoch(1, plan=2))
    assert day_view(engine, anna, DAY, LATER).summary.window_s == 3 * 3600
    assert day_view(engine, anna, date(2026, 11, 23), LATER).summary.plan_version == 1


def test_stale_days_are_made_again_once(engine: Engine, anna: int) -> None:
    send(engine, *[epoch(minute) for minute in range(40)])
    assert summaries(engine, [anna], DAY, DAY) == {}
    assert rebuild_stale(engine, LATER) >= 1
    stored = summaries(engine, [anna], DAY, DAY)
    assert stored == {(anna, DAY): day_view(engine, anna, DAY, LATER).summary}
    assert rebuild_stale(engine, LATER) == 0
    send(engine, epoch(40, "9"))
    assert rebuild_stale(engine, LATER) == 1
    assert summaries(engine, [anna], DAY, DAY)[anna, DAY].seconds["slouched"] == 60


def test_a_mark_made_while_a_day_is_being_made_is_not_lost(
    engine: Engine, anna: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(engine, epoch(0))
    while rebuild_stale(engine, LATER):
        pass
    send(engine, epoch(1))
    build = build_day

    def slow(inputs: Any, now_ms: int) -> Any:
        send(engine, epoch(2))
        return build(inputs, now_ms)

    with monkeypatch.context() as patched:
        patched.setattr(service, "build_day", slow)
        rebuild_stale(engine, LATER)
    assert summaries(engine, [anna], DAY, DAY)[anna, DAY].worn_s == 120
    assert rebuild_stale(engine, LATER) == 1
    assert summaries(engine, [anna], DAY, DAY)[anna, DAY].worn_s == 180


def test_a_day_told_so_far_is_made_again_when_its_window_has_ended(engine: Engine, anna: int) -> None:
    send(engine, *[epoch(minute) for minute in range(10)])
    rebuild_stale(engine, NINE + 11 * M)
    assert summaries(engine, [anna], DAY, DAY)[anna, DAY].so_far
    assert rebuild_stale(engine, NINE + 30 * M) == 0
    assert rebuild_stale(engine, NINE + 62 * M) == 1
    over = summaries(engine, [anna], DAY, DAY)[anna, DAY]
    assert (over.so_far, over.seconds["lost"]) == (False, 50 * 60)
    assert rebuild_stale(engine, LATER) == 0


def test_days_made_by_older_code_are_made_again(engine: Engine, anna: int) -> None:
    send(engine, epoch(0))
    rebuild_stale(engine, LATER)
    with writing(engine) as connection:
        connection.execute(update(daily).values(algo=0, body_json="{}"))
    assert summaries(engine, [anna], DAY, DAY) == {}
    assert rebuild_stale(engine, LATER) >= 1
    assert summaries(engine, [anna], DAY, DAY)[anna, DAY].worn_s == 60
    with reading(engine) as connection:
        assert connection.execute(select(stale_day)).all() == []


def test_more_days_than_one_call_takes(engine: Engine, anna: int) -> None:
    send(engine, *[epoch(day * 1440) for day in range(6)])
    made = [rebuild_stale(engine, LATER, limit=2) for _ in range(5)]
    assert made[0] == 2
    assert made[-1] == 0
    # The plan's making marked one day more.
    assert len(summaries(engine, [anna], date(2026, 11, 1), date(2026, 12, 1))) == sum(made) == 7


def test_the_rebuilder_makes_what_becomes_stale_and_survives_a_failure(
    engine: Engine, anna: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = threading.Semaphore(0)
    failed = threading.Event()
    rebuild = rebuild_stale

    def watched(*arguments: Any, **options: Any) -> int:
        if not failed.is_set():
            failed.set()
            raise ZeroDivisionError
        count = rebuild(*arguments, **options)
        for _ in range(count):
            made.release()
        return count

    monkeypatch.setattr(rebuilder, "rebuild_stale", watched)
    running = rebuilder.Rebuilder(engine, lambda: LATER, pause_s=0.01)
    running.start()
    try:
        assert made.acquire(timeout=15)  # the day of the plan
        send(engine, epoch(0))
        assert made.acquire(timeout=15)
    finally:
        running.stop()
    assert summaries(engine, [anna], DAY, DAY)[anna, DAY].worn_s == 60


def damage(engine: Engine, *days: int) -> None:
    with writing(engine) as connection:
        hours = [(NINE + day * 1440 * M) // 3_600_000 for day in days]
        connection.execute(update(epoch_hour).where(epoch_hour.c.hour.in_(hours)).values(blob=b"\x01\x00\x00junk"))


def test_as_many_unreadable_days_as_are_made_at_once_leave_the_older_ones_their_turn(
    engine: Engine, anna: int, caplog: pytest.LogCaptureFixture
) -> None:
    send(engine, *[epoch(day * 1440) for day in range(6)])
    damage(engine, 2, 3, 4, 5)
    unreadable: Unreadable = {}
    made = [rebuild_stale(engine, LATER, limit=2, unreadable=unreadable) for _ in range(5)]
    assert sum(made) == 3, "two days, and the one of the plan"
    assert {day.day - DAY.day for _, day in unreadable} == {2, 3, 4, 5}
    with reading(engine) as connection:
        (alarm,) = alarms.alarms(connection)
        assert len(connection.scalars(select(stale_day.c.date)).all()) == 4
    assert (alarm.kind, alarm.count) == (alarms.Kind.UNREADABLE_DAY, 4)
    assert len(caplog.records) == 4
    send(engine, epoch(5 * 1440 + 60))  # something new of one: another hour
    assert rebuild_stale(engine, LATER, unreadable=unreadable) == 0
    assert len(caplog.records) == 5


def test_days_of_older_code_have_their_turn_behind_unreadable_ones(engine: Engine, anna: int) -> None:
    send(engine, *[epoch(day * 1440) for day in range(6)])
    while rebuild_stale(engine, LATER):
        pass
    damage(engine, 0, 1, 2, 3)
    with writing(engine) as connection:
        connection.execute(update(daily).values(algo=0))
    unreadable: Unreadable = {}
    assert sum(rebuild_stale(engine, LATER, limit=2, unreadable=unreadable) for _ in range(6)) == 3
    assert rebuild_stale(engine, LATER, limit=2, unreadable=unreadable) == 0
    assert len(unreadable) == 4


@pytest.mark.parametrize("late", [False, True])
def test_somebody_erased_while_their_days_are_made_is_passed_over(
    engine: Engine, anna: int, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Whether before their day is read or before it is written: nothing is logged as an error, nothing comes back."""
    send(engine, epoch(0))
    view = service.day_view

    def slow(*arguments: Any) -> Any:
        made = view(*arguments) if late else None
        with writing(engine) as connection:
            connection.execute(delete(patient).where(patient.c.id == anna))
        return made or view(*arguments)

    monkeypatch.setattr(service, "day_view", slow)
    assert rebuild_stale(engine, LATER) == 0
    with reading(engine) as connection:
        assert connection.execute(select(daily)).all() == []
        assert connection.execute(select(stale_day)).all() == []


def test_a_day_that_cannot_be_read_does_not_hold_up_the_others(engine: Engine, anna: int) -> None:
    send(engine, epoch(0), epoch(1440))
    with writing(engine) as connection:
        damaged = (NINE + 1440 * M) // 3_600_000
        connection.execute(update(epoch_hour).where(epoch_hour.c.hour == damaged).values(blob=b"\x01\x00\x00junk"))
    while rebuild_stale(engine, LATER):
        pass
    assert summaries(engine, [anna], DAY, DAY)[anna, DAY].worn_s == 60
    with reading(engine) as connection:
        assert connection.scalars(select(stale_day.c.date)).all() == ["2026-11-25"]
