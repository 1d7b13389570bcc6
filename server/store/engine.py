"""One engine for both databases, and the two kinds of transaction that the server uses.

SQLite: WAL, foreign keys on, and a busy timeout. The driver's own habit of beginning late is switched off: `reading`
begins a snapshot, `writing` takes the write lock at once, so that a read-then-write transaction can never fail half way
for want of the lock.

PostgreSQL: READ COMMITTED, whatever the database's default is. A writer locks rows first and looks again then, so that
it must see what was committed while it waited; a stricter level would fail it instead. Nobody waits for ever for
whoever holds a lock and hangs: that is an error of `UNUSABLE`, after which ingest tries again and a page says so.

Commits are durable: what is acknowledged to a gateway is erased there, so that it must be on the disk. `durable=False`
is for what may be lost when the power fails, and only then: the last moments of the trail of reading. It is written in
order with everything else, so that what is lost is always the end, and the next durable commit by anybody makes it
durable, too. Until then it is as safe as the system's own memory (SQLite: until the system writes it out, on Linux half
a minute; PostgreSQL: under a second).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DisconnectionError

BUSY_TIMEOUT_MS: Final = 20_000
LOCK_TIMEOUT_MS: Final = BUSY_TIMEOUT_MS
"""For how long a statement waits for somebody else's lock."""
STATEMENT_TIMEOUT_MS: Final = 120_000
"""No statement of the server takes so long; a migration may."""
IDLE_TIMEOUT_MS: Final = 600_000
"""After this long without a word inside a transaction, its holder hangs, and PostgreSQL lets go of what it holds."""
TRUSTED_S: Final = 1.0
"""A connection to PostgreSQL that answered so lately is taken to answer again."""
_ANSWERED: Final = "plumbline_answered"
_WRITE: Final = "plumbline_write"
_SYNCHRONOUS: Final = "plumbline_synchronous"
_FULL: Final = "FULL"
_NORMAL: Final = "NORMAL"


class DatabaseUrlError(ValueError):
    """The database URL cannot be used."""


def open_engine(url: str) -> Engine:
    """Engine for `sqlite:///path/to/file` or `postgresql://user@host/name`. Connects lazily; tables are made by
    `server.store.migrate`. Raises DatabaseUrlError for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUrlError("the database URL cannot be read") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(parsed)
    if backend in ("postgresql", "postgres"):
        return _open_postgresql(parsed)
    raise DatabaseUrlError(f"{backend}: only sqlite and postgresql are supported")


def _open_postgresql(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",
        hide_parameters=True,
    )
    event.listen(engine, "connect", _on_postgresql_connect)
    event.listen(engine, "checkin", _on_rest)
    event.listen(engine, "checkout", partial(_on_use, engine))
    return engine


def _on_rest(_dbapi_connection: Any, record: Any) -> None:
    record.info[_ANSWERED] = time.monotonic()


def _on_use(engine: Engine, dbapi_connection: Any, record: Any, _proxy: object) -> None:
    """Asks a connection that has rested whether it still answers, and has the pool take another when it does not. Each
    question is a way to the database and back, as many again as a small page needs."""
    if time.monotonic() - record.info.get(_ANSWERED, -math.inf) < TRUSTED_S:
        return
    try:
        engine.dialect.do_ping(dbapi_connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _on_postgresql_connect(dbapi_connection: Any, _record: object) -> None:
    # A stronger way to commit stays as the operator set it; none at all would lose what was acknowledged.
    dbapi_connection.execute(
        "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false), "
        "set_config('idle_in_transaction_session_timeout', %s, false), set_config('synchronous_commit', "
        "coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), false)",
        [str(LOCK_TIMEOUT_MS), str(STATEMENT_TIMEOUT_MS), str(IDLE_TIMEOUT_MS)],
    )
    dbapi_connection.commit()


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise DatabaseUrlError("SQLite needs a file: sqlite:///path/to/plumbline.db")
    _make_private(Path(url.database))
    engine = create_engine(url, connect_args={"check_same_thread": False}, hide_parameters=True)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _make_private(file: Path) -> None:
    """Names of patients are in it: what does not exist yet is made for its user alone (SQLite's side files follow)."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError as error:
        raise DatabaseUrlError(f"{file} cannot be used: {error.strerror}") from error


def _on_connect(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", f"synchronous={_FULL}", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    wanted = connection.get_execution_options().get(_WRITE)
    if wanted is None:
        connection.exec_driver_sql("BEGIN")
        return
    if connection.info.get(_SYNCHRONOUS, _FULL) != wanted:  # it cannot be changed within a transaction
        connection.exec_driver_sql(f"PRAGMA synchronous={wanted}")
        connection.info[_SYNCHRONOUS] = wanted
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine, *, durable: bool = True) -> Iterator[Connection]:
    """A transaction that may write: committed at the end, rolled back on any exception. Not `durable`: without waiting
    for the disk."""
    with engine.execution_options(**{_WRITE: _FULL if durable else _NORMAL}).begin() as connection:
        if not durable and engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, on one snapshot where the database gives one. Never waits for a writer."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with engine.connect() as connection:
        yield connection
