"""Child processes that never outlive their parent.

Each child leads its own process group, so that what it starts ends with it; on Linux the kernel also ends it when the
parent dies by any means (prctl PR_SET_PDEATHSIG). The death signal follows the *thread* that started the child: start
children from a thread that lives as long as they should.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a parent that ignores it would hand that down
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    stdout: int | IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` as a child that dies with this process.

    `log` takes what it prints to standard error (and to standard output unless `stdout` is given). Raises OSError when
    the program cannot be started.
    """
    with contextlib.ExitStack() as stack:
        sink: int | IO[bytes] = subprocess.DEVNULL if log is None else stack.enter_context(log.open("ab"))
        return subprocess.Popen(  # noqa: S603 - the commands are the project's own
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=sink if stdout is None else stdout,
            stderr=sink,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - runs three system calls and takes no lock
        )


def stop(child: subprocess.Popen[bytes], *, grace_s: float = 5.0) -> int:
    """End a child and its whole group: SIGTERM, then SIGKILL after `grace_s`. Returns its exit code."""
    _signal(child, signal.SIGTERM)
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        pass
    finally:
        kill(child)
    return child.returncode


def kill(child: subprocess.Popen[bytes]) -> None:
    """End a child and its whole group at once, as a crash would."""
    _signal(child, signal.SIGKILL)
    child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
