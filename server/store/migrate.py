"""Brings a database to the newest schema. The migrations travel inside the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, text

from server.store.engine import LOCK_TIMEOUT_MS, open_engine, reading, writing

_FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x706C756D
"""Any number that nothing else on the database uses: it keeps two starting processes apart."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine, revision: str = "head") -> None:
    """Upgrade to `revision` in one transaction. Does nothing when already there."""
    with _remaking(engine) as connection:
        command.upgrade(_config(connection), revision)


def unmake(engine: Engine) -> None:
    """Take away everything that `migrate` ever made, with all that is in it."""
    with _remaking(engine) as connection:
        command.downgrade(_config(connection), "base")
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


@contextmanager
def _remaking(engine: Engine) -> Iterator[Connection]:
    """A writing transaction in which tables may be made anew with their rows, and no other process migrates.

    SQLite changes a table by making another, and dropping the old one would take every row with it that refers to it
    ("ON DELETE CASCADE"). So its foreign keys sleep until the end, and are checked before the commit, as
    https://www.sqlite.org/lang_altertable.html#otheralter says.
    """
    if engine.dialect.name == "postgresql":
        with writing(engine) as connection:
            # Whoever comes second waits for as long as the first needs. For a table that somebody uses it waits no
            # longer than others do: everybody would have to queue behind it.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
            yield connection
        return
    with _without_foreign_keys(engine) as quiet, writing(quiet) as connection:
        yield connection
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
            raise RuntimeError(f"the migration would leave rows that refer to nothing: {broken[:3]}")


@contextmanager
def _without_foreign_keys(engine: Engine) -> Iterator[Engine]:
    """The same SQLite file, through connections that do not enforce foreign keys."""
    quiet = open_engine(engine.url.render_as_string(hide_password=False))
    event.listen(quiet, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys=OFF"))
    try:
        yield quiet
    finally:
        quiet.dispose()


def current_revision(engine: Engine) -> str | None:
    """The revision a database is at; None for an empty one."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str:
    """The revision that this code needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("the package holds no migrations")
    return head


def known_revisions() -> list[str]:
    """Every revision that this code can bring to the newest, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
