"""Simulated time: order, exactness, and that no grant is given while anything is in flight."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.virtual import RadioHost, Station, simulate, station
from firmware.virtual.frames import (
    BUSY,
    CONTROL,
    GRANT,
    HELLO,
    Frame,
    FrameError,
    Splitter,
    down,
    idle,
    parse_idle,
    up,
)
from firmware.virtual.scheduler import Scheduler
from firmware.virtual.simloop import SimSelector


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2**62), st.binary(max_size=300)), max_size=8),
    st.lists(st.integers(1, 50), min_size=1, max_size=20),
)
def test_frames_survive_any_chunking(sent: list[tuple[int, int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(down(kind, now, payload) for kind, now, payload in sent)
    splitter = Splitter(from_radio=True)
    got: list[Frame] = []
    at = turn = 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        got += splitter.feed(stream[at : at + size])
        at += size
        turn += 1
    assert got == [Frame(*frame) for frame in sent]


def test_a_frame_without_measure_is_refused() -> None:
    with pytest.raises(FrameError, match="frame of"):
        Splitter(from_radio=False).feed(b"\xff\xff\xff\xff\x01" + bytes(8))
    with pytest.raises(FrameError, match="idle"):
        parse_idle(b"\x00")
    assert parse_idle(idle(None, 7)[13:]) == (None, 7)
    assert parse_idle(idle(12, 2**32 + 1)[13:]) == (12, 1)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_timers_run_in_time_and_equal_times_in_the_order_they_were_set(delays: list[int]) -> None:
    async def main() -> list[tuple[float, int]]:
        loop = asyncio.get_running_loop()
        ran: list[tuple[float, int]] = []

        def note(number: int) -> None:
            ran.append((loop.time(), number))

        for number, delay in enumerate(delays):
            loop.call_later(delay, note, number)
        await asyncio.sleep(6)
        return ran

    assert simulate(main()) == sorted((float(delay), number) for number, delay in enumerate(delays))


def test_a_day_takes_no_time_and_does_not_drift() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        for _ in range(36_000):
            await asyncio.sleep(0.1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 82_800)
        return loop.time()

    wall = time.perf_counter()
    assert simulate(main()) == pytest.approx(86_400, abs=0.02)
    assert time.perf_counter() - wall < 20


def test_threads_wake_the_loop_in_wall_time() -> None:
    async def main() -> tuple[int, float]:
        result = await asyncio.to_thread(lambda: 42)
        return result, asyncio.get_running_loop().time()

    assert simulate(main()) == (42, 0.0)


def test_speed_is_an_upper_bound() -> None:
    async def main() -> float:
        async with RadioHost(speed=20.0):
            wall = time.perf_counter()
            for _ in range(10):
                await asyncio.sleep(0.5)
            return time.perf_counter() - wall

    assert 0.24 < simulate(main()) < 5


def test_speed_must_be_positive() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="positive"):
            RadioHost(speed=0.0)

    simulate(main())


def test_a_radio_needs_simulated_time() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="simulate"):
            RadioHost()

    asyncio.run(main())


class _Raw:
    """A station made by hand, which is in no hurry."""

    def __init__(self, address: str, name: str) -> None:
        host, port = address.split(":")
        self.sock = socket.create_connection((host, int(port)), timeout=10)
        self.splitter = Splitter(from_radio=True)
        self.frames: list[Frame] = []
        self.read = 0
        self.sock.sendall(up(HELLO, b'{"name": "%s"}' % name.encode()))
        assert self.next().kind == 1

    def next(self) -> Frame:
        while not self.frames:
            self.frames += self.splitter.feed(self.sock.recv(65536))
        self.read += 1
        return self.frames.pop(0)

    def idle(self, due_us: int | None) -> None:
        self.sock.sendall(idle(due_us, self.read))


def _with_stations(play: Callable[[str, list[tuple[str, int]]], None], *names: str) -> list[tuple[str, int]]:
    """Run a radio, and `play(address, trace)` in a thread; every 10 ms of the radio's time are noted in `trace`."""
    trace: list[tuple[str, int]] = []

    async def main() -> None:
        async with RadioHost(wait_for=names) as host:
            task = asyncio.create_task(_tick(host, trace))
            await asyncio.to_thread(play, host.address, trace)
            task.cancel()

    simulate(main())
    return trace


async def _tick(host: RadioHost, trace: list[tuple[str, int]]) -> None:
    while True:
        await asyncio.sleep(0.01)
        trace.append(("radio", host.now_ms))


def test_time_stands_still_while_a_station_has_not_reported_idle() -> None:
    def play(address: str, trace: list[tuple[str, int]]) -> None:
        raw = _Raw(address, "slow")
        raw.idle(35_000)
        grant = raw.next()
        assert (grant.kind, grant.now_us) == (GRANT, 35_000)
        before = len(trace)
        time.sleep(0.1)
        assert len(trace) == before == 3
        raw.idle(None)
        deadline = time.monotonic() + 5
        while len(trace) < 10 and time.monotonic() < deadline:
            time.sleep(0.001)
        raw.sock.close()

    trace = _with_stations(play, "slow")
    assert [t for _, t in trace[:10]] == list(range(10, 101, 10))


def test_time_stands_still_while_a_frame_is_on_its_way() -> None:
    def play(address: str, trace: list[tuple[str, int]]) -> None:
        raw = _Raw(address, "slow")
        raw.sock.sendall(up(CONTROL, b'{"id": 1, "do": "now"}'))
        raw.idle(None)  # before the answer has been read: it does not count it
        time.sleep(0.1)
        assert trace == []
        answer = raw.next()
        assert answer.kind == CONTROL
        assert answer.now_us == 0
        raw.idle(None)
        deadline = time.monotonic() + 5
        while not trace and time.monotonic() < deadline:
            time.sleep(0.001)
        assert trace
        raw.sock.sendall(up(BUSY))
        held = raw.next()
        assert held.kind == GRANT
        before = len(trace)
        time.sleep(0.1)
        assert len(trace) <= before + 1
        raw.sock.close()

    _with_stations(play, "slow")


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30)), min_size=1, max_size=25))
def test_stations_are_granted_in_order_of_time_then_name(waits: list[tuple[str, int]]) -> None:
    plans = {name: [ms for who, ms in waits if who == name] for name in "abc"}
    expected = sorted((sum(plans[name][: i + 1]) * 1000, name) for name in "abc" for i in range(len(plans[name])))
    granted: list[tuple[int, str]] = []

    def play(address: str, _trace: list[tuple[str, int]]) -> None:
        def live(name: str) -> None:
            raw = _Raw(address, name)
            due = 0
            for ms in plans[name]:
                due += ms * 1000
                raw.idle(due)
                frame = raw.next()
                assert frame.kind == GRANT
                granted.append((frame.now_us, name))
            raw.sock.close()

        threads = [threading.Thread(target=live, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()

    _with_stations(play, "a", "b", "c")
    assert granted == expected


def test_a_stray_connection_does_not_stop_time() -> None:
    def play(address: str, trace: list[tuple[str, int]]) -> None:
        host, port = address.split(":")
        silent = socket.create_connection((host, int(port)))
        noisy = socket.create_connection((host, int(port)))
        noisy.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wrong = socket.create_connection((host, int(port)))
        wrong.sendall(up(HELLO, b"[]"))
        deadline = time.monotonic() + 5
        while len(trace) < 50 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert len(trace) >= 50
        assert wrong.recv(10) == b""
        for sock in (silent, noisy, wrong):
            sock.close()

    _with_stations(play)


def test_a_station_keeps_time_with_the_radio() -> None:
    async def program(here: Station) -> list[int]:
        loop = asyncio.get_running_loop()
        seen = []
        for _ in range(100):
            await asyncio.sleep(0.033)
            seen.append(here.now_ms)
            assert loop.time() == pytest.approx(here.now_ms / 1000, abs=0.001)
        return seen

    got: list[int] = []

    def play(address: str, _trace: list[tuple[str, int]]) -> None:
        got.extend(station.run(program, address=address, name="other", bluetooth=False))

    _with_stations(play, "other")
    assert got == [33 * i for i in range(1, 101)]


def test_a_peer_that_reads_slowly_gets_everything_in_order() -> None:
    def main() -> list[Frame]:
        scheduler = Scheduler()
        here, there = socket.socketpair()
        with here, there:
            selector = SimSelector(scheduler)
            peer = scheduler.adopt(here)
            for number in range(200):
                peer.send(GRANT, bytes([number]) * 20_000)
            waits_to_write = bool(selector.get_key(peer).events & selectors.EVENT_WRITE)
            assert waits_to_write, "the socket's buffer cannot hold it all"
            splitter = Splitter(from_radio=True)
            got: list[Frame] = []
            there.setblocking(False)
            while len(got) < 200:
                peer.flush()
                try:
                    got += splitter.feed(there.recv(1 << 20))
                except BlockingIOError:
                    continue
            return got

    got = main()
    assert [frame.payload[0] for frame in got] == list(range(200))
