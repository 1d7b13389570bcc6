"""One engine for both databases, and the two kinds of transaction that the server uses.

SQLite: WAL, foreign keys on, a full sync at each commit because ingest acknowledges what it has committed, and a
busy timeout. The driver's own habit of beginning late is switched off: `reading` begins a snapshot, `writing` takes the
write lock at once, so that a read-then-write transaction can never fail half way for want of the lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

BUSY_TIMEOUT_MS: Final = 20_000
_WRITE: Final = "plumbline_write"


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
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
    raise DatabaseUrlError(f"{backend}: only sqlite and postgresql are supported")


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
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: committed at the end, rolled back on any exception."""
    with engine.execution_options(**{_WRITE: True}).begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, on one snapshot where the database gives one. Never waits for a writer."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with engine.connect() as connection:
        yield connection
