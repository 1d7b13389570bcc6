"""A backup is one moment of a store at work; what is restored is that moment, without who was erased since."""

from __future__ import annotations

import io
import json
import shutil
import stat
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, insert, make_url, select

from server.access.sessions import open_session
from server.ingest.enrolment import enrol_patient
from server.operation import backup
from server.operation.backup import BackupError, Manifest, back_up, read_manifest, restore
from server.store import open_engine, reading, writing
from server.store.migrate import current_revision, migrate, newest_revision, unmake
from server.store.tables import metadata, patient, user_account
from tests.plugins.databases import run_sql
from tests.server.conftest import Clinic
from tests.server.transactions import committed

NOW = 1_790_000_000_000


def nobody(engine: Engine) -> int:
    return 0


@pytest.fixture
def empty_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """An empty store of the same kind as `database_url`."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'restored' / 'plumbline.db'}"
        return
    url = make_url(database_url)
    admin, name = url.set(database="postgres").render_as_string(), f"{url.database}_restored"
    run_sql(admin, f"CREATE DATABASE {name}")
    yield url.set(database=name).render_as_string()
    run_sql(admin, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def opened() -> Iterator[Callable[[str], Engine]]:
    engines: list[Engine] = []

    def make(url: str) -> Engine:
        engines.append(open_engine(url))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


def contents(engine: Engine) -> dict[str, list[str]]:
    with reading(engine) as db:
        return {name: sorted(map(repr, db.execute(select(table)))) for name, table in metadata.tables.items()}


def test_what_is_restored_is_what_was_backed_up(
    clinic_on_both: Clinic, database_url: str, empty_url: str, tmp_path: Path, opened: Callable[[str], Engine]
) -> None:
    engine = clinic_on_both.engine
    committed(open_session)(engine, clinic_on_both.people["mara"], NOW, clinic_on_both.rules)
    file = tmp_path / "backup.tar"
    before = contents(engine)
    made = back_up(database_url, file, NOW)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (made.revision, made.made_ms, made.rows["patient"]) == (newest_revision(), NOW, len(before["patient"]))
    assert read_manifest(file) == made
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    told, gone = restore(empty_url, file, nobody)
    restored = opened(empty_url)
    assert (told, gone) == (made, 0)
    assert contents(restored) == {**before, "session": []}
    assert enrol_patient(restored, name="Next", zone="UTC", now_ms=NOW) > max(clinic_on_both.patients.values())
    if database_url.startswith("sqlite"):
        assert stat.S_IMODE(Path(restored.url.database or "").stat().st_mode) == 0o600


def test_a_backup_while_much_is_written_is_one_moment(
    engine: Engine, database_url: str, empty_url: str, tmp_path: Path, opened: Callable[[str], Engine]
) -> None:
    """Each transaction writes a patient and an account: a backup that saw half of one would have unequal numbers."""
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        for number in range(1, 10**6):
            with writing(engine) as db:
                db.execute(
                    insert(patient).values(id=number, pseudonym=f"P-{number}", name="x" * 150, zone="UTC", created_ms=0)
                )
                db.execute(
                    insert(user_account).values(
                        id=number, email=f"{number}@x", name="x", role="therapist", password_hash="x", created_ms=0
                    )
                )
            if number == 50:
                written.set()
            if stop.is_set():
                return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert written.wait(30)
        made = back_up(database_url, tmp_path / "backup.tar", NOW)
    finally:
        stop.set()
        thread.join()
    restore(empty_url, tmp_path / "backup.tar", nobody)
    with reading(opened(empty_url)) as db:
        people, accounts = (db.scalar(select(func.count()).select_from(t)) for t in (patient, user_account))
    assert people == accounts == made.rows["patient"] == made.rows["user_account"]
    assert people is not None
    assert people >= 50


def test_who_was_erased_since_is_gone_before_anybody_is_served(
    engine: Engine, database_url: str, empty_url: str, tmp_path: Path, opened: Callable[[str], Engine]
) -> None:
    ids = [enrol_patient(engine, name=name, zone="UTC", now_ms=0, pseudonym=name) for name in ("Ada", "Ben")]
    back_up(database_url, tmp_path / "backup.tar", NOW)

    def bury(restored: Engine) -> int:
        if database_url.startswith("sqlite"):  # nobody can open it yet
            assert not Path(open_engine(empty_url).url.database or "").stat().st_size
        with writing(restored) as db:
            return db.execute(delete(patient).where(patient.c.pseudonym == "Ada")).rowcount

    assert restore(empty_url, tmp_path / "backup.tar", bury)[1] == 1
    with reading(opened(empty_url)) as db:
        assert db.scalars(select(patient.c.id)).all() == [ids[1]]


def test_when_they_cannot_be_taken_out_nothing_is_restored(
    engine: Engine, database_url: str, empty_url: str, tmp_path: Path
) -> None:
    back_up(database_url, tmp_path / "backup.tar", NOW)

    def bury(_: Engine) -> int:
        raise RuntimeError("the tombstones cannot be read")

    with pytest.raises(RuntimeError, match="tombstones"):
        restore(empty_url, tmp_path / "backup.tar", bury)
    restore(empty_url, tmp_path / "backup.tar", nobody)  # the place is as empty as before


def test_a_store_is_never_written_over(engine: Engine, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    back_up(database_url, file, NOW)
    before = file.read_bytes()
    with pytest.raises(BackupError, match="exists already"):
        back_up(database_url, file, NOW)
    assert file.read_bytes() == before
    with pytest.raises(BackupError, match="already"):
        restore(database_url, file, nobody)


def repacked(source: Path, target: Path, **changes: Any) -> Path:
    """The backup again with other bytes for a member, or other words in the manifest."""
    with tarfile.open(source) as archive, tarfile.open(target, "w") as out:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            data = file.read() if file else b""
            if member.name == "manifest.json":
                data = json.dumps({**json.loads(data), **changes.get("manifest", {})}).encode()
            elif "content" in changes:
                data = changes["content"](data)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
    return target


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"content": lambda data: data[:-1]}, "not what was backed up"),
        ({"content": lambda data: data[:4000] + bytes([data[4000] ^ 1]) + data[4001:]}, "not what was backed up"),
        ({"manifest": {"sha256": "0" * 64}}, "not what was backed up"),
        ({"manifest": {"format": "plumbline-backup/9"}}, "another format"),
        ({"manifest": {"name": "../../somewhere"}}, "another format"),
        ({"manifest": {"revision": "9999"}}, "was made by version"),
        ({"manifest": {"more": 1}}, "is no backup"),
    ],
)
def test_what_is_not_as_it_was_made_is_not_restored(
    engine: Engine, database_url: str, empty_url: str, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    back_up(database_url, tmp_path / "a.tar", NOW)
    with pytest.raises(BackupError, match=words):
        restore(empty_url, repacked(tmp_path / "a.tar", tmp_path / "b.tar", **changes), nobody)
    restore(empty_url, tmp_path / "a.tar", nobody)


def test_rows_that_are_missing_are_noticed(engine: Engine, database_url: str, empty_url: str, tmp_path: Path) -> None:
    made = back_up(database_url, tmp_path / "a.tar", NOW)
    rows = {**made.rows, "patient": made.rows["patient"] + 1}
    with pytest.raises(BackupError, match="other rows than were backed up: patient"):
        restore(empty_url, repacked(tmp_path / "a.tar", tmp_path / "b.tar", manifest={"rows": rows}), nobody)
    restore(empty_url, tmp_path / "a.tar", nobody)


@pytest.mark.parametrize("content", [b"", b"no tar", b"x" * 20_000])
def test_what_is_no_backup_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.tar"
    file.write_bytes(content)
    with pytest.raises(BackupError, match="is no backup"):
        restore(f"sqlite:///{tmp_path / 'plumbline.db'}", file, nobody)


def test_the_two_databases_are_not_mixed_up(
    engine: Engine, database_url: str, tmp_path: Path, postgres_url: str
) -> None:
    made = back_up(database_url, tmp_path / "a.tar", NOW)
    other = (
        f"sqlite:///{tmp_path / 'other.db'}" if made.database == "postgresql" else postgres_url.format(name="postgres")
    )
    with pytest.raises(BackupError, match=f"is a backup of {made.database}"):
        restore(other, tmp_path / "a.tar", nobody)


def test_nothing_there_is_not_backed_up(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="nothing to back up"):
        back_up(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "a.tar", NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(
    database_url: str, empty_url: str, tmp_path: Path, opened: Callable[[str], Engine]
) -> None:
    engine = opened(empty_url)
    migrate(engine, "0002")
    made = back_up(empty_url, tmp_path / "a.tar", NOW)
    assert made.revision == "0002"
    if empty_url.startswith("sqlite"):
        engine.dispose()
        shutil.rmtree(Path(engine.url.database or "").parent)
    else:
        unmake(engine)
    restore(empty_url, tmp_path / "a.tar", nobody)
    assert current_revision(engine) == newest_revision()


def test_a_missing_program_is_named(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    with pytest.raises(BackupError, match="pg_dump is not on PATH; install"):
        back_up(postgres_url.format(name="template_plumbline"), tmp_path / "a.tar", NOW)


def test_the_password_is_in_no_list_of_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: list[Any] = []

    def run(command: list[str], **more: Any) -> Any:
        told.append((command, more["env"]["PGPASSWORD"]))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    backup._run(["pg_dump"], "postgresql+psycopg://me:very%20secret@db.example:5433/x?sslmode=require")
    assert told == [(["pg_dump", "--dbname=postgresql://me@db.example:5433/x?sslmode=require"], "very secret")]


def test_a_manifest_says_what_there_is() -> None:
    made = Manifest(backup.FORMAT, "0", NOW, "sqlite", "0001", {"a": 2, "b": 3}, "plumbline.db", 1, "0")
    assert made.total == 5
