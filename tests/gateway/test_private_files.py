"""Only its user reads the store, whatever the umask and whatever was there before."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import private_files
from gateway.outbox import Outbox
from tests.gateway.test_outbox import now, rows

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o377])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


PRIVATE = {"data": 0o700, "gateway.db": 0o600, "gateway.db-wal": 0o600, "gateway.db-shm": 0o600}


@pytest.mark.usefixtures("umask")
def test_what_is_made_is_private(tmp_path: Path) -> None:
    with Outbox(tmp_path / "data" / "gateway.db", now) as outbox:
        outbox.put(rows(1))
        assert modes(tmp_path / "data") == PRIVATE


@pytest.mark.usefixtures("umask")
def test_what_is_wide_is_narrowed_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "data" / "gateway.db"
    with Outbox(path, now) as outbox:
        outbox.put(rows(1))
        saved = {name: (path.parent / name).read_bytes() for name in PRIVATE if name != "data"}
    for name, content in saved.items():
        (path.parent / name).write_bytes(content)  # as a crash leaves them
        (path.parent / name).chmod(0o644)
    path.parent.chmod(0o755)
    for _ in range(2):
        with Outbox(path, now) as outbox:
            assert outbox.waiting == 1
            outbox.put([])
            assert {name: mode for name, mode in modes(path.parent).items() if name in PRIVATE} == PRIVATE
    said = [record for record in caplog.records if "others could read" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.WARNING]
    assert all(str(path.parent / name) in said[0].getMessage() for name in saved)


def test_a_file_that_was_narrower_still_is_made_writable_and_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.touch(0o400)
    path.chmod(0o400)
    assert not private_files.make_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_shared_folders_are_left_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sticky, home, foreign = tmp_path / "tmp", tmp_path / "home", tmp_path / "foreign"
    for folder, mode in ((sticky, 0o1777), (home, 0o755), (foreign, 0o755)):
        folder.mkdir()
        folder.chmod(mode)
    monkeypatch.setattr(Path, "home", lambda: home)
    assert not private_files.make_folder(sticky)
    assert not private_files.make_folder(home)
    monkeypatch.setattr(os, "getuid", lambda: foreign.stat().st_uid + 1)
    assert not private_files.make_folder(foreign)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (sticky, home, foreign)] == [0o1777, 0o755, 0o755]
