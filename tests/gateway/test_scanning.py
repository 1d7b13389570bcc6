"""The shared scan: one for all who look, with pauses that grow, and patience while there is no Bluetooth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from bleak.exc import BleakError

from gateway import scanning
from gateway.scanning import ScanError, Scanner
from tests.gateway import jump


class Air:
    """In place of bleak's scanner: who advertises, and when somebody listened."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.off = False
        self.windows: list[list[float]] = []
        self.attempts: list[float] = []
        self.listening = 0

    def scanner(self, seen: Callable[[Any, Any], None], service_uuids: list[str]) -> Window:
        assert service_uuids
        return Window(self, seen)

    @property
    def on_s(self) -> float:
        return sum(end - start for start, end in self.windows)


class Window:
    def __init__(self, air: Air, seen: Callable[[Any, Any], None]) -> None:
        self.air = air
        self.seen = seen
        self.tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        now = asyncio.get_running_loop().time()
        self.air.attempts.append(now)
        if self.air.off:
            raise BleakError("No powered Bluetooth adapters found.")
        self.air.listening += 1
        assert self.air.listening == 1, "two scans at once"
        self.air.windows.append([now, now])
        self.tasks.append(asyncio.create_task(self._hear()))

    async def _hear(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            for name in sorted(self.air.names):
                self.seen(SimpleNamespace(name=name), None)

    async def __aexit__(self, *_: object) -> None:
        self.air.listening -= 1
        self.air.windows[-1][1] = asyncio.get_running_loop().time()
        self.tasks[0].cancel()


@pytest.fixture
def air(monkeypatch: pytest.MonkeyPatch) -> Iterator[Air]:
    air = Air()
    monkeypatch.setattr(scanning, "BleakScanner", air.scanner)
    yield air
    assert air.listening == 0


def looking_for(name: str) -> scanning.Matches:
    return lambda device, _: device.name == name


async def seek(scanner: Scanner, name: str) -> Any:
    """As a session does: look again and again."""
    while (found := await scanner.find(name, looking_for(name), 10.0)) is None:
        pass
    return found


def test_all_who_look_share_one_scan_and_it_ends_when_all_have_found(air: Air) -> None:
    async def main() -> None:
        scanner = Scanner(asyncio.Lock())
        air.names = {"a", "c"}
        seeking = [asyncio.create_task(seek(scanner, name)) for name in "abc"]
        await asyncio.sleep(5)
        assert [task.done() for task in seeking] == [True, False, True]
        assert seeking[0].result().name == "a"
        air.names = {"b"}
        await asyncio.sleep(60)
        assert seeking[1].result().name == "b"
        ended = air.on_s
        await asyncio.sleep(600)
        assert air.on_s == ended

    jump.run(main())


def test_what_is_not_there_is_looked_for_a_third_of_the_time(air: Air) -> None:
    async def main() -> None:
        scanner = Scanner(asyncio.Lock())
        tasks = [asyncio.create_task(seek(scanner, name)) for name in "ab"]
        await asyncio.sleep(3600)
        assert 0.2 < air.on_s / 3600 < 0.42
        pauses = [after[0] - before[1] for before, after in zip(air.windows, air.windows[1:], strict=False)]
        assert pauses[0] <= 1
        assert 15 <= max(pauses) <= 30
        air.names = {"a", "b"}
        await asyncio.sleep(scanning.LONGEST_PAUSE_S + 1)
        assert all(task.done() for task in tasks)

    jump.run(main())


def test_who_begins_to_look_does_not_wait_for_the_pause_of_others(air: Air) -> None:
    async def main() -> None:
        scanner = Scanner(asyncio.Lock())
        other = asyncio.create_task(seek(scanner, "a"))
        await asyncio.sleep(1000)
        air.names = {"b"}
        for _ in range(20):
            async with asyncio.timeout(1):
                await seek(scanner, "b")
            await asyncio.sleep(40)
        other.cancel()
        await asyncio.sleep(1)

    jump.run(main())


def test_nobody_scans_while_a_connection_is_made(air: Air) -> None:
    async def main() -> None:
        busy = asyncio.Lock()
        scanner = Scanner(busy)
        other = asyncio.create_task(seek(scanner, "a"))
        air.names = {"b"}
        await seek(scanner, "b")
        async with asyncio.timeout(scanning.HAND_OVER_S), busy:
            before = len(air.windows)
            await asyncio.sleep(0)
        async with busy:
            before = len(air.windows)
            await asyncio.sleep(20)
            assert len(air.windows) == before
        other.cancel()
        await asyncio.sleep(1)

    jump.run(main())


def test_without_bluetooth_it_is_said_and_tried_again_slowly(air: Air) -> None:
    async def main() -> None:
        scanner = Scanner(asyncio.Lock())
        air.off = True
        air.names = {"a"}
        with pytest.raises(ScanError, match=r"switched on.*No powered"):
            await scanner.find("a", looking_for("a"), 10.0)
        failures = 0
        while asyncio.get_running_loop().time() < 3600:
            with pytest.raises(ScanError):
                await scanner.find("a", looking_for("a"), 10.0)
            failures += 1
        assert len(air.attempts) < 3600 / 30 + 10
        assert failures > len(air.attempts), "whoever asks hears of it in time"
        air.off = False
        scanner.hasten()
        async with asyncio.timeout(1):
            await seek(scanner, "a")

    jump.run(main())
