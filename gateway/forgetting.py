"""All that the gateway's file holds of a clip, and its removal: at the patient's wish, and at the server's `erase`."""

from __future__ import annotations

import sqlite3
from typing import Final

from gateway import messages
from gateway.inside import FACE, OWNER

OF_CLIP: Final = {
    "waiting": "clip = :clip",
    "settled": "clip = :clip",
    "rejected": "json_extract(record, '$.clip') = :clip",
}
"""Which rows of which table are records of a clip."""


def remove(db: sqlite3.Connection, clip: str) -> None:
    """Remove all of it, within a transaction of the caller's. Raises sqlite3.Error."""
    db.execute("PRAGMA secure_delete = ON")
    for table, which in OF_CLIP.items():
        db.execute(f"DELETE FROM {table} WHERE {which}", {"clip": clip})  # noqa: S608
    db.execute("DELETE FROM state WHERE owner IN (:clip, 'thinned/' || :clip)", {"clip": clip})
    db.execute("DELETE FROM state WHERE owner = 'replies' AND name LIKE :clip || '/%'", {"clip": clip})
    db.execute("DELETE FROM answered WHERE json_extract(reply, '$.clip') = :clip", {"clip": clip})
    _in_status(db, clip)
    # What came in malformed cannot be told apart by clip.
    db.execute("DELETE FROM kept")


def scrub(db: sqlite3.Connection) -> None:
    """Leave nothing of what was removed in the file's free pages either, nor in its log. Raises sqlite3.Error."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _in_status(db: sqlite3.Connection, clip: str) -> None:
    """Take the clip out of what the gateway last said of itself."""
    at = (OWNER, FACE)
    row = db.execute("SELECT value FROM state WHERE owner = ? AND name = ?", at).fetchone()
    if row is not None:
        status = messages.Status.model_validate_json(row[0])
        others = tuple(one for one in status.clips if one.clip != clip)
        waiting = db.execute("SELECT count(*) FROM waiting").fetchone()[0]
        value = messages.encode(status.model_copy(update={"clips": others, "outbox_rows": waiting}))
        db.execute("UPDATE state SET value = ? WHERE owner = ? AND name = ?", (value, *at))
