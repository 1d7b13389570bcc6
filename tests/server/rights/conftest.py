"""What the tests of patients' rights share."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.server.rights.homes import Home, make_home


@pytest.fixture
def home(engine: Engine, tmp_path: Path) -> Home:
    return make_home(engine, tmp_path)
