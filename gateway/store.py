"""The gateway's one file: SQLite in WAL mode, one connection, one writer, and what is said when it cannot be written.

Beside the rows of the outbox lies what must change in the same transaction: the state of the core, the journal
position, the clock maps, the plans; further the replies that commands got, and what came in malformed.
`synchronous=FULL`, because the clip frees its flash on the strength of a commit here.
"""

from __future__ import annotations

import errno
import logging
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from gateway import forgetting, messages, private_files

SCHEMA_VERSION: Final = 2
MAX_KEPT: Final = 1000
MAX_KEPT_BYTES: Final = 4096
MAX_ANSWERED: Final = 500
BUSY_S: Final = 1.0
"""How long to wait for another program that writes the file; the event loop waits as long."""
PROBE_BYTES: Final = 65_536

_FIRST: Final = """
CREATE TABLE spool (id TEXT NOT NULL);
CREATE TABLE waiting (n INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL);
CREATE TABLE rejected (n INTEGER PRIMARY KEY, record TEXT NOT NULL, reason TEXT NOT NULL, utc_ms INTEGER NOT NULL);
CREATE TABLE kept (id INTEGER PRIMARY KEY AUTOINCREMENT, door TEXT NOT NULL, reason TEXT NOT NULL,
  payload BLOB NOT NULL, utc_ms INTEGER NOT NULL);
CREATE TABLE counter (door TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE state (owner TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (owner, name));
CREATE TABLE answered (id TEXT PRIMARY KEY, reply TEXT NOT NULL);
"""
_SECOND: Final = """
ALTER TABLE waiting ADD COLUMN clip TEXT NOT NULL DEFAULT '';
ALTER TABLE waiting ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE waiting ADD COLUMN put_utc_ms INTEGER NOT NULL DEFAULT 0;
UPDATE waiting SET clip = coalesce(json_extract(record, '$.clip'), ''),
  kind = coalesce(json_extract(record, '$.kind'), ''),
  put_utc_ms = coalesce(json_extract(record, '$.utc_ms'), 0);
CREATE TABLE settled (n INTEGER PRIMARY KEY, record TEXT NOT NULL, clip TEXT NOT NULL, kind TEXT NOT NULL,
  put_utc_ms INTEGER NOT NULL);
CREATE TABLE thinned (id INTEGER PRIMARY KEY, utc_ms INTEGER NOT NULL, why TEXT NOT NULL, settled INTEGER NOT NULL,
  rows INTEGER NOT NULL, first_n INTEGER NOT NULL, last_n INTEGER NOT NULL,
  from_utc_ms INTEGER NOT NULL, to_utc_ms INTEGER NOT NULL);
CREATE TABLE tally (name TEXT PRIMARY KEY, rows INTEGER NOT NULL);
INSERT INTO tally VALUES ('waiting', (SELECT count(*) FROM waiting));
INSERT INTO tally VALUES ('settled', 0);
"""
_COUNTED: Final = """
CREATE TRIGGER {table}_in AFTER INSERT ON {table} BEGIN UPDATE tally SET rows = rows + 1 WHERE name = '{table}'; END
CREATE TRIGGER {table}_out AFTER DELETE ON {table} BEGIN UPDATE tally SET rows = rows - 1 WHERE name = '{table}'; END
"""
_TRIGGERS: Final = tuple(
    line for table in ("waiting", "settled") for line in _COUNTED.format(table=table).strip().splitlines()
)
_STEPS: Final = (
    tuple(_FIRST.split(";")[:-1]),
    (*_SECOND.split(";")[:-1], *_TRIGGERS),
)
"""What makes each version of the schema from the one before."""

logger = logging.getLogger(__name__)


class OutboxError(Exception):
    """The file cannot be used; the message says why."""


class Store:
    """The file, its transactions and its state. Not for use from several threads."""

    def __init__(self, path: Path, utc_ms: Callable[[], int]) -> None:
        """Open or make the file, readable by its user only. Raises OutboxError."""
        self._path = path
        self._utc_ms = utc_ms
        self._depth = 0
        self._growing = (
            False  # whether the transaction in progress needs room: only such a one shows that there is some
        )
        self._unwritten: Counter[str] = Counter()  # malformed things that the disk did not take, by door
        self._unwritten_answers: dict[str, messages.Reply] = {}
        self.problem = ""
        """Why the file cannot be written at present; empty while it can."""
        try:
            self._make_private()
            self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self.spool = self._prepare()
        except OSError as error:
            raise OutboxError(f"cannot use {path}: {error.strerror}") from error
        except sqlite3.DatabaseError as error:
            raise OutboxError(f"cannot use {path}: {self._in_words(error)}") from error

    def _make_private(self) -> None:
        wide = [self._path.parent] if private_files.make_folder(self._path.parent) else []
        files = [self._path, *(self._path.with_name(self._path.name + end) for end in ("-wal", "-shm"))]
        wide += [file for file in files if (file == self._path or file.exists()) and private_files.make_file(file)]
        if wide:
            logger.warning("others could read %s; only you can now", ", ".join(str(path) for path in wide))

    def _prepare(self) -> str:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise OutboxError(f"the outbox has schema {version}; this version of plumbline knows {SCHEMA_VERSION}")
        if version < SCHEMA_VERSION:
            with self.transaction():
                for statement in (statement for step in _STEPS[version:] for statement in step):
                    self._db.execute(statement)
                if version == 0:
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

    # --- writing ---

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together or not at all. May be nested: the outermost one commits.

        Raises OutboxError when the file cannot be written; `problem` says why, until rows have been put again or
        `probe` has found room.
        """
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        self._depth = 1
        self._growing = False
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
            if self._growing:
                self._note("")
        except sqlite3.Error as error:
            self._roll_back()
            self._note(self._in_words(error))
            raise OutboxError(f"cannot write the outbox: {self.problem}") from error
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._depth = 0

    def _roll_back(self) -> None:
        if not self._db.in_transaction:
            return
        try:
            self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            logger.warning("outbox: %s", error)

    def _note(self, problem: str) -> None:
        if problem == self.problem:
            return
        self.problem = problem
        if problem:
            logger.error("outbox: %s. Records stay where they are until it can be written again", problem)
        else:
            logger.info("outbox: can be written again")

    def _in_words(self, error: sqlite3.Error) -> str:
        """What a person can do something about, where that is known."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and self._no_room()):
            return "disk full"
        return {
            sqlite3.SQLITE_READONLY: "the disk or the file is read-only",
            sqlite3.SQLITE_BUSY: "another program holds the file",
            sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
            sqlite3.SQLITE_IOERR: f"disk error ({error})",
        }.get(code, str(error))

    def _no_room(self) -> bool:
        """Whether a small file finds no room beside ours: SQLite tells a spent quota as an error of the disk."""
        scratch = self._path.with_name(self._path.name + "-probe")
        try:
            scratch.write_bytes(bytes(PROBE_BYTES))
        except OSError as error:
            return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        finally:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
        return False

    def probe(self) -> bool:
        """Whether the file can be written and can grow, by trying; `problem` follows."""
        try:
            with self.transaction():
                self._growing = True
                self._db.execute("INSERT OR REPLACE INTO kept VALUES (-1, '', '', zeroblob(?), 0)", (PROBE_BYTES,))
            with self.transaction():
                self._db.execute("DELETE FROM kept WHERE id < 0")
        except OutboxError:
            return False
        return True

    # --- state ---

    def get(self, owner: str, name: str) -> bytes | None:
        """A value of state, None when it was never set."""
        found = self._db.execute("SELECT value FROM state WHERE owner = ? AND name = ?", (owner, name)).fetchone()
        return bytes(found[0]) if found else None

    def set(self, owner: str, values: Mapping[str, bytes]) -> None:
        """Set values of state. Raises OutboxError."""
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
        """Remove values of state. Raises OutboxError."""
        with self.transaction():
            self._db.executemany("DELETE FROM state WHERE owner = ? AND name = ?", [(owner, name) for name in names])

    # --- what is kept for inspection ---

    def keep(self, door: str, reason: str, payload: bytes) -> None:
        """Count something malformed that came in by `door` and keep it, bounded in number and size. What the disk does
        not take is counted all the same, until the process ends."""
        try:
            with self.transaction():
                self._db.execute(
                    "INSERT INTO counter VALUES (?, 1) ON CONFLICT (door) DO UPDATE SET count = count + 1", (door,)
                )
                self._db.execute(
                    "INSERT INTO kept (door, reason, payload, utc_ms) VALUES (?, ?, ?, ?)",
                    (door, reason[:200], payload[:MAX_KEPT_BYTES], self._utc_ms()),
                )
                self._db.execute("DELETE FROM kept WHERE id <= (SELECT max(id) FROM kept) - ?", (MAX_KEPT,))
        except OutboxError:
            self._unwritten[door] += 1

    @property
    def malformed(self) -> dict[str, int]:
        """How many malformed things came in, by door."""
        counts = Counter(dict(self._db.execute("SELECT door, count FROM counter").fetchall())) + self._unwritten
        return dict(sorted(counts.items()))

    def kept(self, limit: int = 20) -> list[tuple[str, str, bytes, int]]:
        """The newest malformed things: (door, reason, payload, utc_ms)."""
        return self._db.execute(
            "SELECT door, reason, payload, utc_ms FROM kept ORDER BY id DESC LIMIT ?", (limit,)
        ).fetchall()

    # --- what is forgotten ---

    def erase(self, clip: str) -> None:
        """Remove all that is held of a clip. Raises OutboxError."""
        with self.transaction():
            forgetting.remove(self._db, clip)

    def scrub(self) -> None:
        """Leave nothing in the file of what was removed from it; as long as copying it takes. Raises OutboxError."""
        try:
            forgetting.scrub(self._db)
        except sqlite3.Error as error:
            raise OutboxError(f"cannot clean the outbox: {self._in_words(error)}") from error

    # --- commands that have been answered ---

    def answer(self, reply: messages.Reply) -> None:
        """Remember the reply to a command, so that the same command is never carried out twice; one that the disk does
        not take, until the process ends."""
        try:
            with self.transaction():
                self._db.execute(
                    "INSERT OR REPLACE INTO answered VALUES (?, ?)", (reply.id, messages.encode(reply).decode())
                )
                self._db.execute(
                    "DELETE FROM answered WHERE rowid <= (SELECT max(rowid) FROM answered) - ?", (MAX_ANSWERED,)
                )
        except OutboxError:
            self._unwritten_answers[reply.id] = reply

    def answered(self, command_id: str) -> messages.Reply | None:
        """The reply that a command got, None when it is new."""
        if (reply := self._unwritten_answers.get(command_id)) is not None:
            return reply
        found = self._db.execute("SELECT reply FROM answered WHERE id = ?", (command_id,)).fetchone()
        return messages.Reply.model_validate_json(found[0]) if found else None
