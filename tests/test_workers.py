"""How workers share the machine: no test is lost on the way to them, and one that runs alone does."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.workers import Worker, dealt


class Item:
    def __init__(self, *markers: str) -> None:
        self.markers = markers

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.markers else None


PLAIN, ALONE, LONG = (), ("alone",), ("timeout",)
KINDS = st.sampled_from([PLAIN, PLAIN, PLAIN, ALONE, LONG, ("alone", "timeout")])


@given(st.lists(KINDS, max_size=60), st.integers(1, 5))
def test_every_test_is_dealt_once(kinds: list[tuple[str, ...]], workers: int) -> None:
    items: list[Any] = [Item(*kind) for kind in kinds]
    order: list[Any] = dealt(items, workers)
    assert sorted(map(id, order)) == sorted(map(id, items))
    plain = [item for item in order if item.markers == PLAIN]
    assert plain == [item for item in items if item.markers == PLAIN]


def test_each_part_begins_with_its_share_of_the_long_ones() -> None:
    items: list[Any] = [Item(*kind) for kind in [PLAIN] * 10 + [LONG] * 4 + [PLAIN] * 4 + [ALONE] * 2]
    order: list[Any] = dealt(items, 2)
    assert [item.markers for item in order[:5]] == [ALONE, ALONE, LONG, LONG, PLAIN]
    assert [item.markers for item in order[10:15]] == [PLAIN, PLAIN, LONG, LONG, PLAIN]


class Turns:
    """Workers with a room in common; `running` says whose tests run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[str] = []
        self.workers: list[Worker] = []

    def start(self, name: str, *markers: str) -> tuple[threading.Thread, threading.Event, threading.Event]:
        """Start a test in a worker of its own; the thread, what tells that it runs, and what ends it."""
        worker, runs, end = Worker(self.folder, 3), threading.Event(), threading.Event()
        self.workers.append(worker)
        item: Any = Item(*markers)

        def run() -> None:
            turn: Iterator[None] = worker.pytest_runtest_protocol(item)
            next(turn)
            self.running.append(name)
            runs.set()
            end.wait(30)
            self.running.remove(name)
            with pytest.raises(StopIteration):
                next(turn)

        thread = threading.Thread(target=run)
        thread.start()
        return thread, runs, end

    def wait_for_one_at_the_door(self) -> None:
        with (self.folder / "door").open() as door:
            for _ in range(1000):
                try:
                    fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                fcntl.flock(door, fcntl.LOCK_UN)
                time.sleep(0.01)
        pytest.fail("nobody waits")


@pytest.fixture
def turns(tmp_path: Path) -> Iterator[Turns]:
    made = Turns(tmp_path)
    yield made
    for worker in made.workers:
        worker.pytest_unconfigure()


def test_what_runs_alone_waits_for_the_others_and_they_for_it(turns: Turns) -> None:
    first, first_runs, first_end = turns.start("first")
    second, second_runs, second_end = turns.start("second")
    assert first_runs.wait(10)
    assert second_runs.wait(10)
    alone, alone_runs, alone_end = turns.start("alone", "alone")
    turns.wait_for_one_at_the_door()
    first_end.set()
    first.join(10)
    assert not alone_runs.wait(0.1)
    late, late_runs, late_end = turns.start("late")
    second_end.set()
    assert alone_runs.wait(10)
    assert not late_runs.wait(0.1)
    assert turns.running == ["alone"]
    alone_end.set()
    assert late_runs.wait(10)
    assert turns.running == ["late"]
    late_end.set()
    for thread in (second, alone, late):
        thread.join(10)
        assert not thread.is_alive()
