"""Two wearers, one gateway, and everything that can go wrong, in an order that a seed draws: the invariant holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.lab.truth import truth
from server.demo.check import ordeal
from server.demo.check.run import Options, run

TROUBLES = {"link", "power", "gateway", "broker", "server", "sleep", "clock"}


@pytest.mark.parametrize("seed", range(6))
def test_an_ordeal_has_every_trouble_and_repeats(seed: int) -> None:
    drawn = ordeal.draw(seed)
    assert set(drawn.order) == TROUBLES
    again = ordeal.draw(seed)
    assert (drawn.disturbance, drawn.order, drawn.over_s) == (again.disturbance, again.order, again.over_s)
    assert [script.to_json() for script in drawn.scripts] == [script.to_json() for script in again.scripts]
    for script in drawn.scripts:
        slots = round(((script.duration_s or 0) - script.starts_s[2]) / ordeal.SLOT_S)
        assert len(truth(script).slouches) == slots
    assert drawn.disturbance.steps[-1].at_s + ordeal.CALM_S <= drawn.over_s
    (away,) = (outage for outage in drawn.disturbance.outages if outage.station == "server")
    assert away.end_ms - away.start_ms == pytest.approx(3_600_000, abs=1)


def test_seeds_draw_different_orders() -> None:
    assert len({ordeal.draw(seed).order for seed in range(12)}) > 8


@pytest.mark.timeout(500)
@pytest.mark.parametrize("seed", [11, 8])
def test_the_invariant_holds_through_everything(seed: int, tmp_path: Path) -> None:
    report = run(Options(seed=seed, ordeal=True), tmp_path, print)
    assert report["differences"] == []
    for figures in (report["figures"], *report["others"]):
        assert figures["outages"]
        assert figures["reminders_given"] > 15
