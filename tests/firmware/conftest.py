"""Running the clip's modules in MicroPython and in CPython, from small programs with JSON in and out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SEARCH = (ROOT / "firmware", HERE / "fakes", HERE / "programs")
PROGRAMS = (HERE / "programs", ROOT / "firmware" / "tools" / "programs")
HEAP = "8m"  # the programs keep their whole input and output; the firmware's own need is tested by itself

RunProgram = Callable[..., Any]


def find_micropython() -> str | None:
    beside = Path(sys.executable).parent / "micropython"
    return str(beside) if beside.exists() else shutil.which("micropython")


def _run(kind: str, folder: Path, program: str, data: Any) -> Any:
    paths = os.pathsep.join(str(path) for path in SEARCH)
    if kind.startswith("micropython"):
        executable = find_micropython() if kind == "micropython" else os.environ["MICROPYTHON_32BIT"]
        if executable is None:
            pytest.skip("no MicroPython for this machine")
        line = [executable, "-X", f"heapsize={HEAP}"]
        env = {"MICROPYPATH": paths + os.pathsep + ".frozen"}
    else:
        line = [sys.executable, "-B", "-P"]
        env = {"PYTHONPATH": paths}
    flash = folder / kind
    flash.mkdir(exist_ok=True)
    (folder / f"{kind}.in.json").write_text(json.dumps(data))
    path = next(path for place in PROGRAMS if (path := place / program).exists())
    done = subprocess.run(
        [*line, str(path), str(folder / f"{kind}.in.json"), str(folder / f"{kind}.out.json")],
        cwd=flash,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{kind}: {done.stdout}{done.stderr}"
    return json.loads((folder / f"{kind}.out.json").read_text())


@pytest.fixture(params=["micropython", "cpython"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> RunProgram:
    """Runs programs/NAME on `data`, in each interpreter in turn; what it answers."""
    return lambda program, data: _run(request.param, tmp_path, program, data)


@pytest.fixture
def micropython(tmp_path: Path) -> RunProgram:
    """Runs programs/NAME on `data` in MicroPython; what it answers."""
    return lambda program, data: _run("micropython", tmp_path, program, data)


@pytest.fixture
def cpython(tmp_path: Path) -> RunProgram:
    """Runs programs/NAME on `data` in CPython; what it answers."""
    return lambda program, data: _run("cpython", tmp_path, program, data)


@pytest.fixture
def micropython32(tmp_path: Path) -> RunProgram:
    """As `micropython`, in one of 32 bits; its tests carry the marker micropython32."""
    return lambda program, data: _run("micropython32", tmp_path, program, data)


@pytest.fixture
def both(tmp_path: Path) -> RunProgram:
    """Runs programs/NAME on `data` in both interpreters, demands equal answers, and gives the answer."""

    def run(program: str, data: Any) -> Any:
        answer = _run("micropython", tmp_path, program, data)
        assert answer == _run("cpython", tmp_path, program, data)
        return answer

    return run


@pytest.fixture
def all_three(both: RunProgram, tmp_path: Path) -> RunProgram:
    """As `both`, with a 32-bit MicroPython as the third; its tests carry the marker micropython32."""

    def run(program: str, data: Any) -> Any:
        answer = _run("micropython32", tmp_path, program, data)
        assert answer == both(program, data)
        return answer

    return run
