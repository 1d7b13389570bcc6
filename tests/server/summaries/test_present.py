"""The list's days: out of what is stored wherever that is up to date, and the same figures as made from epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, update

from gateway import messages
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient
from server.ingest.service import settle
from server.plans.service import create_plan
from server.store import epoch_blob, writing
from server.store.tables import daily
from server.summaries.day import GRACE_MS, DayInputs, build_day
from server.summaries.present import carry_on, present_days
from server.summaries.service import day_view, rebuild_stale, today
from server.summaries.stale import mark_stale
from server.summaries.travel import set_zone
from server.summaries.zones import Zones

M, HOUR = 60_000, 3_600_000
DAY = date(2026, 11, 24)
NINE = int(datetime(2026, 11, 24, 9, tzinfo=UTC).timestamp() * 1000)
GATEWAY = "1" * 16
CODES = st.sampled_from([10, 10, 9, 4, 1, 2])


def told(starts: list[int], codes: list[int], shifts: list[int]) -> epoch_blob.Rows:
    rows = [
        epoch_blob.pack_row(
            messages.Epoch.model_validate(
                {
                    "clip": "a" * 16, "boot": f"{number:016x}", "judge": "gateway", "start_ms": 0, "rev": 1,
                    "utc_ms": NINE + start, "plan": 1, "calibration": 1, "codes": f"{code:x}" * 60,
                    "sagittal": (4,) * 30, "shifts": shift,
                }
            )
        )
        for number, (start, code, shift) in enumerate(zip(starts, codes, shifts, strict=True))
    ]  # fmt: skip
    return np.frombuffer(b"".join(rows), dtype=epoch_blob.ROW)


@given(st.data(), st.integers(-30, 150), st.integers(0, 200), st.booleans())
def test_a_day_carried_on_is_the_day_as_it_is_made_then(
    data: st.DataObject, now_min: int, later_s: int, away: bool
) -> None:
    count = data.draw(st.integers(0, 12))
    rows = told(
        [minute * M + data.draw(st.integers(-900, 900)) for minute in range(count)],
        data.draw(st.lists(CODES, min_size=count, max_size=count)),
        data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)),
    )
    plan = messages.Plan(version=1, start="09:00", end="11:00", zone="UTC")
    if away:  # the day ends within the window, and another part of one comes before it
        plan = messages.Plan(version=1, start="09:00", end="23:59", zone="UTC")
    zones = Zones("UTC", ((NINE - HOUR, "Pacific/Auckland"),)) if away else Zones("UTC")
    day = zones.day_at(NINE)
    inputs = DayInputs(7, zones, day, plan, {"a" * 16: rows} if count else {}, (), (), (), 0)
    now = NINE + now_min * M + data.draw(st.integers(0, M))
    before = build_day(inputs, now).summary
    assert carry_on(before, now + later_s * 1000) == build_day(inputs, now + later_s * 1000).summary
    assert carry_on(before, now) == before


@pytest.fixture
def people(engine: Engine) -> list[int]:
    """Five patients with a plan, of whom the first four have a clip and a record of today."""
    enrol_gateway(engine, GATEWAY, name="home", now_ms=0)
    found = []
    for number in range(5):
        patient_id = enrol_patient(engine, name=f"P{number}", zone="UTC", now_ms=0)
        plan = {"start": "09:00", "end": "17:00"}
        create_plan(engine, patient_id, plan, author_id=None, reason="", now_ms=NINE - 10**9)
        if number < 4:
            assign_clip(engine, f"{number:016x}", patient_id, start_ms=NINE - 10**9, now_ms=0)
            send(engine, number, 0, 40 + number)
        found.append(patient_id)
    return found


def send(engine: Engine, clip: int, first: int, count: int) -> None:
    rows = [
        {
            "n": n,
            "record": {
                "kind": "epoch", "clip": f"{clip:016x}", "boot": "0" * 16, "judge": "gateway", "rev": 1, "plan": 1,
                "calibration": 1, "codes": ("4" if n % 20 == 9 else "a") * 60, "sagittal": [5] * 30,
                "start_ms": n * M, "utc_ms": NINE + n * M,
            },
        }
        for n in range(first, first + count)
    ]  # fmt: skip
    message = {"schema": "records/1", "spool": "5" * 32, "first": first, "last": rows[-1]["n"], "rows": rows}
    assert settle(engine, GATEWAY, messages.Records.model_validate(message), NINE).rejected == ()


@pytest.fixture
def blobs_read(engine: Engine) -> Iterator[list[str]]:
    """Readings of epochs."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "epoch_hour" in statement:
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def rebuild(engine: Engine, now_ms: int) -> None:
    while rebuild_stale(engine, now_ms):
        pass


def as_made(engine: Engine, people: list[int], now_ms: int) -> dict[int, Any]:
    return {one: day_view(engine, one, today(engine, one, now_ms), now_ms).summary for one in people}


def test_the_list_reads_what_is_stored(engine: Engine, people: list[int], blobs_read: list[str]) -> None:
    rebuild(engine, NINE + 45 * M)
    for now in (NINE + 45 * M, NINE + 3 * HOUR, NINE + 9 * HOUR, NINE + 20 * HOUR):
        expected = as_made(engine, people, now)
        blobs_read.clear()
        assert present_days(engine, people, now) == expected
        assert blobs_read == []
    assert present_days(engine, [987], NINE) == {}


def test_only_days_that_are_out_of_date_are_made_anew(engine: Engine, people: list[int], blobs_read: list[str]) -> None:
    rebuild(engine, NINE + 45 * M)
    now = NINE + HOUR
    changes: list[Callable[[], None]] = [
        lambda: send(engine, 1, 50, 3),
        lambda: create_plan_now(engine, people[2], now),
        lambda: age(engine, people[3]),
    ]
    for done, change in enumerate(changes, start=1):
        change()
        expected = as_made(engine, people, now)
        blobs_read.clear()
        assert present_days(engine, people, now) == expected
        assert len(blobs_read) == done
    rebuild(engine, now)
    blobs_read.clear()
    assert present_days(engine, people, now) == as_made(engine, people, now)
    assert len(blobs_read) == len(people)  # those of the comparison


def test_a_list_may_take_what_was_made_just_now(engine: Engine, people: list[int], blobs_read: list[str]) -> None:
    made_ms = NINE + 45 * M
    rebuild(engine, made_ms)
    then = as_made(engine, people, made_ms)
    send(engine, 1, 50, 3)
    blobs_read.clear()
    now = made_ms + GRACE_MS - 1
    shown = present_days(engine, people, now, behind_ms=GRACE_MS)
    assert blobs_read == []
    assert shown == {one: carry_on(summary, now) for one, summary in then.items()}
    now += 1
    assert present_days(engine, people, now, behind_ms=GRACE_MS) == as_made(engine, people, now)
    age(engine, people[3])
    shown = present_days(engine, people, made_ms, behind_ms=GRACE_MS)
    assert shown[people[3]] == then[people[3]], "not even for a moment as older code made it"


def test_a_day_made_before_it_began_is_made_with_the_plan_of_its_own_time(engine: Engine, people: list[int]) -> None:
    with writing(engine) as db:  # a clip whose clock is ahead marks tomorrow
        mark_stale(db, [(people[0], DAY + timedelta(days=1))])
    rebuild(engine, NINE + HOUR)
    create_plan_now(engine, people[0], NINE + 2 * HOUR)
    now = NINE + 26 * HOUR
    shown = present_days(engine, people[:1], now)
    assert shown == as_made(engine, people[:1], now)
    assert shown[people[0]].plan_version == 2


def create_plan_now(engine: Engine, patient_id: int, now_ms: int) -> None:
    create_plan(engine, patient_id, {"start": "09:00", "end": "10:00"}, author_id=None, reason="", now_ms=now_ms)


def age(engine: Engine, patient_id: int) -> None:
    with writing(engine) as db:
        db.execute(update(daily).where(daily.c.patient_id == patient_id).values(algo=1, body_json="{}"))


def test_each_is_told_on_their_own_present_day(engine: Engine, people: list[int]) -> None:
    rebuild(engine, NINE + 45 * M)
    with writing(engine) as db:
        set_zone(db, people[0], "Pacific/Auckland", start_ms=NINE + HOUR, author_id=None, now_ms=NINE + 4 * HOUR)
    now = NINE + 4 * HOUR
    shown = present_days(engine, people, now)
    assert [shown[one].date for one in people] == [(DAY + timedelta(days=1)).isoformat(), *["2026-11-24"] * 4]
    assert shown == as_made(engine, people, now)
