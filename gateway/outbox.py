"""The outbox: rows wait here, on disk, until the server says that it has settled them.

One SQLite file in WAL mode, one connection, one writer. Beside the rows lies what must change in the same transaction:
the state of the core, the journal position, the clock maps, the plans. `synchronous=FULL`, because the clip frees its
flash on the strength of a commit here.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gateway import messages

SCHEMA_VERSION: Final = 1
MAX_REJECTED: Final = 10_000
MAX_KEPT: Final = 1000
MAX_KEPT_BYTES: Final = 4096
MAX_ANSWERED: Final = 500

_SCHEMA: Final = """
CREATE TABLE spool (id TEXT NOT NULL);
CREATE TABLE waiting (n INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL);
CREATE TABLE rejected (n INTEGER PRIMARY KEY, record TEXT NOT NULL, reason TEXT NOT NULL, utc_ms INTEGER NOT NULL);
CREATE TABLE kept (id INTEGER PRIMARY KEY AUTOINCREMENT, door TEXT NOT NULL, reason TEXT NOT NULL,
  payload BLOB NOT NULL, utc_ms INTEGER NOT NULL);
CREATE TABLE counter (door TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE state (owner TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (owner, name));
CREATE TABLE answered (id TEXT PRIMARY KEY, reply TEXT NOT NULL);
"""


class OutboxError(Exception):
    """The file cannot be used; the message says why."""


@dataclass(frozen=True)
class Batch:
    """Rows handed out together, in order."""

    spool: str
    numbers: tuple[int, ...]
    rows: tuple[messages.Row, ...]

    @property
    def first(self) -> int:
        """Number of the first row."""
        return self.numbers[0]

    @property
    def last(self) -> int:
        """Number of the last row."""
        return self.numbers[-1]


class Outbox:
    """The file and everything in it. Not for use from several threads."""

    def __init__(self, path: Path, utc_ms: Callable[[], int]) -> None:
        """Open or make the file. Raises OutboxError."""
        self._utc_ms = utc_ms
        self._handed: dict[int, tuple[int, ...]] = {}  # by first number: batches that an acknowledgement may settle
        self._depth = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self.spool = self._prepare()
        except OSError as error:
            raise OutboxError(f"cannot use {path}: {error.strerror}") from error
        except sqlite3.DatabaseError as error:
            raise OutboxError(f"cannot use {path}: {error}") from error

    def _prepare(self) -> str:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise OutboxError(f"the outbox has schema {version}; this version of plumbline knows {SCHEMA_VERSION}")
        if version == 0:
            with self.transaction():
                for statement in _SCHEMA.split(";")[:-1]:
                    self._db.execute(statement)
                self._db.execute("INSERT INTO spool VALUES (?)", (secrets.token_hex(16),))
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return str(self._db.execute("SELECT id FROM spool").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together or not at all. May be nested: the outermost one commits.

        Raises OutboxError when the file cannot be written.
        """
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        self._depth = 1
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise OutboxError(f"cannot write the outbox: {error}") from error
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._depth = 0

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    # --- rows ---

    def put(self, records: Iterable[messages.Model]) -> int:
        """Append records; how many there were."""
        lines = [(json.dumps(record.model_dump(mode="json"), separators=(",", ":")),) for record in records]
        if lines:
            with self.transaction():
                self._db.executemany("INSERT INTO waiting (record) VALUES (?)", lines)
        return len(lines)

    def batch(self, after: int, limit: int) -> Batch | None:
        """The oldest rows with a number above `after`, at most `limit`, noted as handed out; None without any."""
        found = self._db.execute(
            "SELECT n, record FROM waiting WHERE n > ? ORDER BY n LIMIT ?", (after, limit)
        ).fetchall()
        if not found:
            return None
        rows = tuple(messages.Row(n=n, record=json.loads(record)) for n, record in found)
        numbers = tuple(n for n, _ in found)
        self._handed[numbers[0]] = numbers
        return Batch(self.spool, numbers, rows)

    def settle(self, spool: str, first: int, last: int, rejected: Sequence[messages.Rejected] = ()) -> tuple[int, ...]:
        """Remove the rows between `first` and `last` of the batch that was handed out with them; those in `rejected`
        go to the quarantine. The numbers removed: none when no such batch was handed out since the file was opened
        (its rows will be sent, and acknowledged, again).
        """
        if spool != self.spool:
            return ()
        start = next((f for f, numbers in self._handed.items() if f <= first <= last <= numbers[-1]), None)
        if start is None:
            return ()
        numbers = self._handed[start]
        settled = tuple(n for n in numbers if first <= n <= last)
        reasons = {row.n: row.reason for row in rejected}
        with self.transaction():
            for n in settled:
                if n in reasons:
                    self._db.execute(
                        "INSERT OR IGNORE INTO rejected SELECT n, record, ?, ? FROM waiting WHERE n = ?",
                        (reasons[n], self._utc_ms(), n),
                    )
            self._db.executemany("DELETE FROM waiting WHERE n = ?", [(n,) for n in settled])
            self._db.execute(
                "DELETE FROM rejected WHERE n <= (SELECT n FROM rejected ORDER BY n DESC LIMIT 1 OFFSET ?)",
                (MAX_REJECTED,),
            )
        rest = tuple(n for n in numbers if not first <= n <= last)
        del self._handed[start]
        if rest:
            self._handed[rest[0]] = rest
        return settled

    @property
    def waiting(self) -> int:
        """Rows that the server has not settled."""
        return int(self._db.execute("SELECT count(*) FROM waiting").fetchone()[0])

    @property
    def rejected(self) -> int:
        """Rows in the quarantine."""
        return int(self._db.execute("SELECT count(*) FROM rejected").fetchone()[0])

    # --- what is kept for inspection ---

    def keep(self, door: str, reason: str, payload: bytes) -> None:
        """Count something malformed that came in by `door` and keep it, bounded in number and size."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO counter VALUES (?, 1) ON CONFLICT (door) DO UPDATE SET count = count + 1", (door,)
            )
            self._db.execute(
                "INSERT INTO kept (door, reason, payload, utc_ms) VALUES (?, ?, ?, ?)",
                (door, reason[:200], payload[:MAX_KEPT_BYTES], self._utc_ms()),
            )
            self._db.execute("DELETE FROM kept WHERE id <= (SELECT max(id) FROM kept) - ?", (MAX_KEPT,))

    @property
    def malformed(self) -> dict[str, int]:
        """How many malformed things came in, by door."""
        return dict(self._db.execute("SELECT door, count FROM counter ORDER BY door").fetchall())

    def kept(self, limit: int = 20) -> list[tuple[str, str, bytes, int]]:
        """The newest malformed things: (door, reason, payload, utc_ms)."""
        return self._db.execute(
            "SELECT door, reason, payload, utc_ms FROM kept ORDER BY id DESC LIMIT ?", (limit,)
        ).fetchall()

    # --- state ---

    def get(self, owner: str, name: str) -> bytes | None:
        """A value of state, None when it was never set."""
        found = self._db.execute("SELECT value FROM state WHERE owner = ? AND name = ?", (owner, name)).fetchone()
        return bytes(found[0]) if found else None

    def set(self, owner: str, values: Mapping[str, bytes]) -> None:
        """Set values of state."""
        with self.transaction():
            self._db.executemany(
                "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT (owner, name) DO UPDATE SET value = excluded.value",
                [(owner, name, value) for name, value in values.items()],
            )

    def names(self, owner: str, prefix: str) -> list[str]:
        """Names of an owner's state that begin with `prefix`, in the order in which they were first set."""
        return [
            name
            for (name,) in self._db.execute("SELECT name FROM state WHERE owner = ? ORDER BY rowid", (owner,))
            if name.startswith(prefix)
        ]

    def drop(self, owner: str, names: Iterable[str]) -> None:
        """Remove values of state."""
        with self.transaction():
            self._db.executemany("DELETE FROM state WHERE owner = ? AND name = ?", [(owner, name) for name in names])

    # --- commands that have been answered ---

    def answer(self, reply: messages.Reply) -> None:
        """Remember the reply to a command, so that the same command is never carried out twice."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO answered VALUES (?, ?)", (reply.id, messages.encode(reply).decode())
            )
            self._db.execute(
                "DELETE FROM answered WHERE rowid <= (SELECT max(rowid) FROM answered) - ?", (MAX_ANSWERED,)
            )

    def answered(self, command_id: str) -> messages.Reply | None:
        """The reply that a command got, None when it is new."""
        found = self._db.execute("SELECT reply FROM answered WHERE id = ?", (command_id,)).fetchone()
        return messages.Reply.model_validate_json(found[0]) if found else None
