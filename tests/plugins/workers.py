"""How tests share the machine when pytest-xdist runs them in several workers.

A test marked `alone` runs while no other worker runs any: what it measures is a machine's, not a part of one. Each
test goes through a door into a room; many may be in the room at once, or one that is alone. Who waits for an empty room
holds the door, so that nobody can go in before.

Tests that may take long come first and are dealt to all workers, so that none of them is left for the end.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest

_FOLDER: Final = "folder_of_turns"


class Controller:
    """Gives the workers, where there are any, a folder in common for as long as the run lasts."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="plumbline-tests-")
        node.workerinput[_FOLDER] = self._folder.name

    def pytest_unconfigure(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()


class Worker:
    """Puts the tests in order, and lets each wait for its turn."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._workers = workers
        self._door = (folder / "door").open("w")
        self._room = (folder / "room").open("w")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = dealt(items, self._workers)

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # around the test's limit of time: waiting does not count
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        fcntl.flock(self._door, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX if _is(item, "alone") else fcntl.LOCK_SH)
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)
        try:
            return (yield)
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    def pytest_unconfigure(self) -> None:
        self._door.close()
        self._room.close()


def dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The tests in the order in which `--dist worksteal` is to cut them into a part for each worker.

    The first worker begins with those that run alone, the others with as many short ones; then each has its share of
    the long ones, which are those with a limit of time of their own. Others keep their order.
    """
    alone = [item for item in items if _is(item, "alone")]
    long = [item for item in items if _is(item, "timeout") and item not in alone]
    others = iter([item for item in items if not _is(item, "alone") and not _is(item, "timeout")])
    order: list[pytest.Item] = []
    for worker in range(workers):
        size = (len(items) - len(order)) // (workers - worker)
        part = [*(alone if worker == 0 else islice(others, len(alone))), *long[worker::workers]]
        order += [*part, *islice(others, max(0, size - len(part)))]
    return [*order, *others]


def _is(item: pytest.Item, marker: str) -> bool:
    return item.get_closest_marker(marker) is not None


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", None)
    turns = Controller() if given is None else Worker(Path(given[_FOLDER]), given["workercount"])
    config.pluginmanager.register(turns, "turns-of-tests")
