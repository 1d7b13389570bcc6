"""What a session makes of a computer without Bluetooth and of one that slept, and what it tells of its states."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway import messages
from tests.gateway import jump
from tests.gateway.fake_clip import FakeClip, FakeGatt
from tests.gateway.jump import START_UTC_MS, until, utc_ms
from tests.gateway.test_session import running


def test_without_bluetooth_it_sleeps_says_why_and_goes_on_when_there_is(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            live = bench.session.face
            assert live.link_problem == ""
            assert live.link_since_utc_ms is not None
            assert START_UTC_MS < live.link_since_utc_ms <= utc_ms()
            radio = bench.radio
            radio.off = "cannot scan (is Bluetooth there and switched on?): no adapter"
            assert clip.gatt is not None
            clip.gatt.drop()
            await until(lambda: bench.session.state == "asleep")
            before = bench.session.face.link_since_utc_ms
            await asyncio.sleep(300)
            face = bench.session.face
            assert (face.link, face.link_problem) == ("asleep", radio.off)
            assert face.link_since_utc_ms == before
            assert messages.parse("status", _status(face))
            radio.off = ""
            await until(lambda: bench.session.state == "live")

    jump.run(main())


def _status(face: messages.ClipStatus) -> bytes:
    return messages.encode(messages.Status(schema="status/1", online=True, utc_ms=1, clips=(face,)))


def test_a_link_that_a_sleep_has_killed_is_made_anew_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            await asyncio.sleep(100)
            dead = clip.gatt
            assert dead is not None

            async def swallow(self: FakeGatt, uuid: str, data: bytes) -> None:
                if self is dead:
                    await asyncio.sleep(1000)
                await write(self, uuid, data)

            write = FakeGatt.write
            monkeypatch.setattr(FakeGatt, "write", swallow)
            bench.session.wake()
            await until(lambda: clip.connections == 2, 4)
            await until(lambda: bench.session.state == "live", 4)

    jump.run(main())


def test_a_link_that_has_outlived_a_sleep_is_kept(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            for _ in range(3):
                bench.session.wake()
                await asyncio.sleep(20)
            assert (bench.session.state, clip.connections) == ("live", 1)

    jump.run(main())


def test_waking_ends_the_wait_between_two_attempts(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            for _ in range(12):  # links that do not hold: the waits have grown to half a minute
                await until(lambda: clip.gatt is not None)
                assert clip.gatt is not None
                clip.gatt.drop()
                await asyncio.sleep(0)
            await asyncio.sleep(1)
            made = clip.connections
            bench.session.wake()
            await until(lambda: clip.connections > made, 1)

    jump.run(main())
