"""How long what is kept, and deleting what is due: in small transactions, each with what it deleted in the trail.

The trail itself has no rule: it is never shortened. Nor have consent, plans and records of patients, which go when the
patient is erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, delete, or_, select, tuple_

from server.audit.trail import SYSTEM, Entry, append
from server.store import reading, writing
from server.store.epoch_blob import HOUR_MS
from server.store.tables import (
    boot_span,
    clip_event,
    command,
    daily,
    day_mark,
    enrolment,
    episode,
    epoch_hour,
    flag_dismissal,
    invitation,
    pain_entry,
    patient,
    quarantine,
    recovery,
    red_flag_answer,
    reminder,
    reminder_answer,
    stale_day,
    unplaced_epoch,
    unreadable,
)
from server.summaries.zone_history import zones_of
from server.summaries.zones import Zones

DAY_MS: Final = 86_400_000
AT_ONCE: Final = 500
"""Rows of one table in one transaction."""
HOUR_OF_NIGHT: Final = 2
LONGEST_BOOT_MS: Final = 2**32 + DAY_MS
"""After how long a clip's count of milliseconds begins anew, and the part of a day by which local days reach further
back: no minute of a boot is kept that ended so long before what is due."""


@dataclass(frozen=True)
class RetentionRules:
    """Days for which each kind is kept after it was. The defaults lean to keeping: measurements are part of the
    documentation of a treatment, for which six years are the general rule (45 CFR 164.316(b)(2)(i)); a country's own
    law may ask for more (Germany: ten years, section 630f BGB) or a clinic for less."""

    measurements: int = 2192
    """Minutes, episodes, reminders, events, the days made of them and what was said of those, what patients noted;
    six years."""
    commands: int = 365
    """What clips were asked to do."""
    refused: int = 90
    """What could not be taken in and is kept for inspection."""
    links: int = 90
    """Codes, invitations and recovery links that can no longer be used."""


def due(rules: RetentionRules, now_ms: int) -> dict[str, int]:
    """Before which time (UTC ms) each kind is due."""
    kept = {"measurements": rules.measurements, "commands": rules.commands, "refused": rules.refused}
    return {kind: now_ms - days * DAY_MS for kind, days in (kept | {"links": rules.links}).items()}


def next_night(now_ms: int) -> int:
    """The next time at which it is night for the server: two o'clock, UTC."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).replace(hour=HOUR_OF_NIGHT, minute=0, second=0, microsecond=0)
    night = today if today.timestamp() * 1000 > now_ms else today + timedelta(days=1)
    return int(night.timestamp() * 1000)


def clean(engine: Engine, rules: RetentionRules, now_ms: int, stopped: Callable[[], bool] = lambda: False) -> int:
    """Delete what is due, until there is no more or `stopped` says so; returns how many rows that were."""
    total = 0
    for subject, parts in _work(engine, rules, now_ms):
        while not stopped():
            with writing(engine) as db:
                gone = {table.name: _some(db, table, where) for table, where in parts}
                rows = sum(gone.values())
                if rows:
                    append(db, [_entry(subject, gone)], now_ms)
            total += rows
            if max(gone.values(), default=0) < AT_ONCE:
                break
    return total


_Parts = list[tuple[Table, ColumnElement[bool]]]


def _work(engine: Engine, rules: RetentionRules, now_ms: int) -> Iterator[tuple[str, _Parts]]:
    """Whose rows are due, by pseudonym ("" for nobody's), a patient at a time."""
    before = due(rules, now_ms)
    with reading(engine) as db:
        everybody = db.execute(select(patient.c.id, patient.c.pseudonym).order_by(patient.c.id)).all()
    for one in everybody:
        with reading(engine) as db:
            zones = zones_of(db, [one.id]).get(one.id)
        if zones is not None:  # erased since
            yield one.pseudonym, _of_patient(one.id, zones, before)
    yield (
        "",
        [
            (quarantine, quarantine.c.received_ms < before["refused"]),
            (unreadable, unreadable.c.received_ms < before["measurements"]),
            (boot_span, boot_span.c.high_ms < before["measurements"] - LONGEST_BOOT_MS),
            (recovery, recovery.c.expires_ms < before["links"]),
        ],
    )


def _of_patient(patient_id: int, zones: Zones, before: dict[str, int]) -> _Parts:
    # Whole local days, where the patient lived then, so that no day is left with a part of itself.
    day = zones.day_at(before["measurements"])
    cut_ms, _ = zones.bounds(day)

    def mine(table: Table, *due_ones: ColumnElement[bool]) -> tuple[Table, ColumnElement[bool]]:
        return table, and_(table.c.patient_id == patient_id, *due_ones)

    events = [
        mine(
            table,
            or_(table.c.utc_ms < cut_ms, and_(table.c.utc_ms.is_(None), table.c.received_ms < before["measurements"])),
        )
        for table in (episode, reminder, clip_event)
    ]
    links = before["links"]
    return [
        mine(epoch_hour, epoch_hour.c.hour < cut_ms // HOUR_MS),
        mine(unplaced_epoch, unplaced_epoch.c.received_ms < before["measurements"]),
        *events,
        mine(daily, daily.c.date < day.isoformat()),
        mine(stale_day, stale_day.c.date < day.isoformat()),
        mine(day_mark, day_mark.c.date < day.isoformat()),
        mine(flag_dismissal, flag_dismissal.c.created_ms < cut_ms),
        *(mine(table, table.c.at_ms < cut_ms) for table in (pain_entry, reminder_answer, red_flag_answer)),
        mine(command, command.c.expires_ms < before["commands"]),
        mine(enrolment, enrolment.c.expires_ms < links, enrolment.c.gateway.is_(None)),
        mine(invitation, invitation.c.expires_ms < links),
    ]


def _some(db: Connection, table: Table, where: ColumnElement[bool]) -> int:
    key = list(table.primary_key.columns)
    some = select(*key).where(where).order_by(*key).limit(AT_ONCE)
    mine = tuple_(*key).in_(some) if len(key) > 1 else key[0].in_(some)
    return int(db.execute(delete(table).where(mine)).rowcount)


def _entry(pseudonym: str, gone: dict[str, int]) -> Entry:
    detail = ", ".join(f"{name} {count}" for name, count in gone.items() if count)
    return Entry(SYSTEM, "", "", "retention", "", "delete what is due", pseudonym, "done", detail)
