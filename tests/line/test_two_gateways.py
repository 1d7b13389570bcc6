"""Two gateways within reach of one clip: one has it, the other waits, and they do not take it from each other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import bleak
import pytest

from firmware.clip import keystore
from firmware.virtual import RadioHost, VirtualClip, simulate
from gateway import messages
from gateway.config import ClipConfig
from gateway.outbox import Outbox
from gateway.radio import BleakRadio
from gateway.session import Session

SERIAL: Final = "00112233445566aa"
KEYS: Final = {"home": ("aa" * 8, "11" * 32), "office": ("bb" * 8, "22" * 32)}
CHOOSERS: Final = ("get_platform_scanner_backend_type", "get_platform_client_backend_type")
ADAPTER: ContextVar[str] = ContextVar("adapter")


class Gateway:
    """A session in a computer of its own: `name` is its adapter."""

    def __init__(self, name: str, host: RadioHost, outbox: Outbox, told: list[tuple[float, str]]) -> None:
        gateway, key = KEYS[name]
        self.name = name
        self.session = Session(
            ClipConfig(serial=SERIAL, key=key),
            gateway,
            radio=BleakRadio(),
            outbox=outbox,
            utc_ms=host.utc_ms,
            auto_calibrate=False,
            on_change=lambda: self._tell(host.now_ms / 1000),
            on_rows=lambda: None,
            on_live=_nothing,
        )
        self._told = told
        self._state = ""
        self._task: asyncio.Task[None] | None = None

    def _tell(self, at_s: float) -> None:
        if self.session.state != self._state:
            self._state = self.session.state
            self._told.append((at_s, f"{self.name} {self._state}"))

    def start(self) -> None:
        ADAPTER.set(self.name)
        self._task = asyncio.create_task(self.session.run())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


def _nothing(_: messages.Live) -> None:
    pass


async def _adapters(host: RadioHost, stack: contextlib.AsyncExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter for each gateway: bleak takes that of the context it is called in."""
    choosers: dict[tuple[str, str], Callable[[], Any]] = {}
    for name in KEYS:
        stack.enter_context(await host.open_bluetooth(name))
        choosers |= {(name, chooser): vars(bleak)[chooser] for chooser in CHOOSERS}
    for chooser in CHOOSERS:
        monkeypatch.setattr(bleak, chooser, lambda chooser=chooser: choosers[ADAPTER.get(), chooser]())


def test_the_one_that_has_the_clip_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flash = tmp_path / "flash"
    flash.mkdir()
    keys = [(bytes.fromhex(gateway), bytes.fromhex(key)) for gateway, key in KEYS.values()]
    (flash / "keys.bin").write_bytes(keystore.pack(keys))
    clip = VirtualClip(SERIAL, flash=flash, noise=False, has_imu=False)
    told: list[tuple[float, str]] = []

    def lives(since_s: float) -> list[str]:
        return [what.split()[0] for at, what in told if at >= since_s and what.endswith("live")]

    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            host = await stack.enter_async_context(RadioHost([clip], start_utc_ms=1_700_000_000_000))
            await _adapters(host, stack, monkeypatch)
            outboxes = [stack.enter_context(Outbox(tmp_path / f"{name}.db", host.utc_ms)) for name in KEYS]
            home, office = (Gateway(name, host, outbox, told) for name, outbox in zip(KEYS, outboxes, strict=True))
            home.start()
            office.start()  # at once: both may connect, one of them has it in the end
            await asyncio.sleep(300)
            assert len(lives(0)) in {1, 2}
            assert not lives(60), told
            has, waits = (home, office) if home.session.state == "live" else (office, home)
            assert (has.session.state, waits.session.state) == ("live", "searching")
            for _ in range(3):
                began_s = host.now_ms / 1000
                await has.stop()
                await asyncio.sleep(60)
                assert lives(began_s) == [waits.name]
                has.start()  # it comes back, and finds that the other has the clip
                await asyncio.sleep(240)
                assert lives(began_s) == [waits.name]
                has, waits = waits, has
            for _ in range(2):  # the wearer lets the clip be paired: it advertises, although somebody has it
                began_s = host.now_ms / 1000
                await host.control("press", serial=SERIAL, held_ms=6500)
                await asyncio.sleep(200)
                assert not lives(began_s), told
                assert has.session.state == "live"
            began_s = host.now_ms / 1000
            await host.control("link_loss", serial=SERIAL)
            await asyncio.sleep(300)
            assert 1 <= len(lives(began_s)) <= 2, told
            assert not lives(began_s + 60)
            await home.stop()
            await office.stop()

    simulate(main())
    assert Path(f"{flash}.log").read_text() == ""
