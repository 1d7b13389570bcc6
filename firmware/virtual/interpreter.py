"""Starting an interpreter for a clip, and making sure that it never outlives the one who started it."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal

from .compiled import compiled

log = logging.getLogger(__name__)

Interpreter = Literal["auto", "micropython", "cpython"]

STANDINS = Path(__file__).resolve().parent / "standins"
FIRMWARE = Path(__file__).resolve().parent.parent
# What firmware and stand-ins take more from source: every name in them is kept, and the compiler works there.
SOURCE_HEAP = 80 * 1024
_PR_SET_PDEATHSIG = 1
_END_S = 5.0


class InterpreterError(RuntimeError):
    """No interpreter of the kind asked for."""


def find_micropython() -> str | None:
    """Path of a MicroPython: beside this Python, else on PATH, else None."""
    beside = Path(sys.executable).parent / "micropython"
    if beside.is_file() and os.access(beside, os.X_OK):
        return str(beside)
    return shutil.which("micropython")


def choose(wanted: Interpreter) -> Literal["micropython", "cpython"]:
    """The interpreter to use. Raises InterpreterError when MicroPython is demanded and there is none."""
    if wanted == "cpython":
        return "cpython"
    if find_micropython() is not None:
        return "micropython"
    if wanted == "micropython":
        raise InterpreterError("no micropython beside this Python nor on PATH")
    return "cpython"


def heap_bytes(text: str) -> int:
    """Bytes of a heap size such as "128k" or "1M". Raises ValueError."""
    factor = {"k": 1024, "m": 1024 * 1024}.get(text[-1:].lower(), 1)
    return int(text[:-1] if factor > 1 else text) * factor


def command(
    kind: Literal["micropython", "cpython"], heap: str, search: Sequence[Path], micropython: str | None = None
) -> tuple[list[str], dict[str, str]]:
    """Command line and environment that run the boot script; firmware is searched for in `search`.

    MicroPython, the one found unless `micropython` is another's path, gets this project's firmware and the stand-ins
    compiled, and more heap when that cannot be done here.
    """
    standins = STANDINS
    size = heap_bytes(heap)
    if kind == "micropython":
        clip, boot = compiled(FIRMWARE / "clip"), compiled(STANDINS)
        if clip is None or boot is None:
            size += SOURCE_HEAP
            log.warning("no mpy-cross: the clip runs from source, in %d kB more", SOURCE_HEAP // 1024)
        else:
            standins = boot
            search = [clip if path == FIRMWARE else path for path in search]
    env = {"PLUMBLINE_PATH": os.pathsep.join(str(path.resolve()) for path in search)}
    if kind == "micropython":
        micropython = find_micropython() if micropython is None else micropython
        if micropython is None:
            raise InterpreterError("no micropython beside this Python nor on PATH")
        line = [micropython, "-X", f"heapsize={size}", "-m", "boot"]
        return line, {"MICROPYPATH": os.pathsep.join([str(standins), ".frozen"]), **env}
    return [sys.executable, "-P", "-u", "-B", str(STANDINS / "cpython" / "boot.py")], env


def _die_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes the interpreter; None where the system has nothing of the kind."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return prepare


def start(
    line: Sequence[str], *, cwd: Path, env: Mapping[str, str], console: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own that the kernel ends with its parent (on Linux; elsewhere the child
    ends when its socket does)."""
    return subprocess.Popen(  # noqa: S603 - the command line is ours
        line,
        cwd=cwd,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=console,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with_parent(),  # noqa: PLW1509 - only calls prctl, looked up beforehand
    )


def end(process: subprocess.Popen[bytes], grace_s: float = 0.0) -> int:
    """Wait `grace_s` for a child to end by itself, else kill it and its group; its exit code."""
    if grace_s:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    return process.wait(timeout=_END_S)
