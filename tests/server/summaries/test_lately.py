"""What is kept of many patients' last days is what is said of each anew, whatever changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from server.ingest.enrolment import enrol_patient
from server.plans.service import confirm, create_plan
from server.store import writing
from server.store.tables import daily
from server.summaries.lately import said_lately
from server.summaries.marks import mark_day
from server.summaries.periods import Period
from server.summaries.stale import mark_stale
from server.summaries.weeks import period
from tests.server.summaries.test_weeks import DAY, DAY_MS, LATER, NINE, TOKYO, anna, move, rebuild, send

__all__ = ["anna"]


def whole(told: Period) -> Period:
    return told


@pytest.fixture
def days_read(engine: Engine) -> Iterator[list[str]]:
    """Readings of stored days."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "SELECT" in statement and "body_json" in statement and "daily" in statement:
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def anew(engine: Engine, everybody: list[int]) -> dict[int, Period]:
    last = DAY + timedelta(days=1)
    return {one: period(engine, one, last - timedelta(days=6), last, LATER) for one in everybody}


def test_what_is_kept_is_what_would_be_said_anew(engine: Engine, anna: int, days_read: list[str]) -> None:
    bert = enrol_patient(engine, name="Bert", zone="Europe/Berlin", now_ms=0)
    everybody = [anna, bert]
    send(engine, NINE - DAY_MS, 60)
    send(engine, NINE, 50)
    rebuild(engine)
    with writing(engine) as db:  # not this minute
        db.execute(update(daily).values(computed_ms=LATER - 9))

    def said() -> dict[int, Period]:
        return said_lately(engine, [*everybody, 987], LATER, 7, whole)

    assert said() == anew(engine, everybody)
    days_read.clear()
    assert said() == anew(engine, everybody)
    assert len(days_read) == len(everybody), "those of the comparison"

    def more_is_told() -> None:
        send(engine, NINE + 50 * 60_000, 3)
        rebuild(engine)

    def a_mark() -> None:
        with writing(engine) as db:
            mark_day(db, anna, DAY, representative=False, reason="ill", author_id=None, now_ms=LATER)

    def no_mark_after_all() -> None:
        with writing(engine) as db:
            mark_day(db, anna, DAY, representative=True, reason="", author_id=None, now_ms=LATER)

    def a_stale_day() -> None:
        with writing(engine) as db:
            mark_stale(db, [(anna, DAY)])

    def another_plan() -> None:
        create_plan(engine, anna, {"start": "09:00"}, author_id=None, reason="", now_ms=NINE - 9 * DAY_MS)
        rebuild(engine)

    def a_confirmation() -> None:
        with writing(engine) as db:
            assert confirm(db, anna, 2, NINE - 8 * DAY_MS)
            assert db.execute(daily.delete().where(daily.c.date < DAY.isoformat())).rowcount
        rebuild(engine)

    def older_code() -> None:
        with writing(engine) as db:
            db.execute(update(daily).where(daily.c.date == DAY.isoformat()).values(algo=1))

    def another_zone() -> None:
        move(engine, anna, TOKYO, LATER - 3_600_000)

    changes: list[Callable[[], None]] = [
        *(more_is_told, a_mark, no_mark_after_all, a_stale_day),
        *(another_plan, a_confirmation, older_code, another_zone),
    ]
    before = said()
    for change in changes:
        change()
        expected = anew(engine, everybody)
        assert expected[anna] != before[anna], change
        before = said()
        assert before == expected, change


def test_nothing_is_kept_over_a_day(engine: Engine, anna: int, days_read: list[str]) -> None:
    rebuild(engine)
    for now_ms in (LATER, LATER + DAY_MS, LATER):
        days_read.clear()
        assert said_lately(engine, [anna], now_ms, 7, whole)[anna].today == DAY + timedelta(days=2 + (now_ms > LATER))
        assert len(days_read) == 1
