"""Where tests keep their files: in memory where there is room, because most of them write little and wait for the disk.

Nothing here tests that a disk keeps what it was given; whoever wants the tests on a disk sets TMPDIR.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")
ROOM: Final = 6 * 1024**3
"""Bytes that must be free: the tests of a whole run leave a part of it behind until its end."""


def folder() -> Path | None:
    """The folder for temporary files, None: the system's."""
    if os.environ.get("TMPDIR") or not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    return MEMORY if min(shutil.disk_usage(MEMORY).free, _memory()) >= ROOM else None


def _memory() -> int:
    """Bytes of memory that are to be had."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:"), 0)


def pytest_configure() -> None:
    """Before anybody has asked for a temporary file; workers and children inherit it."""
    chosen = folder()
    if chosen is not None:
        os.environ["TMPDIR"] = str(chosen)
        tempfile.tempdir = None
