"""What every room's tests share."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ("scratch", "builds", "databases", "workers")

# Each worker has a core at most: threads of the linear algebra would only wait for each other, in every child, too.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

settings.register_profile("ci", max_examples=60, deadline=None)
settings.register_profile("long", max_examples=3000, deadline=None)
settings.load_profile(os.environ.get("PLUMBLINE_HYPOTHESIS", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--recordings", type=Path, default=None, help="folder with broad, mobgap and sitting_postures")


@pytest.fixture(scope="session")
def recordings(request: pytest.FixtureRequest) -> Path:
    folder: Path | None = request.config.getoption("--recordings")
    assert folder is not None, "a test that uses this fixture carries the marker `recordings`"
    return folder


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command sets logging up for a process of its own; here it must not for the tests that follow."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs something that no package brings, unless it was given."""
    absent = set()
    if config.getoption("--recordings") is None:
        absent.add("recordings")
    if not os.environ.get("MICROPYTHON_32BIT"):
        absent.add("micropython32")
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in absent)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI every program is installed, so a skipped test there is a test that was lost."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and exitstatus == 0 and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("In CI no test may be skipped.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
