"""A clip and its data off this computer, as the patient wishes it. To be done by whoever uses the data alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway import forgetting
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


def held(database: Path, clip: str) -> Held:
    """What is held of a clip. Raises OutboxError."""
    if not database.exists():
        return Held(0, 0, 0)
    with _open(database) as db:
        try:
            counts = (
                db.execute(f"SELECT count(*) FROM {table} WHERE {which}", {"clip": clip}).fetchone()[0]  # noqa: S608
                for table, which in forgetting.OF_CLIP.items()
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
            db.execute("BEGIN IMMEDIATE")
            forgetting.remove(db, clip)
            db.execute("COMMIT")
            forgetting.scrub(db)
        except sqlite3.Error as error:
            raise OutboxError(f"cannot write {database}: {error}") from error


def _open(database: Path) -> closing[sqlite3.Connection]:
    try:
        return closing(sqlite3.connect(database, isolation_level=None))
    except sqlite3.Error as error:
        raise OutboxError(f"cannot use {database}: {error}") from error
