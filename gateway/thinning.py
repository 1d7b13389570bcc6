"""What goes first when the outbox has reached its bounds: the oldest, and never without a word.

First the rows that the server has settled, which are only the patient's own copy; then the oldest minutes that still
wait, because they are nearly all of the bytes and a minute that never comes is told as lost, as it must be; at the very
last what else waits (episodes, reminders, events), which is little and tells most.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

DAY_MS: Final = 86_400_000
SET_UTC_MS: Final = 1_767_225_600_000
"""2026-01-01. A clock that shows less has not been set yet, and tells no row's age."""
MOST_BY_AGE: Final = 5000
"""Rows that may go by age at a time, so that a clock that is years ahead for a moment costs little."""
STEP: Final = range(20, 2001)
NOTICE: Final = "thinned"
"""Kind of the event that tells the server of records that it will not get."""

Table = Literal["settled", "waiting"]
Why = Literal["size", "age"]


@dataclass(frozen=True)
class Limits:
    """Bounds of the outbox: bytes in use in the file, and how long a row is kept, in ms."""

    size: int = 500_000_000
    keep_ms: int = 400 * DAY_MS


@dataclass
class Thinned:
    """Records that went together: how many, their numbers, when they were put in; and of each clip how many, and the
    first that carries a place in time. A notice of earlier ones that never left is no record: it goes into the next."""

    table: Table
    why: Why
    rows: int = 0
    first_n: int = 0
    last_n: int = 0
    from_utc_ms: int = 0
    to_utc_ms: int = 0
    clips: dict[str, tuple[int, dict[str, Any] | None]] = field(default_factory=dict)

    def add(self, n: int, clip: str, kind: str, put_utc_ms: int, record: str) -> None:
        """Note a row that goes."""
        fields = json.loads(record) if kind == NOTICE else {}
        rows, first = self.clips.get(clip, (0, None))
        if first is None and kind != "unreadable":
            first = fields or json.loads(record)
        self.clips[clip] = (rows + fields.get("value", 1), first)
        if kind == NOTICE:
            return
        self.first_n = min(self.first_n, n) if self.rows else n
        self.from_utc_ms = min(self.from_utc_ms, put_utc_ms) if self.rows else put_utc_ms
        self.last_n, self.to_utc_ms = max(self.last_n, n), max(self.to_utc_ms, put_utc_ms)
        self.rows += 1


def used(db: sqlite3.Connection) -> int:
    """Bytes in use in the file, without the pages that wait to be used again."""
    pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in _PRAGMAS)
    return int((pages - free) * size)


_PRAGMAS: Final = ("page_count", "freelist_count", "page_size")


def by_size(db: sqlite3.Connection, limits: Limits, away: Sequence[tuple[int, int]]) -> list[Thinned]:
    """Take rows out until the file keeps its bound. Those in the ranges `away` are on their way: they stay."""
    gone: dict[Table, Thinned] = {}
    while used(db) > limits.size:
        step = _step(db)
        table: Table = "settled"
        rows = db.execute(f"SELECT {_COLUMNS} FROM settled ORDER BY n LIMIT ?", (step,)).fetchall()  # noqa: S608
        for only in ("kind = 'epoch'", "true"):
            if rows:
                break
            table = "waiting"
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM waiting WHERE {only} AND {_outside(away)} ORDER BY n LIMIT ?",  # noqa: S608
                (step,),
            ).fetchall()
        if not rows:
            break
        _remove(db, gone.setdefault(table, Thinned(table, "size")), rows)
    return list(gone.values())


def by_age(db: sqlite3.Connection, limits: Limits, away: Sequence[tuple[int, int]], utc_ms: int) -> list[Thinned]:
    """Take out rows that were put in too many whole days ago."""
    before = (utc_ms - limits.keep_ms) // DAY_MS * DAY_MS
    gone = []
    tables: tuple[Table, ...] = ("settled", "waiting")
    for table in tables:
        oldest = db.execute(
            f"SELECT {_COLUMNS} FROM {table} WHERE {_outside(away)} ORDER BY n LIMIT ?",  # noqa: S608
            (MOST_BY_AGE,),
        ).fetchall()
        rows = [row for row in oldest if SET_UTC_MS <= row[3] < before]
        if rows:
            gone.append(Thinned(table, "age"))
            _remove(db, gone[-1], rows)
    return gone


_COLUMNS: Final = "n, clip, kind, put_utc_ms, record"


def _outside(away: Sequence[tuple[int, int]]) -> str:
    return " AND ".join(f"NOT n BETWEEN {first:d} AND {last:d}" for first, last in away) or "true"


def _step(db: sqlite3.Connection) -> int:
    """A hundredth of what there is: little enough to take no time, enough to be told as one."""
    share = db.execute("SELECT sum(rows) FROM tally").fetchone()[0] // 100
    return int(max(STEP.start, min(STEP.stop - 1, share)))


def _remove(db: sqlite3.Connection, gone: Thinned, rows: list[tuple[int, str, str, int, str]]) -> None:
    for row in rows:
        gone.add(*row)
    db.executemany(f"DELETE FROM {gone.table} WHERE n = ?", [(row[0],) for row in rows])  # noqa: S608
