"""Every file of the clip loads in every interpreter: one that no other test imports would fail on a board only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

PACKAGE: Final = Path(__file__).parents[2] / "firmware" / "clip"
STARTS: Final = {"clip.main"}
"""Runs the clip as soon as it is imported; the virtual clip does so."""
BOARD: Final = {"clip.board"}
"""Has the pins of a board and needs its `machine`; test_clip_board gives it one."""
MODULES: Final = sorted(
    ".".join(("clip", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in PACKAGE.rglob("*.py")
    if path.stem != "__init__"
)


def test_each_loads(both: Callable[..., Any]) -> None:
    names = [name for name in MODULES if name not in STARTS | BOARD]
    assert len(names) > 40
    assert both("load.py", names) == []


@pytest.mark.micropython32
def test_each_loads_on_32_bits(micropython32: Callable[..., Any]) -> None:
    assert micropython32("load.py", [name for name in MODULES if name not in STARTS | BOARD]) == []
