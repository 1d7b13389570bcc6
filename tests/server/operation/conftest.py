"""Settings that are only what a test says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.settings import Settings

MakeSettings = Callable[..., Settings]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PLUMBLINE_SERVER_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    def make(**given: Any) -> Settings:
        return Settings(**{"data_dir": tmp_path / "data", **given})

    return make
