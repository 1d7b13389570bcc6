"""Firmware that hangs or fails in the middle of its work, in MicroPython: the clip starts anew and says why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firmware.clip import keystore
from firmware.clip.protocol import records
from firmware.virtual import RadioHost, VirtualClip, interpreter, simulate
from firmware.virtual.interpreter import find_micropython

from .kept_records import events

SERIAL = "00112233445566aa"
PROGRAMS = Path(__file__).parent / "programs"
BOOT_MS = 300


def lives(folder: Path, trouble: str, seconds: float) -> tuple[Path, list[int]]:
    """The flash, and when the clip booted, in some simulated seconds in which that happens to it."""
    if find_micropython() is None:
        pytest.skip("no MicroPython for this machine")
    flash = folder / "flash"
    flash.mkdir()
    (flash / "keys.bin").write_bytes(keystore.pack([(b"GATEWAY1", bytes(range(32)))]))
    (flash / "trouble.txt").write_text(trouble)
    clip = VirtualClip(
        SERIAL,
        flash=flash,
        interpreter="micropython",
        heap="1m",
        program="troubled",
        search=(interpreter.FIRMWARE, PROGRAMS),
    )

    async def main() -> list[int]:
        async with RadioHost([clip]) as host:
            await asyncio.sleep(seconds)
            assert host.clips[SERIAL].state in ("running", "booting", "off")
            return host.clips[SERIAL].boots_ms

    return flash, simulate(main())


def told(flash: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(kind, value) of the boots and restarts in the journal."""
    kinds = (records.BOOT, records.RESTARTED)
    return [(kind, value) for kind, _, value in events(flash, monkeypatch) if kind in kinds]


def test_a_hang_ends_with_the_watchdog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flash, boots = lives(tmp_path, "hang", 90)
    assert len(boots) == 2
    assert boots[1] - boots[0] == pytest.approx(5_000 + 8_000 + BOOT_MS, abs=100)
    assert told(flash, monkeypatch) == [
        (records.BOOT, 2),
        (records.RESTARTED, records.BY_WATCHDOG),
    ]
    assert not list(flash.glob("crash*"))


@pytest.mark.parametrize(
    ("trouble", "name"), [("raise", "KeyError 7"), ("memory", "MemoryError"), ("deep", "RuntimeError")]
)
def test_an_error_ends_one_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str, name: str) -> None:
    flash, boots = lives(tmp_path, trouble, 90)
    assert len(boots) == 2
    assert boots[1] - boots[0] == pytest.approx(5_000 + 5_000 + BOOT_MS, abs=100)
    assert told(flash, monkeypatch)[-1] == (records.RESTARTED, records.BY_ERROR)
    assert not (flash / "crash.txt").exists()
    said = (flash / "crash.old.txt").read_text()
    assert said.splitlines()[-1] == name
    assert "troubled" in said
    assert "secret" not in said
    assert len(said) <= 1_000


def test_an_error_that_stays_is_not_tried_in_haste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it fill the journal, in which there may be days that nobody has acknowledged."""
    flash, boots = lives(tmp_path, "always raise", 65)
    assert len(boots) == 7
    assert not events(flash, monkeypatch)
    assert len(list(flash.glob("crash*"))) <= 2
