"""A connection: handshake, seals, answers, and who may go first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from firmware.clip import protocol
from gateway.link import ANSWER_S, Link, LinkError, RefusedError, WrongClipError
from gateway.radio import RadioError, short_uuid
from tests.gateway import jump
from tests.gateway.fake_clip import GATEWAY, KEY, SERIAL, FakeClip, FakeGatt
from tests.gateway.jump import utc_ms

control, uuids = protocol.control, protocol.uuids


class Kept:
    def __init__(self) -> None:
        self.doors: list[str] = []

    def __call__(self, door: str, reason: str, data: bytes) -> None:
        assert reason
        assert data is not None
        self.doors.append(door)


def connect(clip: FakeClip, *, key: bytes = KEY, kept: Kept | None = None) -> tuple[Link, FakeGatt]:
    gatt = clip.gatt = FakeGatt(clip)
    link = Link(
        gatt,
        serial=SERIAL,
        key=key,
        gateway=bytes.fromhex(GATEWAY),
        utc_ms=utc_ms,
        on_malformed=kept or Kept(),
    )
    return link, gatt


def test_sealed_operations_after_the_handshake() -> None:
    async def main() -> None:
        clip = FakeClip()
        link, _ = connect(clip)
        await link.authenticate()
        for _ in range(3):
            await link.operate(control.BUZZ, control.pack(control.BUZZ, 1))
        assert [op for _, op, _ in clip.operations] == [control.BUZZ] * 3
        clip.refuse[control.BUZZ] = control.REFUSED_BUSY
        with pytest.raises(RefusedError, match="busy") as refused:
            await link.operate(control.BUZZ, control.pack(control.BUZZ, 1))
        assert refused.value.result == control.REFUSED_BUSY
        assert protocol.plan.parse_plan(await link.read(uuids.PLAN)).version == 0

    jump.run(main())


def test_a_ping_brackets_the_clips_time() -> None:
    async def main() -> None:
        clip = FakeClip()
        link, _ = connect(clip)
        await link.authenticate()
        await asyncio.sleep(10)
        exchange = await link.ping()
        at = jump.START_UTC_MS + exchange.clip_ms
        assert exchange.sent_utc_ms <= at <= exchange.received_utc_ms
        assert exchange.received_utc_ms - exchange.sent_utc_ms < 100

    jump.run(main())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda clip: clip.keys.clear(), LinkError, "unknown gateway"),
        (lambda clip: clip.keys.update({bytes.fromhex(GATEWAY): bytes(32)}), LinkError, "does not know the key"),
        (lambda clip: setattr(clip, "serial", "0" * 16), WrongClipError, "another serial"),
    ],
)
def test_strangers_are_told_apart(change: Any, error: type[Exception], words: str) -> None:
    async def main() -> None:
        clip = FakeClip()
        change(clip)
        link, _ = connect(clip)
        with pytest.raises(error, match=words):
            await link.authenticate()

    jump.run(main())


def test_nothing_is_proved_to_a_clip_that_proves_nothing() -> None:
    async def main() -> None:
        clip = FakeClip(key=bytes(32))
        link, gatt = connect(clip)
        written: list[int] = []
        write = gatt.write

        async def spy(uuid: str, data: bytes) -> None:
            written.append(data[0])
            await write(uuid, data)

        gatt.write = spy  # type: ignore[method-assign]
        with pytest.raises(LinkError):
            await link.authenticate()
        assert written == [control.HELLO]

    jump.run(main())


def test_a_clip_that_falls_silent_and_a_lost_link_end_the_wait() -> None:
    async def main() -> None:
        clip = FakeClip()
        link, gatt = connect(clip)
        await link.authenticate()
        loop = asyncio.get_running_loop()
        started = loop.time()
        gatt._callbacks.clear()
        with pytest.raises(LinkError, match="does not answer"):
            await link.ping()
        assert loop.time() - started == pytest.approx(ANSWER_S, abs=0.1)
        waiting = asyncio.create_task(link.operate(control.RESUME, b""))
        await asyncio.sleep(1)
        gatt.drop()
        with pytest.raises(LinkError, match="lost"):
            await waiting
        with pytest.raises(LinkError):
            await link.read(uuids.STATUS)
        with pytest.raises(LinkError):
            await link.subscribe(uuids.STATUS, lambda _: None)

    jump.run(main())


def test_a_hello_that_is_never_answered() -> None:
    async def main() -> None:
        clip = FakeClip()
        link, gatt = connect(clip)
        gatt._hello = lambda _: None  # type: ignore[method-assign,assignment]
        with pytest.raises(LinkError, match="does not answer the hello"):
            await link.authenticate()

    jump.run(main())


def test_a_broken_seal_ends_the_link() -> None:
    async def main() -> None:
        clip = FakeClip()
        link, gatt = connect(clip)
        await link.authenticate()
        clip.refuse[control.RESUME] = control.REFUSED_SEAL
        with pytest.raises(LinkError, match="seal"):
            await link.operate(control.RESUME, b"")
        assert gatt.closed is False
        await link.close()
        assert gatt.closed

    jump.run(main())


def test_malformed_events_are_kept_and_skipped() -> None:
    async def main() -> None:
        clip, kept = FakeClip(), Kept()
        link, gatt = connect(clip, kept=kept)
        await link.authenticate()
        for data in (b"", b"\x09", b"\x02short", control.pack_pong(77, 1), control.pack_result(1, 2, 0)):
            gatt.tell(uuids.EVENT, data)
        await link.ping()
        assert kept.doors == ["event"] * 3

    jump.run(main())


def test_a_lease_goes_before_what_waits_already() -> None:
    async def main() -> None:
        clip = FakeClip()
        link, _ = connect(clip)
        await link.authenticate()
        calm = [
            asyncio.create_task(link.operate(control.JOURNAL_ACK, control.pack(control.JOURNAL_ACK, k)))
            for k in range(5)
        ]
        await asyncio.sleep(0)
        lease = control.pack(control.LEASE, 10, 0, 1, 0)
        urgent = asyncio.create_task(link.operate(control.LEASE, lease, urgent=True))
        await asyncio.gather(urgent, *calm)
        order = [op for _, op, _ in clip.operations]
        assert order.index(control.LEASE) == 1
        assert [values[0] for _, op, values in clip.operations if op == control.JOURNAL_ACK] == [0, 1, 2, 3, 4]

    jump.run(main())


def test_short_uuids() -> None:
    assert short_uuid(0x2A25) == "00002a25-0000-1000-8000-00805f9b34fb"
    assert issubclass(RadioError, Exception)
