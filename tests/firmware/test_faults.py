"""Chips that fail, in the virtual clip's MicroPython: told, tried again, back when they are well, and never fatal."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.clip import keystore
from firmware.clip.protocol import records
from firmware.virtual import RadioHost, VirtualClip, simulate
from firmware.virtual.controls import ControlError
from firmware.virtual.interpreter import find_micropython

from .kept_records import events

SERIAL = "00112233445566aa"
BOOT_MS = 300
HURT_S, WELL_S = 3.0, 3.0
Story = Callable[[RadioHost], Awaitable[Any]]


def live(folder: Path, story: Story, **knobs: Any) -> tuple[Path, Any]:
    """The flash after a story, and what the story gives. The clip must not have started anew, nor said anything."""
    if find_micropython() is None:
        pytest.skip("no MicroPython for this machine")
    flash = folder / "flash"
    flash.mkdir(exist_ok=True)
    (flash / "keys.bin").write_bytes(keystore.pack([(b"GATEWAY1", bytes(range(32)))]))
    console = folder / "console.txt"
    clip = VirtualClip(SERIAL, flash=flash, interpreter="micropython", heap="1m", console=console, **knobs)

    async def main() -> Any:
        async with RadioHost([clip]) as host:
            answer = await story(host)
            assert host.clips[SERIAL].state == "running"
            return answer

    answer = simulate(main())
    assert console.read_text() == ""
    assert not list(flash.glob("crash*"))
    return flash, answer


def times(flash: Path, monkeypatch: pytest.MonkeyPatch, kind: int) -> list[int]:
    return [at for found, at, _ in events(flash, monkeypatch) if found == kind]


NOTICED = ("nack", "stuck", "garbage", "reset")
"""Of a sensor that is running; that another has come in its place is noticed when it is set up."""


def test_a_sensor_that_fails_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(host: RadioHost) -> list[tuple[int, int]]:
        await asyncio.sleep(3)
        spans = []
        for mode in NOTICED:
            hurt = host.now_ms
            await host.control("i2c_fault", serial=SERIAL, chip="imu", mode=mode)
            await asyncio.sleep(HURT_S)
            await host.control("i2c_fault", serial=SERIAL, chip="imu", mode="none")
            spans.append((hurt - BOOT_MS, host.now_ms - BOOT_MS))
            await asyncio.sleep(WELL_S)
        return spans

    flash, spans = live(tmp_path, story)
    lost, back = (times(flash, monkeypatch, kind) for kind in (records.IMU_LOST, records.IMU_BACK))
    assert len(lost) == len(back) == len(NOTICED)
    for mode, (hurt, healed), gone, here in zip(NOTICED, spans, lost, back, strict=True):
        assert hurt <= gone <= hurt + 1_300, mode
        assert here <= (hurt if mode == "reset" else healed) + 2_300, mode
        assert mode == "reset" or here >= healed, mode


@pytest.mark.parametrize("mode", ["nack", "stuck", "other", "garbage"])
def test_a_sensor_that_fails_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    async def story(host: RadioHost) -> int:
        host.clips[SERIAL].power_off()
        await host.control("i2c_fault", serial=SERIAL, chip="imu", mode=mode)
        await host.control("power", serial=SERIAL, on=True)
        started = host.now_ms
        await asyncio.sleep(3)
        await host.control("i2c_fault", serial=SERIAL, chip="imu", mode="none")
        healed = host.now_ms - started
        await asyncio.sleep(3)
        return healed

    flash, healed = live(tmp_path, story)
    lost, back = (times(flash, monkeypatch, kind) for kind in (records.IMU_LOST, records.IMU_BACK))
    assert len(lost) == len(back) == 1
    assert lost[0] <= 1_000
    assert healed <= back[0] <= healed + 1_200


def test_glitches_of_one_transfer_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(host: RadioHost) -> None:
        await asyncio.sleep(3)
        for n in range(40):
            await host.control("i2c_fault", serial=SERIAL, chip=("imu", "haptic")[n % 2], mode="glitch")
            await asyncio.sleep(0.2)

    flash, _ = live(tmp_path, story)
    assert times(flash, monkeypatch, records.IMU_LOST) == []


def test_a_missing_chip_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flash, _ = live(tmp_path, lambda _: asyncio.sleep(65), has_imu=False, has_haptic=False)
    assert len(times(flash, monkeypatch, records.IMU_LOST)) == 1
    assert times(flash, monkeypatch, records.IMU_BACK) == []


@pytest.mark.parametrize("mode", ["nack", "stuck", "other", "garbage", "reset", "busy"])
def test_a_haptic_chip_that_fails_answers_again(tmp_path: Path, mode: str) -> None:
    """A short press asks for a status buzz: in the trouble, and after it."""

    async def story(host: RadioHost) -> tuple[int, int]:
        await asyncio.sleep(2)
        await host.control("i2c_fault", serial=SERIAL, chip="haptic", mode=mode)
        await host.control("press", serial=SERIAL)
        await asyncio.sleep(7)
        await host.control("i2c_fault", serial=SERIAL, chip="haptic", mode="none")
        await asyncio.sleep(1.5)
        before = len(host.clips[SERIAL].motor_log)
        await host.control("press", serial=SERIAL)
        await asyncio.sleep(2)
        assert not host.clips[SERIAL].board.haptic.running(1000 * host.now_ms)  # type: ignore[union-attr]
        return before, len(host.clips[SERIAL].motor_log)

    _, (before, after) = live(tmp_path, story)
    assert after == before + 1


def test_a_fault_is_asked_for_by_name(tmp_path: Path) -> None:
    async def story(host: RadioHost) -> None:
        await asyncio.sleep(1)
        for chip, mode in (("imu", "cold"), ("radio", "nack")):
            with pytest.raises(ControlError, match="garbage"):
                await host.control("i2c_fault", serial=SERIAL, chip=chip, mode=mode)

    live(tmp_path, story)


def test_the_light_flashes_for_moments_only(tmp_path: Path) -> None:
    async def story(host: RadioHost) -> list[tuple[int, int, int]]:
        await asyncio.sleep(2)
        assert not [level for _, _, level in host.clips[SERIAL].board.outputs if level]
        await host.control("press", serial=SERIAL, held_ms=6_400)
        await asyncio.sleep(70)
        return host.clips[SERIAL].board.outputs

    _, outputs = live(tmp_path, story)
    levels = [(at, level) for at, _, level in outputs]
    lit = [(b - a) / 1000 for (a, on), (b, off) in itertools.pairwise(levels) if on and not off]
    assert len(lit) == pytest.approx(60_000 / 240, abs=10), "while another gateway may be paired"
    assert max(lit) <= 21
