"""Days from the database: the day page's view, and the stored summaries."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from itertools import islice
from typing import Any, Final

import numpy as np
from sqlalchemy import (
    CompoundSelect,
    Connection,
    Engine,
    Row,
    Table,
    bindparam,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from server.ingest.alarms import Kind, raise_alarm
from server.store import UnknownPatientError, reading, writing
from server.store.epoch_blob import HOUR_MS, ROW, BlobError, Rows, decode
from server.store.tables import (
    clip_event,
    daily,
    episode,
    epoch_hour,
    patient,
    reminder,
    stale_day,
    unplaced_epoch,
)
from server.store.upsert import upsert
from server.summaries.day import GRACE_MS, DayInputs, build_day, outside_windows
from server.summaries.detail import write_detail
from server.summaries.episodes import Told
from server.summaries.painting import MINUTE_MS
from server.summaries.prescribed import Prescribed, plan_of_day, prescribed
from server.summaries.types import ALGO, DayEvent, DayReminder, DaySummary, DayView, Stripe
from server.summaries.zone_history import LIVED, zones_in, zones_of_one
from server.summaries.zones import Zones

log: Final = logging.getLogger(__name__)

_EPISODE_REACH_MS: Final = 6 * HOUR_MS
"""How long before the day an episode may begin and still be joined with one of the day."""
_PLAIN: Final = np.dtype((np.void, ROW.itemsize))


_HAPPENED: Final[Mapping[Table, tuple[str, ...]]] = {
    episode: ("utc_ms", "duration_ms", "peak_deg", "mean_deg", "end_reason", "judge", "plan", "simulated"),
    reminder: (
        *("clip", "boot", "rev", "start_ms", "utc_ms", "since_ms", "angle_deg", "reason"),
        *("response", "response_ms", "judge", "plan", "simulated"),
    ),
    clip_event: ("utc_ms", "clip", "kind", "value"),
}


def _in_one(columns: Mapping[Table, tuple[str, ...]]) -> CompoundSelect[Any]:
    """What happened to `patient` from `first` to `last`, of all these tables in one answer: `of` is the table's name,
    and what a table does not have is NULL."""
    types = {name: table.c[name].type for table, names in columns.items() for name in names}
    return union_all(
        *(
            select(
                literal(table.name).label("of"),
                *(table.c[name] if name in names else cast(null(), kind).label(name) for name, kind in types.items()),
            ).where(
                table.c.patient_id == bindparam("patient"),
                table.c.utc_ms.between(bindparam("first"), bindparam("last")),
            )
            for table, names in columns.items()
        )
    )


# What is asked for each day is put together once, and in few questions: each is a way to the database and back.
_EVENTS: Final = _in_one(_HAPPENED)
_HOURS: Final = (
    select(epoch_hour.c.clip, epoch_hour.c.blob)
    .where(epoch_hour.c.patient_id == bindparam("patient"))
    .where(epoch_hour.c.hour.between(bindparam("first"), bindparam("last")))
    .order_by(epoch_hour.c.clip, epoch_hour.c.hour)
)
_UNPLACED: Final = (
    select(func.count()).where(unplaced_epoch.c.patient_id == patient.c.id),
    *(select(func.count()).where(table.c.patient_id == patient.c.id, table.c.utc_ms.is_(None)) for table in _HAPPENED),
)
_WHERE: Final = LIVED.add_columns(*(count.scalar_subquery() for count in _UNPLACED))


def day_view(engine: Engine, patient_id: int, day: date, now_ms: int) -> DayView:
    """A patient's local day, made from what is stored now. Raises UnknownPatientError."""
    with reading(engine) as connection:
        (inputs,) = day_inputs(connection, patient_id, [day])
    return build_day(inputs, now_ms)


def rest_of_day(engine: Engine, patient_id: int, day: date, now_ms: int) -> tuple[Stripe, ...]:
    """What was recorded outside the windows of a patient's local day. Raises UnknownPatientError."""
    with reading(engine) as connection:
        (inputs,) = day_inputs(connection, patient_id, [day])
    return outside_windows(inputs, now_ms)


def day_inputs(connection: Connection, patient_id: int, days: Iterable[date]) -> list[DayInputs]:
    """What is stored of these local days, each by itself. Raises UnknownPatientError."""
    where = connection.execute(_WHERE, {"patients": [patient_id]}).all()
    if not where:
        raise UnknownPatientError(f"no patient {patient_id}")
    zones, unplaced = zones_in(where)[patient_id], sum(where[0][-len(_UNPLACED) :])
    versions = prescribed(connection, [patient_id]).get(patient_id, [])
    return [_inputs(connection, patient_id, zones, versions, unplaced, day) for day in days]


_STILL_HERE: Final = (
    select(patient.c.id).where(patient.c.id == bindparam("patient")).with_for_update(read=True, key_share=True)
)
"""Keeps whoever erases the patient waiting."""


def today(engine: Engine, patient_id: int, now_ms: int) -> date:
    """The patient's local date. Raises UnknownPatientError."""
    with reading(engine) as connection:
        return zones_of_one(connection, patient_id).day_at(now_ms)


def summaries(
    engine: Engine, patient_ids: Iterable[int], first: date, last: date
) -> dict[tuple[int, date], DaySummary]:
    """The stored summaries of the days `first` to `last`, both included. A day that has none is missing, not zero."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(daily.c.patient_id, daily.c.date, daily.c.body_json).where(
                daily.c.patient_id.in_(list(patient_ids)),
                daily.c.date.between(first.isoformat(), last.isoformat()),
                daily.c.algo == ALGO,
            )
        ).all()
    return {(row.patient_id, date.fromisoformat(row.date)): read_summary(row.body_json) for row in rows}


Unreadable = dict[tuple[int, date], int]
"""Days (patient id, local date) whose epochs cannot be read, and how often each had been marked by then."""


def rebuild_stale(engine: Engine, now_ms: int, *, limit: int = 1000, unreadable: Unreadable | None = None) -> int:
    """Make the summaries of up to `limit` days again: those marked stale, those that an older version of the code made,
    and those told as "so far" whose window has ended since. Returns how many; call again while it returns `limit`.

    A day that cannot be read stays stale and is told as an alarm. It is added to `unreadable`, and left out as long as
    it is in there and nothing new has come for it, so that the days after it have their turn.
    """
    unreadable = {} if unreadable is None else unreadable
    with reading(engine) as connection:
        days = _due(connection, now_ms, limit, unreadable)
    made = 0
    for patient_id, day, marks in days:
        try:
            view = day_view(engine, patient_id, day, now_ms)
        except UnknownPatientError:
            continue  # erased since, and all marks with them
        except BlobError:
            log.exception("the epochs of patient %d on %s cannot be read", patient_id, day)
            unreadable[patient_id, day] = marks
            with writing(engine) as connection:
                raise_alarm(connection, Kind.UNREADABLE_DAY, now_ms, detail=f"patient {patient_id}, {day}")
            continue
        with writing(engine) as connection:
            if connection.scalar(_STILL_HERE, {"patient": patient_id}) is None:
                continue
            made += 1
            _write(connection, view, now_ms)
            # A mark made meanwhile has raised the number, and the day stays stale.
            connection.execute(
                delete(stale_day).where(
                    stale_day.c.patient_id == patient_id,
                    stale_day.c.date == day.isoformat(),
                    stale_day.c.marks == marks,
                )
            )
    return made


def _due(connection: Connection, now_ms: int, limit: int, unreadable: Unreadable) -> list[tuple[int, date, int]]:
    enough = limit + len(unreadable)
    marked = connection.execute(select(stale_day).order_by(stale_day.c.date.desc()).limit(enough)).all()
    days = {(row.patient_id, date.fromisoformat(row.date)): row.marks for row in marked}
    ended = (daily.c.so_far) & (daily.c.window_end_ms <= now_ms - GRACE_MS)
    old = connection.execute(
        select(daily.c.patient_id, daily.c.date)
        .where(or_(ended, daily.c.algo != ALGO))
        .limit(max(enough - len(days), 0))
    )
    for row in old:
        key = (row.patient_id, date.fromisoformat(row.date))
        days.setdefault(key, unreadable.get(key, 0))
    due = ((*key, marks) for key, marks in days.items() if unreadable.get(key) != marks)
    return list(islice(due, limit))


def _write(connection: Connection, view: DayView, now_ms: int) -> None:
    summary = view.summary
    values = {
        "algo": summary.algo,
        "computed_ms": now_ms,
        "so_far": summary.so_far,
        "window_end_ms": summary.window_end_ms,
        "body_json": json.dumps(asdict(summary)),
        "detail_json": write_detail(view.detail),
    }
    statement = upsert(connection, daily).values(patient_id=summary.patient_id, date=summary.date, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["patient_id", "date"], set_=values))


def read_summary(body: str) -> DaySummary:
    """The summary in a stored `body_json` of the present version of the code."""
    stored = json.loads(body)
    values = {field.name: stored[field.name] for field in fields(DaySummary)}
    for name in ("plan_versions", "calibration_versions", "clips"):
        values[name] = tuple(values[name])
    for name in ("zones", "windows"):
        values[name] = tuple((first, second) for first, second in values[name])
    return DaySummary(**values)


def _inputs(
    connection: Connection,
    patient_id: int,
    zones: Zones,
    versions: Sequence[Prescribed],
    unplaced: int,
    day: date,
) -> DayInputs:
    start, end = zones.bounds(day)
    rows = _rows(connection, patient_id, start, end)
    told = {
        int(version)
        for table in rows.values()
        for version in np.unique(table["plan"][(table["utc_ms"] >= start) & (table["utc_ms"] < end)])
    }
    return DayInputs(
        patient_id,
        zones,
        day,
        plan_of_day(versions, told, end),
        rows,
        *_happened(connection, patient_id, start, end),
        unplaced,
    )


def _rows(connection: Connection, patient_id: int, start_ms: int, end_ms: int) -> dict[str, Rows]:
    hours = {"first": (start_ms - MINUTE_MS) // HOUR_MS, "last": (end_ms - 1) // HOUR_MS}
    tables: dict[str, list[Rows]] = {}
    for clip, blob in connection.execute(_HOURS, {"patient": patient_id, **hours}):
        tables.setdefault(clip, []).append(decode(blob))
    # Joined as plain bytes: NumPy joins tables field by field.
    return {clip: np.concatenate([part.view(_PLAIN) for part in parts]).view(ROW) for clip, parts in tables.items()}


def _happened(
    connection: Connection, patient_id: int, start_ms: int, end_ms: int
) -> tuple[list[Told], list[DayReminder], list[DayEvent]]:
    """Episodes, from some hours before the start; reminders; events."""
    span = {"patient": patient_id, "first": start_ms - _EPISODE_REACH_MS, "last": end_ms - 1}
    rows = connection.execute(_EVENTS, span).all()
    told, reminded, events = ([row for row in rows if row.of == table.name] for table in _HAPPENED)
    return (
        # Without length: it turned out that the clip was not worn.
        [_episode(row) for row in told if row.duration_ms > 0],
        _reminders([row for row in reminded if row.utc_ms >= start_ms]),
        [DayEvent(row.utc_ms, row.clip, row.kind, row.value) for row in events if row.utc_ms >= start_ms],
    )


def _episode(row: Row[Any]) -> Told:
    return Told(
        row.utc_ms,
        row.utc_ms + row.duration_ms,
        row.peak_deg,
        row.mean_deg,
        row.end_reason,
        row.judge,
        row.plan,
        row.simulated,
    )


def _reminders(rows: list[Row[Any]]) -> list[DayReminder]:
    # The clip has one motor: a reminder told again under another judge is the same reminder, told better.
    newest = {(row.clip, row.boot, row.start_ms): row for row in sorted(rows, key=lambda row: row.rev)}
    return [_reminder(row) for row in newest.values()]


def _reminder(row: Row[Any]) -> DayReminder:
    return DayReminder(
        row.utc_ms,
        row.utc_ms - (row.start_ms - row.since_ms),
        row.angle_deg,
        row.reason,
        row.response,
        row.response_ms if row.response in ("prompt", "later") else None,
        row.judge,
        row.plan,
        row.simulated,
    )
