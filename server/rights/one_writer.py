"""One writer of a file at a time, by a lock that the system lets go of when its holder ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

if sys.platform == "win32":
    import msvcrt

    _BEYOND: Final = 2**30
    """The locked byte: Windows lets nobody else read what is locked, so that it lies behind the end."""

    def _lock(handle: int) -> None:
        os.lseek(handle, _BEYOND, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # gives up with an OSError after ten seconds

    def _unlock(handle: int) -> None:
        os.lseek(handle, _BEYOND, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


@contextmanager
def one_writer(handle: int) -> Iterator[None]:
    """Wait until nobody else is in here with the same file, which is open for writing; its position is the caller's to
    set. Raises OSError."""
    _lock(handle)
    try:
        yield
    finally:
        _unlock(handle)
