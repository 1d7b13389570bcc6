"""Backups of a store at work, and restoring them.

A backup is a tar file, readable by its user only: what the database's own tool wrote (SQLite's backup API, `pg_dump`),
after it `manifest.json` with the schema's revision, the rows of each table, and size and SHA-256 of the first. It is
one moment of the store, however much is written meanwhile. It holds names and health data: keep it as the store itself.
Tombstones of erased patients, settings and keys are not in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, delete, func, inspect, select, table, text
from sqlalchemy.engine import URL, make_url

from server.store import migrate, open_engine, reading, writing
from server.store.migrate import current_revision, known_revisions, unmake
from server.store.tables import session

FORMAT: Final = "plumbline-backup/1"
_MANIFEST: Final = "manifest.json"
_NAMES: Final[dict[str, str]] = {"sqlite": "plumbline.db", "postgresql": "plumbline.dump"}
_MOST_MANIFEST: Final = 2**20
_CHUNK: Final = 2**20

Kind = Literal["sqlite", "postgresql"]


class BackupError(RuntimeError):
    """A backup cannot be made, or not be restored; the message says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. `rows` counts the rows of each table; `made_ms` is UTC."""

    format: str
    version: str
    made_ms: int
    database: Kind
    revision: str
    rows: dict[str, int]
    name: str
    size: int
    sha256: str

    @property
    def total(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())


def back_up(url: str, target: Path, now_ms: int) -> Manifest:
    """Write a backup of the store at `url` into `target`, which must not exist yet. The store may be at work. Raises
    BackupError, OSError, SQLAlchemyError."""
    kind = _kind(url)
    if target.exists():
        raise BackupError(f"{target} exists already; name another file")
    if not target.absolute().parent.is_dir():
        raise BackupError(f"there is no folder {target.absolute().parent}; make it, readable by you only")
    with tempfile.TemporaryDirectory(prefix=".plumbline-backup-", dir=target.absolute().parent) as name:
        folder = Path(name)
        content = folder / _NAMES[kind]
        revision, rows = (_copy_sqlite if kind == "sqlite" else _dump_postgresql)(url, content)
        manifest = Manifest(
            FORMAT,
            version("plumbline"),
            now_ms,
            kind,
            revision,
            rows,
            content.name,
            content.stat().st_size,
            _sha256(content),
        )
        packed = folder / "backup.tar"
        packed.touch(mode=0o600)
        (folder / _MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n")
        with tarfile.open(packed, "w") as archive:
            for part in (content, folder / _MANIFEST):
                archive.add(part, part.name, filter=_of_nobody)
        with packed.open("rb+") as file:
            os.fsync(file.fileno())
        os.link(packed, target)  # unlike a rename, it takes nobody else's file away
    return manifest


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _kind(url: str) -> Kind:
    return "sqlite" if make_url(url).get_backend_name() == "sqlite" else "postgresql"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _described(connection: Connection) -> tuple[str, dict[str, int]]:
    """Revision, and rows of each table, of one snapshot."""
    names = sorted(inspect(connection).get_table_names())
    if "alembic_version" not in names:
        raise BackupError("there is no store at this address yet; there is nothing to back up")
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    rows = {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}
    return str(revision), rows


def _copy_sqlite(url: str, content: Path) -> tuple[str, dict[str, int]]:
    source = Path(make_url(url).database or "")
    if not source.exists():
        raise BackupError(f"there is no database {source}; there is nothing to back up")
    content.touch(mode=0o600)
    with closing(sqlite3.connect(source, timeout=20)) as here, closing(sqlite3.connect(content)) as there:
        here.backup(there)  # in one step, from one snapshot: with smaller steps each writer would begin it anew
        there.execute("PRAGMA journal_mode=DELETE")  # all in one file, whatever the source's is
    return _of_file(content)


def _of_file(path: Path) -> tuple[str, dict[str, int]]:
    engine = open_engine(f"sqlite:///{path}")
    try:
        with reading(engine) as connection:
            described = _described(connection)
    finally:
        engine.dispose()
    return described


def _dump_postgresql(url: str, content: Path) -> tuple[str, dict[str, int]]:
    program = _program("pg_dump")
    content.touch(mode=0o600)
    engine = open_engine(url)
    try:
        with reading(engine) as connection:  # the dump and the counts are of this snapshot
            snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
            described = _described(connection)
            _run(
                [program, "--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}", f"--file={content}"],
                url,
            )
    finally:
        engine.dispose()
    return described


def _program(name: str) -> str:
    """One of PostgreSQL's own programs: on PATH, else the newest where Debian puts them."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    found = shutil.which(name) or (str(places[-1]) if places else None)
    if found is None:
        raise BackupError(
            f"{name} is not on PATH; install PostgreSQL's client programs, of the server's version or newer"
        )
    return found


def _run(command: list[str], url: str) -> None:
    """Run a program of PostgreSQL's on the database at `url`. The password goes by the environment, which other users
    do not see. Raises BackupError."""
    parsed = make_url(url)
    env = dict(os.environ)
    if parsed.password is not None:
        env["PGPASSWORD"] = str(parsed.password)
    open_url = _without_password(parsed).set(drivername="postgresql").render_as_string()
    done = subprocess.run([*command, f"--dbname={open_url}"], env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise BackupError(f"{Path(command[0]).name}: {done.stderr.strip()[-600:]}")


def _without_password(url: URL) -> URL:
    return URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)


def read_manifest(source: Path) -> Manifest:
    """What the backup says of itself. Raises BackupError, OSError."""
    with _opened(source) as archive:
        return _manifest(archive, source)


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:") as archive:
            yield archive
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(f"{source} is no backup, or not a whole one") from error


def _manifest(archive: tarfile.TarFile, source: Path) -> Manifest:
    try:
        member = archive.getmember(_MANIFEST)
        file = archive.extractfile(member)
        told: dict[str, Any] = json.loads(file.read(_MOST_MANIFEST)) if file is not None else {}
        manifest = Manifest(**told)
    except (KeyError, ValueError, TypeError) as error:
        raise BackupError(f"{source} is no backup, or not a whole one") from error
    if manifest.format != FORMAT or manifest.name != _NAMES.get(manifest.database):
        raise BackupError(f"{source} is a backup of another format; restore it with version {manifest.version}")
    return manifest


def restore(url: str, source: Path, bury: Callable[[Engine], int]) -> tuple[Manifest, int]:
    """Put a backup into the empty store at `url`, verified, brought to this version's schema, with every session ended,
    and `bury` done: it takes out again who was erased since, and says how many. Nobody can be served before: on SQLite
    the file is put in its place last, and `server run` does the same as `bury` before it serves.

    Raises BackupError, OSError, SQLAlchemyError, and whatever `bury` raises; the store is as empty as before then.
    """
    kind = _kind(url)
    with _opened(source) as archive:
        manifest = _manifest(archive, source)
        if manifest.database != kind:
            raise BackupError(
                f"{source} is a backup of {manifest.database}, and the store is to be {kind}; set the other"
            )
        if manifest.revision not in known_revisions():
            raise BackupError(f"{source} was made by version {manifest.version}; restore it with that, or a newer one")
        with _workplace(url) as folder:
            content = folder / manifest.name
            _extract(archive, manifest, content)
            gone = (_restore_sqlite if kind == "sqlite" else _restore_postgresql)(url, content, manifest, bury)
    return manifest, gone


@contextmanager
def _workplace(url: str) -> Iterator[Path]:
    """A private folder; for SQLite on the disk of the database, so that the last step is a rename."""
    database = make_url(url).database
    near = Path(database).absolute().parent if _kind(url) == "sqlite" and database else None
    if near is not None:
        near.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".plumbline-restore-", dir=near) as name:
        yield Path(name)


def _extract(archive: tarfile.TarFile, manifest: Manifest, content: Path) -> None:
    try:
        file = archive.extractfile(archive.getmember(manifest.name))
    except KeyError:
        file = None
    if file is None:
        raise BackupError(f"the backup has no {manifest.name} in it")
    content.touch(mode=0o600)
    with content.open("wb") as out:
        shutil.copyfileobj(file, out, _CHUNK)
    if content.stat().st_size != manifest.size or _sha256(content) != manifest.sha256:
        raise BackupError(f"{manifest.name} in the backup is not what was backed up: size or SHA-256 differ")


def _restore_sqlite(url: str, content: Path, manifest: Manifest, bury: Callable[[Engine], int]) -> int:
    target = Path(make_url(url).database or "")
    if target.exists() and _filled(url):
        raise BackupError(f"{target} holds a store already; move it away, with its -wal and -shm files, and try again")
    engine = open_engine(f"sqlite:///{content}")
    try:
        with reading(engine) as connection:
            if connection.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok":
                raise BackupError("the database in the backup is damaged")
        gone = _finish(engine, manifest, bury)
    finally:
        engine.dispose()  # the last connection folds the write-ahead log into the file
    for end in ("-wal", "-shm"):
        target.with_name(target.name + end).unlink(missing_ok=True)
    content.replace(target)
    return gone


def _restore_postgresql(url: str, content: Path, manifest: Manifest, bury: Callable[[Engine], int]) -> int:
    program = _program("pg_restore")
    if _filled(url):
        raise BackupError("the database holds tables already; name an empty one")
    _run([program, "--single-transaction", "--exit-on-error", "--no-owner", "--no-acl", str(content)], url)
    engine = open_engine(url)
    try:
        return _finish(engine, manifest, bury)
    except BaseException:
        unmake(engine)
        raise
    finally:
        engine.dispose()


def _filled(url: str) -> bool:
    engine = open_engine(url)
    try:
        return bool(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def _finish(engine: Engine, manifest: Manifest, bury: Callable[[Engine], int]) -> int:
    if current_revision(engine) != manifest.revision:
        raise BackupError("the database in the backup has another revision than its manifest says")
    with reading(engine) as connection:
        _, rows = _described(connection)
    if rows != manifest.rows:
        differ = sorted(
            name for name in rows.keys() | manifest.rows.keys() if rows.get(name) != manifest.rows.get(name)
        )
        raise BackupError(f"the restored tables have other rows than were backed up: {', '.join(differ)}")
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(delete(session))  # who was shut out since must not come in again by an old cookie
    return bury(engine)
