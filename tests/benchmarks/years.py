"""A store with years in it: a few patients' days through ingest and the rebuilder, everybody else's as copies of them
that the database makes by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, String, Table, cast, delete, func, insert, literal, select

from gateway import messages
from server.ingest.service import settle_all
from server.plans.service import confirm, create_plan
from server.store import epoch_blob, reading, writing
from server.store.tables import assignment, daily, episode, epoch_hour, patient, reminder
from server.summaries.service import rebuild_stale
from server.summaries.stale import mark_stale
from tests.benchmarks.wearers import DAY, GATEWAY, NOW_MS, START_MS, enrol, payloads

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
EVENTS: Final = 20
"""Episodes, and reminders, a day."""
_AT_ONCE: Final = 50
"""Patients copied in one transaction."""


def begin(engine: Engine, patients: int) -> list[int]:
    """So many patients with a plan, and a simulated workday of the first, told and summarised."""
    made = enrol(engine, patients)
    for patient_id in made:
        plan = create_plan(engine, patient_id, {}, author_id=None, reason="First", now_ms=0)
        with writing(engine) as db:
            confirm(db, patient_id, plan.version, 1)
    for payload in payloads(1, 200):
        message = messages.parse("records", payload)
        assert isinstance(message, messages.Records)
        settle_all(engine, [(GATEWAY, message)], NOW_MS)
    rebuild(engine, NOW_MS)
    with writing(engine) as db:  # the empty day on which their plan was written
        db.execute(delete(daily).where(daily.c.patient_id > 1))
    return made


def live_through(
    engine: Engine,
    patient_id: int,
    days: Iterable[int],
    day: date = DAY,
    start_ms: int = START_MS,
    now_ms: int = NOW_MS,
) -> None:
    """Give a patient the first one's `day`, from `start_ms` on, again, so many days earlier each; the rebuilder makes
    their figures."""
    with reading(engine) as db:
        hour = epoch_hour.c.hour
        whole = hour.between(start_ms // HOUR_MS, start_ms // HOUR_MS + 12)
        hours = db.execute(select(hour, epoch_hour.c.blob).where(epoch_hour.c.patient_id == 1, whole)).all()
        events = {
            table: [
                {k: v for k, v in row.items() if k != "id"}
                for row in db.execute(
                    select(table)
                    .where(table.c.patient_id == 1, table.c.utc_ms.between(start_ms, start_ms + 12 * HOUR_MS))
                    .limit(EVENTS)
                ).mappings()
            ]
            for table in (episode, reminder)
        }
        clip = db.scalar(select(assignment.c.clip).where(assignment.c.patient_id == patient_id))
    own = {"patient_id": patient_id, "clip": clip}
    days = list(days)
    with writing(engine) as db:
        moved = [
            {**own, "hour": hour - 24 * back, "blob": _shifted(blob, -back * DAY_MS)}
            for back in days
            for hour, blob in hours
        ]
        db.execute(insert(epoch_hour), moved)
        for table, rows in events.items():
            told = [
                {**row, **own, "boot": f"{back:015x}f", "utc_ms": row["utc_ms"] - back * DAY_MS}
                for back in days
                for row in rows
            ]
            db.execute(insert(table), told)
        mark_stale(db, [(patient_id, day - timedelta(days=back)) for back in days])
    rebuild(engine, now_ms)


MEASURED: Final = (epoch_hour, episode, reminder, daily)


def copy(engine: Engine, lived: int, first: int, last: int, tables: Sequence[Table] = MEASURED) -> None:
    """Give the patients `first` to `last` all that the patients 1 to `lived` have in `tables`, by turns."""
    for start in range(first, last + 1, _AT_ONCE):
        for table in tables:
            _copy(engine, table, lived, start, min(start + _AT_ONCE - 1, last))


def _copy(engine: Engine, table: Table, lived: int, first: int, last: int) -> None:
    number = patient.c.id
    changed: dict[str, ColumnElement[Any]] = {"patient_id": number}
    if "clip" in table.c:
        changed["clip"] = assignment.c.clip
    if "body_json" in table.c:
        was, is_now = (
            literal('{"patient_id": ') + cast(one, String) + literal(",") for one in (table.c.patient_id, number)
        )
        changed["body_json"] = func.replace(table.c.body_json, was, is_now)
    names = [column.name for column in table.c if column.name != "id"]
    rows = (
        select(*(changed.get(name, table.c[name]).label(name) for name in names))
        .select_from(patient)
        .join(assignment, assignment.c.patient_id == number)
        .join(table, table.c.patient_id == (number - 1) % lived + 1)
        .where(number.between(first, last))
    )
    with writing(engine) as db:
        db.execute(insert(table).from_select(names, rows))


def _shifted(blob: bytes, by_ms: int) -> bytes:
    table = epoch_blob.decode(blob).copy()
    table["utc_ms"] += by_ms
    return epoch_blob.encode(epoch_blob.rows_of(table))


def rebuild(engine: Engine, now_ms: int) -> None:
    """Make all figures that are out of date."""
    while rebuild_stale(engine, now_ms):
        pass
