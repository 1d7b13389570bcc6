"""Both databases for every test that takes `engine`: the same tests, the same code.

Every test run loads this file, so that what only its fixtures need is imported where it is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_START_LIMIT_S: Final = 30.0
_NUMBERS: Final = count()


def _postgres_programs() -> Path | None:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    places += [Path(on_path).resolve().parent] if on_path else []
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def _as_user() -> list[str]:
    """What to put before a PostgreSQL program, which refuses to run as root."""
    import pwd

    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("running as root, and there is no user postgres to run PostgreSQL as")
    return ["runuser", "-u", "postgres", "--"]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A private PostgreSQL cluster on a socket in a folder of its own, with a migrated template database. The URL has a
    place for the database's name."""
    from server import children
    from server.store import migrate, open_engine

    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    prefix = _as_user()
    folder = Path(tempfile.mkdtemp(prefix="plumbline-pg-"))
    if prefix:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    subprocess.run(
        [*prefix, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        cwd="/",
    )
    server = children.spawn(
        [*prefix, programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-F"],
        log=folder / "log",
        cwd=Path("/"),
    )
    url = f"postgresql://postgres@/{{name}}?host={folder}"
    try:
        _wait_until_up(url.format(name="postgres"), server, folder / "log")
        run_sql(url.format(name="postgres"), "CREATE DATABASE template_plumbline")
        engine = open_engine(url.format(name="template_plumbline"))
        migrate(engine)
        engine.dispose()
        yield url
    finally:
        children.stop(server, grace_s=10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    from sqlalchemy.exc import OperationalError

    limit = time.monotonic() + _START_LIMIT_S
    while True:
        try:
            run_sql(url, "SELECT 1")
        except OperationalError:
            if server.poll() is not None or time.monotonic() > limit:
                pytest.fail(f"PostgreSQL did not start: {log.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)
        else:
            return


def run_sql(url: str, statement: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy from."""
    from server.store import migrate, open_engine

    path = tmp_path_factory.mktemp("template") / "plumbline.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh, migrated database."""
    if request.param == "sqlite":
        path = tmp_path / "plumbline.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    url: str = request.getfixturevalue("postgres_url")
    name = f"test_{next(_NUMBERS)}"
    run_sql(url.format(name="postgres"), f"CREATE DATABASE {name} TEMPLATE template_plumbline")
    yield url.format(name=name)
    run_sql(url.format(name="postgres"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Engine on a fresh, migrated database: SQLite, then PostgreSQL."""
    from server.store import open_engine

    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def commits(engine: Engine) -> list[bool]:
    """Of each commit from now on, whether it waits for the disk."""
    from sqlalchemy import event, text

    seen: list[bool] = []

    def look(db: Connection) -> None:
        if db.dialect.name == "postgresql":
            seen.append(db.scalar(text("SHOW synchronous_commit")) != "off")
        else:
            seen.append(db.scalar(text("PRAGMA synchronous")) == 2)

    event.listen(engine, "commit", look)
    return seen
