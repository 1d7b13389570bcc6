"""Files that only their user can read, whatever the umask says. On Windows the user's profile keeps others out."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600


def make_folder(path: Path) -> bool:
    """Make the folder, or narrow it; whether it was wide before.

    A folder that is another user's, the home folder and one with the sticky bit (`/tmp`) are shared on purpose: they
    stay as they are, and the files inside are narrow anyway. Raises OSError.
    """
    if path.is_dir():
        return _is_own(path) and narrow(path, FOLDER_MODE)
    path.mkdir(parents=True, exist_ok=True)
    narrow(path, FOLDER_MODE)
    return False


def make_file(path: Path) -> bool:
    """Make the file, or narrow it; whether it was wide before. Raises OSError."""
    if path.exists():
        return narrow(path, FILE_MODE)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, FILE_MODE))
    narrow(path, FILE_MODE)
    return False


def narrow(path: Path, mode: int) -> bool:
    """Give the path this mode unless it is as narrow already; whether others had rights. Raises OSError."""
    now = stat.S_IMODE(path.stat().st_mode)
    if os.name != "posix" or now == mode:
        return False
    path.chmod(mode)
    return bool(now & 0o077)


def _is_own(folder: Path) -> bool:
    if os.name != "posix":
        return True
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & stat.S_ISVTX and folder.resolve() != Path.home()
