"""The patient's own data in the gateway's file, read beside a gateway that runs: what waits and what was settled."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from gateway import messages
from gateway.inside import FACE, OWNER

_PLAN: Final = "plan"


class DataError(Exception):
    """The file cannot be read; the message says why."""


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees the file as it is now, and cannot change it. Raises DataError."""
    if not database.exists():
        raise DataError(f"there is no {database}: this gateway has not run yet, or keeps its data elsewhere")
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("BEGIN")
            yield db
    except sqlite3.DatabaseError as error:
        raise DataError(f"cannot read {database}: {error}") from error


def last_status(database: Path) -> messages.Status | None:
    """What the gateway last said of itself; None when it never has. Raises DataError."""
    if not database.exists():
        return None
    with reading(database) as db:
        row = db.execute("SELECT value FROM state WHERE owner = ? AND name = ?", (OWNER, FACE)).fetchone()
    return messages.Status.model_validate_json(row[0]) if row else None


def plan_of(db: sqlite3.Connection, clip: str) -> messages.Plan | None:
    """The plan that a clip should have, as far as the server has said."""
    row = db.execute("SELECT value FROM state WHERE owner = ? AND name = ?", (clip, _PLAN)).fetchone()
    return messages.Plan.model_validate_json(row[0]) if row else None


def last_heard(db: sqlite3.Connection, clip: str) -> int | None:
    """UTC in ms at which the newest record of a clip was put in; None when there is none."""
    found = [
        db.execute(f"SELECT max(put_utc_ms) FROM {table} WHERE clip = ?", (clip,)).fetchone()[0]  # noqa: S608
        for table in ("waiting", "settled")
    ]
    return max((utc_ms for utc_ms in found if utc_ms is not None), default=None)


def put_since(db: sqlite3.Connection, utc_ms: int, after_n: int) -> tuple[int, list[dict[str, Any]]]:
    """Records after row `after_n` that were put in at `utc_ms` or later, and the number of the newest row there is."""
    newest, found = after_n, []
    for table in ("waiting", "settled"):
        rows = db.execute(f"SELECT n, put_utc_ms, record FROM {table} WHERE n > ? ORDER BY n DESC", (after_n,))  # noqa: S608
        for n, put_utc_ms, record in rows:
            newest = max(newest, n)
            if put_utc_ms < utc_ms:
                break
            found.append(json.loads(record))
    return newest, found
