"""From a clip whose button is held to live numbers, at home and then at the office, over the virtual radio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from firmware.clip import keystore
from firmware.virtual import RadioHost, VirtualClip, simulate
from gateway import config as configuration
from gateway import first_steps
from gateway.config import GatewayConfig
from gateway.first_steps import StepError, Wishes
from gateway.lab.script import Script, Segment
from gateway.pairing import PairingError
from gateway.radio import RadioError

pytestmark = pytest.mark.timeout(300)

SERIAL = "00112233445566aa"
HOME, OFFICE = "00000000000a7e01", "00000000000a7e02"
START_UTC_MS = 1_700_000_000_000
HOLD_MS = 6500
BOWS = [segment for _ in range(20) for segment in (Segment(9.0), Segment(3.0, sagittal=35.0))]
"""Sits still and bows, again and again: whenever it is asked to."""


class Listener:
    """Keeps what the wearer is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)

    def show(self, line: str) -> None:
        self.shown.append(line)


class Place:
    """A computer with a configuration of its own."""

    def __init__(self, folder: Path, gateway: str) -> None:
        self.path = folder / gateway / "gateway.json"
        made = GatewayConfig(gateway=gateway, broker="mqtt://127.0.0.1", data_dir=folder / gateway / "data")
        configuration.save(self.path, made)
        self.listener = Listener()

    @property
    def config(self) -> GatewayConfig:
        return configuration.load(self.path)

    async def begin(self, host: RadioHost, wishes: Wishes) -> None:
        clip = await first_steps.pair_clip(self.config, self.path, self.listener, wishes)
        await first_steps.walk(self.config, clip, self.listener, wishes, utc_ms=lambda: START_UTC_MS + host.now_ms)


def beside_a_clip(folder: Path, script: list[Segment], program: Callable[[RadioHost], Awaitable[None]]) -> Path:
    """Run `program(host)` beside a clip that nobody has paired yet; returns the file of its keys."""
    flash = folder / "flash"
    flash.mkdir()
    clip = VirtualClip(SERIAL, flash=flash, motion=Script(script, seed=3), heap="256k")

    async def main() -> None:
        async with RadioHost([clip], start_utc_ms=START_UTC_MS) as host:
            await program(host)

    simulate(main())
    return flash / keystore.FILE


def test_from_the_button_to_live_numbers_at_two_places(tmp_path: Path) -> None:
    home, office = Place(tmp_path, HOME), Place(tmp_path, OFFICE)

    async def program(host: RadioHost) -> None:
        for place, name in ((home, "home"), (office, "office")):
            await asyncio.sleep(3)
            with await host.open_bluetooth(name):
                press = asyncio.create_task(host.control("press", serial=SERIAL, held_ms=HOLD_MS))
                await place.begin(host, Wishes(watch_s=15, simulated=True))
                await press

    keys = keystore.load(str(beside_a_clip(tmp_path, BOWS, program)))
    kept = dict(keys)
    for place in (home, office):
        (clip,) = place.config.clips
        assert clip.serial == SERIAL
        assert clip.simulated
        assert kept[bytes.fromhex(place.config.gateway)] == clip.key_bytes
        assert place.path.stat().st_mode & 0o077 == 0
        assert clip.key not in " ".join(place.listener.said + place.listener.shown)
    assert any(line.startswith("Calibrated") for line in home.listener.said)
    assert any("calibrated already (calibration 1)" in line for line in office.listener.said)
    for place in (home, office):
        assert place.listener.said[-1].startswith("Live")
        assert sum("°" in line for line in place.listener.shown) >= 8
        assert any(line.startswith("slouched, 35° forward") for line in place.listener.shown)
    assert any(line.startswith("upright") for line in home.listener.shown)
    assert any("not calibrated yet" in line for line in home.listener.shown)


def test_without_a_clip_it_says_what_to_do(tmp_path: Path) -> None:
    place = Place(tmp_path, HOME)

    async def program(host: RadioHost) -> None:
        with await host.open_bluetooth("home"), pytest.raises(PairingError, match="hold its button for 6 s"):
            await place.begin(host, Wishes(look_s=5))

    beside_a_clip(tmp_path, [Segment(60.0)], program)
    assert place.config.clips == ()


def test_a_wearer_who_does_not_bow_is_told_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_steps, "CALIBRATE_S", 30.0)
    place = Place(tmp_path, HOME)

    async def program(host: RadioHost) -> None:
        await asyncio.sleep(3)
        with await host.open_bluetooth("home"):
            press = asyncio.create_task(host.control("press", serial=SERIAL, held_ms=HOLD_MS))
            with pytest.raises(StepError, match="There is no hurry"):
                await place.begin(host, Wishes())
            await press

    beside_a_clip(tmp_path, [Segment(120.0)], program)
    assert [clip.serial for clip in place.config.clips] == [SERIAL]


def test_a_clip_that_leaves_after_pairing_stays_paired(tmp_path: Path) -> None:
    place = Place(tmp_path, HOME)

    async def program(host: RadioHost) -> None:
        await asyncio.sleep(3)
        with await host.open_bluetooth("home"):
            press = asyncio.create_task(host.control("press", serial=SERIAL, held_ms=HOLD_MS))
            clip = await first_steps.pair_clip(place.config, place.path, place.listener, Wishes())
            await press
            await host.control("range", serial=SERIAL, on=False)
            with pytest.raises(StepError, match="paired, but was not in reach"):
                await first_steps.walk(
                    place.config, clip, place.listener, Wishes(), utc_ms=lambda: START_UTC_MS + host.now_ms
                )

    beside_a_clip(tmp_path, [Segment(60.0)], program)
    assert len(place.config.clips) == 1


def test_a_configuration_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path, HOME)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def program(host: RadioHost) -> None:
        await asyncio.sleep(3)
        with await host.open_bluetooth("home"):
            press = asyncio.create_task(host.control("press", serial=SERIAL, held_ms=HOLD_MS))
            monkeypatch.setattr(configuration, "save", full)
            with pytest.raises(PairingError, match="No space left on device"):
                await first_steps.pair_clip(place.config, place.path, place.listener, Wishes())
            await press

    beside_a_clip(tmp_path, [Segment(60.0)], program)
    assert place.config.clips == ()


async def test_without_bluetooth_it_says_what_to_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_adapter(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("bleak.BleakScanner.find_device_by_filter", no_adapter)
    place = Place(tmp_path, HOME)
    with pytest.raises(RadioError, match="is Bluetooth there and switched on"):
        await first_steps.pair_clip(place.config, place.path, place.listener, Wishes())
