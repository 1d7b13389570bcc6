"""What every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", max_examples=60, deadline=None)
settings.register_profile("long", max_examples=3000, deadline=None)
settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--recordings", type=Path, default=None, help="folder with the folders broad and mobgap")


@pytest.fixture(scope="session")
def recordings(request: pytest.FixtureRequest) -> Path:
    folder: Path | None = request.config.getoption("--recordings")
    if folder is None:
        pytest.skip("needs real recordings: run with --recordings DIR")
    return folder
