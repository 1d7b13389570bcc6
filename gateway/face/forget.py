"""Everything that this computer holds of a clip, and its removal. To be done by whoever uses the data alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway import messages
from gateway.app import FACE, OWNER
from gateway.store import OutboxError


@dataclass(frozen=True)
class Held:
    """Records of a clip: those that the server has not settled yet, those that it has, those that it rejected."""

    waiting: int
    settled: int
    rejected: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.settled + self.rejected


_OF_CLIP = {"waiting": "clip = :clip", "settled": "clip = :clip", "rejected": "json_extract(record, '$.clip') = :clip"}


def held(database: Path, clip: str) -> Held:
    """What is held of a clip. Raises OutboxError."""
    if not database.exists():
        return Held(0, 0, 0)
    with _open(database) as db:
        try:
            counts = (
                db.execute(f"SELECT count(*) FROM {table} WHERE {which}", {"clip": clip}).fetchone()[0]  # noqa: S608
                for table, which in _OF_CLIP.items()
            )
            return Held(*counts)
        except sqlite3.Error as error:
            raise OutboxError(f"cannot read {database}: {error}") from error


def forget(database: Path, clip: str) -> None:
    """Remove all of it in one transaction, and from the file's free pages too. Raises OutboxError."""
    if not database.exists():
        return
    with _open(database) as db:
        try:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            for table, which in _OF_CLIP.items():
                db.execute(f"DELETE FROM {table} WHERE {which}", {"clip": clip})  # noqa: S608
            db.execute("DELETE FROM state WHERE owner IN (:clip, 'thinned/' || :clip)", {"clip": clip})
            db.execute("DELETE FROM state WHERE owner = 'replies' AND name LIKE :clip || '/%'", {"clip": clip})
            db.execute("DELETE FROM answered WHERE json_extract(reply, '$.clip') = :clip", {"clip": clip})
            _in_status(db, clip)
            # What came in malformed cannot be told apart by clip.
            db.execute("DELETE FROM kept")
            db.execute("COMMIT")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise OutboxError(f"cannot write {database}: {error}") from error


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


def _open(database: Path) -> closing[sqlite3.Connection]:
    try:
        return closing(sqlite3.connect(database, isolation_level=None))
    except sqlite3.Error as error:
        raise OutboxError(f"cannot use {database}: {error}") from error
