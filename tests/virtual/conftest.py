"""The small firmware that most tests of the virtual clip run, on both interpreters."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.virtual import VirtualClip
from firmware.virtual.interpreter import end, find_micropython, start

PROGRAMS = Path(__file__).parent / "programs"
SERIAL = "00112233445566aa"

TinyClip = Callable[..., VirtualClip]


@pytest.fixture(params=["micropython", "cpython"])
def interpreter(request: pytest.FixtureRequest) -> str:
    if request.param == "micropython" and find_micropython() is None:
        pytest.skip("no MicroPython for this machine")
    return str(request.param)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyClip:
    """Makes a clip whose firmware is programs/tiny.py."""

    def make(serial: str = SERIAL, **knobs: Any) -> VirtualClip:
        knobs.setdefault("program", "tiny")
        return VirtualClip(serial, flash=tmp_path / serial, search=(PROGRAMS,), **knobs)

    return make


@pytest.fixture
def radio_process(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], str]]]:
    """Starts a radio with one tiny clip in a process of its own; gives the process and its address."""
    started: list[subprocess.Popen[bytes]] = []

    def launch(*arguments: str) -> tuple[subprocess.Popen[bytes], str]:
        address = tmp_path / f"address{len(started)}"
        line = [
            sys.executable,
            str(Path(__file__).parent / "radio_process.py"),
            str(tmp_path / "flash"),
            str(address),
            *arguments,
        ]
        with (tmp_path / f"radio{len(started)}.txt").open("wb") as console:
            process = start(line, cwd=tmp_path, env={"PYTHONPATH": str(Path.cwd())}, console=console)
        started.append(process)
        while not address.exists() or not address.read_text().endswith("\n"):
            time.sleep(0.01)
            assert process.poll() is None, (tmp_path / f"radio{len(started) - 1}.txt").read_text()
        return process, address.read_text().strip()

    yield launch
    for process in started:
        end(process)
