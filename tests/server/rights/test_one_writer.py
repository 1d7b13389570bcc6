"""The lock where there is no `fcntl`: what the module asks of `msvcrt` is emulated, each lock on its one byte."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import types
from importlib import util
from pathlib import Path

import pytest

from server.rights import one_writer, tombstones
from server.rights.tombstones import TombstoneError, Tombstones
from tests.server.rights.test_tombstones import SAID, several_writers_lose_nothing

LK_UNLCK, LK_LOCK = 0, 1


class Msvcrt(types.ModuleType):
    """Locks as Windows does: the bytes from the file's position on."""

    LK_LOCK, LK_UNLCK = LK_LOCK, LK_UNLCK

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.held: list[tuple[int, int]] = []
        self.busy = False
        self._byte = threading.Lock()

    def locking(self, handle: int, mode: int, size: int) -> None:
        if self.busy:
            raise OSError(36, "Resource deadlock avoided")
        where = (os.lseek(handle, 0, os.SEEK_CUR), size)
        assert where[0] > os.fstat(handle).st_size, "what is locked can be read by nobody else"
        if mode == LK_LOCK:
            self._byte.acquire()
            self.held.append(where)
        else:
            self.held.remove(where)
            self._byte.release()


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Msvcrt:
    """The lock as it is loaded where `fcntl` cannot be imported, used by the tombstones."""
    made = Msvcrt()
    path = one_writer.__file__
    with monkeypatch.context() as there:
        there.setattr(sys, "platform", "win32")
        there.setitem(sys.modules, "fcntl", None)
        there.setitem(sys.modules, "msvcrt", made)
        spec = util.spec_from_file_location("one_writer_on_windows", path)
        assert spec is not None
        assert spec.loader is not None
        loaded = util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
    monkeypatch.setattr(tombstones, "one_writer", loaded.one_writer)
    return made


def test_tombstones_are_kept_without_fcntl(windows: Msvcrt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise AssertionError("this is not there")

    monkeypatch.setattr(os, "pread", refuses)
    monkeypatch.setattr(fcntl, "flock", refuses)
    path = tmp_path / "tombstones"
    several_writers_lose_nothing(path)
    assert windows.held == []
    windows.busy = True
    with pytest.raises(TombstoneError, match="deadlock avoided"):
        Tombstones(path).add([SAID])
    assert Tombstones(path).read() == [SAID] * 80
