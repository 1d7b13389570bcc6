"""MicroPython and CPython run the same firmware to the same effect."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.virtual import InterpreterError, RadioHost, VirtualClip, simulate
from firmware.virtual.interpreter import choose, end, find_micropython, heap_bytes, start

PROGRAMS = Path(__file__).parent / "programs"
SERIAL = "00112233445566aa"
Tiny = Callable[..., VirtualClip]


def console_of(clip: VirtualClip, seconds: float) -> tuple[str, list[str]]:
    """What the firmware printed, and the states that the clip went through."""
    states: list[str] = []

    async def main() -> Path:
        async with RadioHost([clip]) as host:
            for _ in range(int(seconds * 10)):
                await asyncio.sleep(0.1)
                state = host.clips[SERIAL].state
                if not states or states[-1] != state:
                    states.append(state)
            return host.clips[SERIAL].console

    return simulate(main()).read_text(), states


def test_the_board_answers(tiny: Tiny, interpreter: str) -> None:
    said, states = console_of(tiny(interpreter=interpreter, program="board", noise=False), 11)
    lines = said.splitlines()
    assert lines[:9] == [
        "scan [90, 106]",
        "who b'l'",
        "plain b'l'",
        "into b'l\\x00'",
        "into b'll'",
        "absent 19",
        "beyond 5",
        "adc 2075000 41207",
        "id b'\\x00\\x11\"3DUf\\xaa'",
    ]
    assert re.fullmatch(r"random b'.+' 300", lines[9])
    assert lines[10:13] == ["led 1 1", "led 0", "kept x True"]
    assert lines[13:15] == ["sleep 0 0 0", "slept 2000 2000250 2 10 1073741823"]
    # Four samples at 104 Hz; the clip reads at once, so that the next four make the next edge.
    assert lines[15:20] == [f"edge {int((i + 1) * 4000 / 104 + 0.25)} 8 0 1 2" for i in range(5)]
    assert lines[20].startswith("fed ")
    assert "never" not in said
    assert "kept xx True" in said, "the watchdog has started it again"
    assert "off" in states


def test_tasks_run_in_the_same_order_on_both(tiny: Tiny) -> None:
    if find_micropython() is None:
        pytest.skip("no MicroPython for this machine")
    told = []
    for kind in ("micropython", "cpython"):
        clip = tiny(interpreter=kind, program="tasks")
        clip.console = clip.flash.with_name(kind)
        told.append(console_of(clip, 2)[0])
    assert told[0] == told[1]
    assert "timed out" in told[0]
    assert told[0].splitlines()[-1].endswith("end")


def test_auto_means_micropython_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware.virtual.interpreter.find_micropython", lambda: "/somewhere/micropython")
    assert choose("auto") == "micropython"
    monkeypatch.setattr("firmware.virtual.interpreter.find_micropython", lambda: None)
    assert choose("auto") == "cpython"
    assert choose("cpython") == "cpython"
    with pytest.raises(InterpreterError):
        choose("micropython")


@pytest.mark.parametrize(("text", "size"), [("128k", 131072), ("1M", 1048576), ("4096", 4096)])
def test_heap_sizes(text: str, size: int) -> None:
    assert heap_bytes(text) == size


@pytest.mark.parametrize("serial", ["", "00112233445566a", "00112233445566AA", "00112233445566a?"])
def test_serials(serial: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="serial"):
        VirtualClip(serial, flash=tmp_path)


def test_two_clips_cannot_be_one(tiny: Tiny) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="two clips"):
            RadioHost([tiny(), tiny()])

    simulate(main())


def test_a_child_that_ends_by_itself_keeps_its_exit_code(tmp_path: Path) -> None:
    process: Any = start([sys.executable, "-c", "raise SystemExit(7)"], cwd=tmp_path, env={}, console=-3)
    assert end(process, grace_s=10) == 7
    process = start([sys.executable, "-c", "import time; time.sleep(1000)"], cwd=tmp_path, env={}, console=-3)
    assert end(process) < 0


def test_random_bytes_repeat_in_a_repeated_run_but_not_from_boot_to_boot(tmp_path: Path, interpreter: str) -> None:
    def drawn(flash: Path) -> list[str]:
        clip = VirtualClip(SERIAL, flash=flash, interpreter=interpreter, program="board", search=(PROGRAMS,))  # type: ignore[arg-type]
        said, _ = console_of(clip, 20)
        return [line for line in said.splitlines() if line.startswith("random")]

    first = drawn(tmp_path / "first")
    assert len(first) >= 2, "the watchdog has started it again"
    assert len(set(first)) == len(first)
    assert drawn(tmp_path / "again") == first
    assert not set(drawn(tmp_path / "first")[len(first) :]) & set(first)
