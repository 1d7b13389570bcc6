"""Four weeks from stored days, and the patient's own beginning beside them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date, timedelta

from sqlalchemy import Engine, insert, update

from server.ingest.enrolment import enrol_patient
from server.store import writing
from server.store.tables import daily
from server.summaries.detail import write_detail
from server.summaries.marks import mark_day
from server.summaries.picture import BASELINE_DAYS, picture
from server.summaries.types import CODE, DayDetail, HourDetail
from tests.server.summaries.test_periods import summary

WEDNESDAY = 2
LAST = date(2026, 11, 22)
FIRST = LAST - timedelta(days=27)
NOW_MS = int((LAST - date(1970, 1, 1)).days + 1) * 86_400_000 + 43_200_000


def detail(day: date) -> DayDetail:
    return DayDetail((HourDetail(9, tuple(3600 * (name == "upright") for name in CODE)),), ((day.day, 3600),))


def store(engine: Engine, patient_id: int, days: list[date]) -> None:
    with writing(engine) as db:
        for day in days:
            body = replace(summary(day), patient_id=patient_id)
            if day.weekday() == WEDNESDAY:
                body = replace(body, worn_s=60, shortfall="worn for less than 1 % of the window, 60 % are needed")
            values = {"algo": body.algo, "computed_ms": NOW_MS, "so_far": False, "window_end_ms": 1}
            text = {"body_json": json.dumps(asdict(body)), "detail_json": write_detail(detail(day))}
            db.execute(insert(daily).values(patient_id=patient_id, date=day.isoformat(), **values, **text))


def test_the_baseline_is_the_first_days_that_count_before_the_period(engine: Engine) -> None:
    number = enrol_patient(engine, name="Anna", zone="UTC", now_ms=0)
    other = enrol_patient(engine, name="Bert", zone="UTC", now_ms=0)
    began = FIRST - timedelta(days=60)
    store(engine, number, [began + timedelta(days=n) for n in range(88)])
    store(engine, other, [began - timedelta(days=30)])
    ill = began + timedelta(days=1)
    with writing(engine) as db:
        mark_day(db, number, ill, representative=False, reason="ill", author_id=None, now_ms=NOW_MS)
        db.execute(update(daily).where(daily.c.date == FIRST.isoformat()).values(algo=1, body_json="{}"))
    shown = picture(engine, number, FIRST, LAST, NOW_MS)
    days = [date.fromisoformat(day.summary.date) for day in shown.baseline]
    weekdays = [day for day in (began + timedelta(days=n) for n in range(40)) if day.weekday() < 5]
    assert days == [day for day in weekdays if day.weekday() != WEDNESDAY and day != ill][:BASELINE_DAYS]
    assert shown.baseline[0].detail == detail(days[0])
    assert shown.has_baseline
    assert FIRST not in shown.inside, "an older version of the code made it"
    assert set(shown.inside) == {FIRST + timedelta(days=n) for n in range(1, 28)}
    assert shown.against["p50"].before_days == BASELINE_DAYS
    early = picture(engine, number, began + timedelta(days=5), began + timedelta(days=20), NOW_MS)
    assert {day.summary.date for day in early.baseline} < {(began + timedelta(days=n)).isoformat() for n in range(5)}
    assert not early.has_baseline
