"""One program at a time uses a gateway's data: a lock that the system itself lets go of when its holder ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gateway import private_files
from gateway.store import OutboxError

FILE: Final = "gateway.lock"

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class InUseError(OutboxError):
    """Another program uses the data."""


class Alone:
    """To be entered by whoever uses the data in `folder`. Raises InUseError when another does, OutboxError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle = -1

    def __enter__(self) -> Self:
        path = self._folder / FILE
        try:
            private_files.make_folder(self._folder)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, private_files.FILE_MODE)
        except OSError as error:
            raise OutboxError(f"cannot use {path}: {error.strerror}") from error
        try:
            _lock(self._handle)
        except OSError as error:
            os.close(self._handle)
            raise InUseError(
                f"a gateway runs with the data in {self._folder} already. Stop it first: with Ctrl-C where it "
                "runs, or, installed as a service, as its system stops services"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)
