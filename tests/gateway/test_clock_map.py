"""The clock map against made-up clocks: whatever the radio delays, what it says holds."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock_bounds import MAX_BUCKETS, Bounds
from gateway.clock_map import MAX_KNOTS, ClockMap
from gateway.placing import NOWHERE

BOOT_UTC = 1_790_000_000_000


class World:
    """A clip whose clock runs `ppm` slow against UTC, behind a radio that delays by up to `jitter_ms` each way."""

    def __init__(self, ppm: float, jitter_ms: float, seed: int = 1) -> None:
        self.ppm = ppm
        self.jitter_ms = jitter_ms
        self.random = random.Random(seed)
        self.clock = ClockMap()
        self.step_ms = 0.0

    def utc(self, clip_ms: float) -> float:
        return BOOT_UTC + clip_ms * (1 + self.ppm * 1e-6) + self.step_ms

    def clip(self, true_ms: float) -> float:
        return true_ms / (1 + self.ppm * 1e-6)

    def delay(self) -> float:
        return 5 + self.random.expovariate(1 / (self.jitter_ms + 1e-9))

    def ping(self, clip_ms: float) -> None:
        t = self.clip(clip_ms)
        there, back = self.delay(), self.delay()
        self.clock.exchange(int(self.utc(t) - there), int(t), int(self.utc(t) + back))

    def packet(self, clip_ms: float) -> None:
        t = self.clip(clip_ms)
        self.clock.arrival(int(t), int(self.utc(t) + self.delay()))

    def live(self, since_ms: int, until_ms: int) -> None:
        for t in range(since_ms, until_ms, 15_000):
            self.ping(t)
            for k in range(1, 15):
                self.packet(t + 1000 * k)

    def error(self, clip_ms: int) -> tuple[float, int]:
        place = self.clock.place(clip_ms)
        assert place.utc_ms is not None
        assert place.error_ms is not None
        return abs(place.utc_ms - self.utc(clip_ms)), place.error_ms


def test_nothing_can_be_placed_before_there_is_an_exchange() -> None:
    clock = ClockMap()
    clock.arrival(100, BOOT_UTC)
    assert not clock.ready
    assert clock.place(100) == NOWHERE
    assert clock.clip_now(BOOT_UTC) is None


@given(
    ppm=st.floats(-100, 100),
    jitter=st.floats(0, 80),
    seed=st.integers(0, 1000),
    asked=st.lists(st.integers(0, 3_600_000), min_size=1, max_size=20),
)
def test_the_stated_error_holds_and_time_never_runs_backwards(
    ppm: float, jitter: float, seed: int, asked: list[int]
) -> None:
    world = World(ppm, jitter, seed)
    said: dict[int, int] = {}
    now = 0
    world.ping(0)
    for at in asked:
        if at > now:
            world.live(now, at)
            now = at
        place = world.clock.place(at)
        assert place.utc_ms is not None
        assert place.error_ms is not None
        assert abs(place.utc_ms - world.utc(at)) <= place.error_ms + 1
        assert said.setdefault(at, place.utc_ms) == place.utc_ms
    times = sorted(said)
    for earlier, later in itertools.pairwise(times):
        assert said[earlier] <= said[later]


@pytest.mark.parametrize("ppm", [-100.0, -20.0, 0.0, 50.0, 100.0])
def test_within_50_ms_after_a_minute(ppm: float) -> None:
    errors = []
    for seed in range(20):
        world = World(ppm, 20, seed)
        for k in range(5):
            world.ping(100 * k)
        world.live(1000, 61_000)
        errors.append(world.error(60_000)[0])
    assert sorted(errors)[int(0.95 * len(errors))] < 50


def test_the_drift_is_found_over_hours_and_used_for_what_came_before() -> None:
    world = World(60, 15)
    connected = 4 * 3_600_000
    world.live(connected, connected + 3_600_000)
    report = world.clock.report
    assert report is not None
    assert report.drift_ppm == pytest.approx(60, abs=8)
    assert abs(report.drift_ppm - 60) <= report.drift_error_ppm < 15
    error, stated = world.error(60_000)
    assert error <= stated
    assert error < 150


def test_before_the_drift_is_known_the_error_says_so() -> None:
    world = World(60, 15)
    connected = 4 * 3_600_000
    world.ping(connected)
    error, stated = world.error(0)
    assert error <= stated
    assert 2000 < stated < 2500


def test_minutes_stay_sixty_seconds_apart_without_drift() -> None:
    world = World(0, 30)
    world.ping(0)
    places = []
    for minute in range(60):
        world.live(minute * 60_000, (minute + 1) * 60_000)
        place = world.clock.place(minute * 60_000)
        assert place.utc_ms is not None
        places.append(place.utc_ms)
    bends = [b - a for a, b in itertools.pairwise(places) if b - a != 60_000]
    assert len(bends) <= 8
    assert all(abs(b - 60_000) <= 10 for b in bends)


def test_a_gap_is_bridged_by_a_line() -> None:
    world = World(80, 10)
    world.live(0, 600_000)
    world.error(600_000)
    world.live(8_000_000, 8_100_000)
    world.error(8_100_000)
    for t in range(600_000, 8_100_000, 500_000):
        error, stated = world.error(t)
        assert error <= stated
        assert error < 60


def test_a_step_of_the_computers_clock_moves_only_what_follows() -> None:
    world = World(10, 10)
    world.live(0, 600_000)
    before = world.clock.place(540_000)
    world.step_ms = 3_600_000
    world.live(600_000, 700_000)
    assert world.clock.place(540_000) == before
    assert world.error(660_000)[0] < 50
    world.step_ms = 0
    world.live(700_000, 800_000)
    assert world.error(760_000)[0] < 50


@given(st.integers(0, 1000))
def test_dump_and_load_go_on_alike(seed: int) -> None:
    world = World(40, 20, seed)
    world.live(0, 120_000)
    world.clock.place(60_000)
    other = ClockMap.load(world.clock.dump())
    for clock in (world.clock, other):
        clock.exchange(BOOT_UTC + 130_000, 130_010, BOOT_UTC + 130_030)
    for t in (0, 60_000, 119_000, 140_000, 500_000):
        assert world.clock.place(t) == other.place(t)


def test_load_refuses_rubbish() -> None:
    for data in (b"", b"{}", b'{"bounds": 1}', b"[1]", b"\xff"):
        with pytest.raises(ValueError, match=r".*"):
            ClockMap.load(data)


def test_it_stays_small() -> None:
    world = World(0, 5)
    clock = world.clock
    for k in range(2000):
        clock.exchange(BOOT_UTC + k * 30_000 + k % 2 * 400, k * 30_000, BOOT_UTC + k * 30_000 + k % 2 * 400 + 20)
        clock.place(k * 30_000)
    assert len(clock._knots) <= MAX_KNOTS + 2
    assert len(clock._bounds.dump()) <= MAX_BUCKETS


def test_negative_round_trips_and_contradictions_are_survived() -> None:
    clock = ClockMap()
    clock.exchange(BOOT_UTC + 100, 50, BOOT_UTC)
    assert not clock.ready
    bounds = Bounds()
    bounds.add(0, 100, 110)
    bounds.add(10, 500, 510)
    assert bounds.line(10)[0] == pytest.approx(505)
    bounds.add(-40_000, 0, 1)
    assert bounds.line(10)[0] == pytest.approx(505)
