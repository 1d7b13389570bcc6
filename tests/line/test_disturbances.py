"""The invariant while the radio or the firmware fails in and between slouches; for the link and the power, and for all
that can befall the other stations, see `test_ordeal`."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.demo.check import disturb
from server.demo.check.run import Options, run

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(("kind", "seed"), [("radio", 3), ("watchdog", 1)])
def test_a_disturbance_changes_nothing_that_it_need_not(kind: disturb.Kind, seed: int, tmp_path: Path) -> None:
    report = run(Options(seed=seed, script="slouches", disturb=kind), tmp_path, print)
    assert report["differences"] == []
    assert report["figures"]["outages"]
