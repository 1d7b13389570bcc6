"""Whether the core noticed that the clip had turned on the body, and whether it noticed what was not so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from gateway.core import FindingOut
from gateway.core.types import SLIP_SUSPECTED, SLIPPED

from .day import Slipped
from .facts import GRID_HZ, SEATED_DEG, Facts, runs

FOUND_S: Final = 120.0
STEP_DEG: Final = 8.0
"""A step sideways or about the body's length of so much is to be found after handling."""
SILENT_DEG: Final = 10.0
BOUTS: Final = 3
BOUT_S: Final = 30.0
AFTER_S: Final = 60.0
"""The last bout may be judged a while after it has ended."""
LONG_S: Final = 1800.0
WALKING: Final = ("walk", "stairs_up", "stairs_down")


@dataclass
class SlipScore:
    """Found and missed; false alarms: told, suspected, and of either kind in a slouch of 30 minutes."""

    handled: list[int] = field(default_factory=lambda: [0, 0])
    silent: list[int] = field(default_factory=lambda: [0, 0])
    alarms: list[int] = field(default_factory=lambda: [0, 0, 0])
    cases: list[tuple[float, str]] = field(default_factory=list)


def score_slips(facts: Facts, findings: Sequence[FindingOut]) -> SlipScore:
    """Compare what was found with the turns of the clip."""
    out = SlipScore()
    for slip in facts.day.slips:
        due_s = _due(facts, slip)
        if due_s is None or facts.through_a_hole(slip.seated_s, due_s):
            continue
        kinds = (SLIPPED, SLIP_SUSPECTED) if slip.kind == "silent" else (SLIPPED,)
        found = any(f.kind in kinds and slip.at_s <= f.at_ms / 1000 <= due_s for f in findings)
        (out.silent if slip.kind == "silent" else out.handled)[0 if found else 1] += 1
        if not found:
            size = f"{slip.sagittal:.0f} deg forward, {slip.lateral:.0f} right"
            out.cases.append((slip.seated_s, f"slip ({slip.kind}, {size}) not found until {due_s:.0f} s"))
    true = [slip for slip in facts.day.slips if slip.degrees > SEATED_DEG]
    long = [(b / GRID_HZ, e / GRID_HZ) for b, e in runs(facts.slouched) if e - b >= LONG_S * GRID_HZ]
    for finding in findings:
        at_s = finding.at_ms / 1000
        if any(slip.at_s <= at_s <= slip.until_s for slip in true):
            continue
        out.alarms[0 if finding.kind == SLIPPED else 1] += 1
        out.alarms[2] += any(begin <= at_s <= end for begin, end in long)
        out.cases.append((at_s, f"{finding.kind} of {finding.size_deg:.1f} deg, and there was none"))
    return out


def _due(facts: Facts, slip: Slipped) -> float | None:
    """Until when a slip is to be found; None when it need not be, or could not before the next calibration."""
    if slip.kind == "silent":
        if abs(slip.sagittal) < SILENT_DEG:
            return None
        walks = runs(np.isin(facts.activity, WALKING))
        ends = [e / GRID_HZ for b, e in walks if e - b >= BOUT_S * GRID_HZ and b / GRID_HZ > slip.seated_s]
        due_s = ends[BOUTS - 1] + AFTER_S if len(ends) >= BOUTS else np.inf
    else:
        if max(abs(slip.lateral), abs(slip.axial)) < STEP_DEG:
            return None
        due_s = slip.seated_s + FOUND_S
    return float(due_s) if due_s <= slip.until_s else None
