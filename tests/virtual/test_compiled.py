"""The firmware compiled as for the board, and what the interpreter is started with."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import pytest

from firmware.virtual import compiled as compiling
from firmware.virtual import interpreter
from firmware.virtual.compiled import compiled, find_mpy_cross
from firmware.virtual.interpreter import FIRMWARE, SOURCE_HEAP, STANDINS, command, find_micropython

needs_compiler = pytest.mark.skipif(find_mpy_cross() is None, reason="no mpy-cross")
needs_micropython = pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this machine")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "thing"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "inner" / "part.py").write_text("VALUE = 1\n")
    return folder


def heap_of(line: list[str]) -> int:
    return int(line[2].removeprefix("heapsize="))


@needs_compiler
def test_a_package_is_compiled_once_for_each_content(package: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = compiled(package, cache)
    assert first is not None
    assert sorted(path.relative_to(first).as_posix() for path in first.rglob("*.mpy")) == [
        "thing/__init__.mpy",
        "thing/inner/part.mpy",
    ]
    made = (first / "thing" / "inner" / "part.mpy").stat().st_mtime_ns
    assert compiled(package, cache) == first
    assert (first / "thing" / "inner" / "part.mpy").stat().st_mtime_ns == made
    (package / "inner" / "part.py").write_text("VALUE = 2\n")
    second = compiled(package, cache)
    assert second not in (None, first)
    assert sorted(path.name for path in cache.iterdir()) == sorted([first.name, second.name if second else ""])


@needs_compiler
def test_what_does_not_compile_leaves_nothing_behind(package: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (package / "inner" / "part.py").write_text("VALUE = = 1\n")
    with pytest.raises(SyntaxError):
        compiled(package, cache)
    (package / "inner" / "part.py").write_text("match 1:\n    case 1:\n        pass\n")  # MicroPython knows no match
    with pytest.raises(subprocess.CalledProcessError):
        compiled(package, cache)
    assert list(cache.iterdir()) == []


@needs_compiler
def test_without_a_place_to_write_it_runs_from_source(package: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert compiled(package, tmp_path / "cache") is None


@needs_micropython
@needs_compiler
def test_the_firmware_is_replaced_by_its_compiled_form(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(interpreter, "compiled", lambda folder: compiled(folder, tmp_path / "cache"))
    line, env = command("micropython", "128k", (tmp_path, FIRMWARE))
    first, built = env["PLUMBLINE_PATH"].split(os.pathsep)
    assert Path(first) == tmp_path
    assert (Path(built) / "clip" / "main.mpy").is_file()
    assert not (Path(built) / "clip" / "protocol.mpy").exists(), "only what main reaches"
    standins = Path(env["MICROPYPATH"].split(os.pathsep)[0])
    assert {path.stem for path in standins.iterdir()} == {path.stem for path in STANDINS.glob("*.py")}
    assert line[1:3] == ["-X", "heapsize=131072"]


@needs_micropython
def test_without_a_compiler_it_runs_from_source_in_more_heap(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiling, "find_mpy_cross", lambda: None)
    with caplog.at_level(logging.WARNING):
        line, env = command("micropython", "128k", (FIRMWARE,))
    assert env["PLUMBLINE_PATH"] == str(FIRMWARE)
    assert env["MICROPYPATH"].split(os.pathsep)[0] == str(STANDINS)
    assert heap_of(line) == 128 * 1024 + SOURCE_HEAP
    assert "from source" in caplog.text


@needs_micropython
@needs_compiler
def test_a_traceback_names_the_module(tmp_path: Path) -> None:
    package = tmp_path / "thing"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("1 / 0\n")
    folder = compiled(package, tmp_path / "cache")
    done = subprocess.run(
        [str(find_micropython()), "-c", "import thing.part"],
        env={**os.environ, "MICROPYPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "thing.part" in done.stdout + done.stderr
    assert "ZeroDivisionError" in done.stdout + done.stderr
