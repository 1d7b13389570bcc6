"""How long the trunk was held inclined, against the holding times of ISO 11226. Information; no conformance is claimed.

ISO 11226:2000 lets a static trunk inclination of 20 to 60 degrees be held for at most 4 minutes at 20 degrees, falling
evenly to 1 minute at 60; below 20 it names no limit, and above 60 it recommends no holding at all, for which the limit
of 60 degrees stands here. A bout whose angle changes uses its time up in parts: t seconds at an angle are t / limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol

from .types import EpochOut

code = protocol.category

FROM_DEG: Final = 20.0
TO_DEG: Final = 60.0
LONGEST_S: Final = 240.0
SHORTEST_S: Final = 60.0
STEP_S: Final = 2
_PAIRS: Final = 30

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Holding:
    """Bouts of inclination of 20 degrees or more, held still: how many, how long in all, how many went over their
    limit, and for how long these were over it, seconds."""

    bouts: int
    held_s: int
    bouts_over: int
    over_s: int


def limit_s(angle_deg: Floats | float) -> Floats:
    """Longest holding time in seconds for forward inclinations in degrees, same shape; infinite below 20 degrees."""
    angle = np.asarray(angle_deg, dtype=np.float64)
    share = (np.minimum(angle, TO_DEG) - FROM_DEG) / (TO_DEG - FROM_DEG)
    limit: Floats = np.where(angle < FROM_DEG, np.inf, LONGEST_S + (SHORTEST_S - LONGEST_S) * share)
    return limit


def holding(angle_deg: Floats) -> Holding:
    """Bouts in two-second means in degrees, (N,), one after the other; what is not a number ends a bout."""
    # A comparison with what is not a number is false.
    held = np.asarray(angle_deg) >= FROM_DEG
    edges = np.flatnonzero(np.diff(np.concatenate(([False], held, [False])).astype(np.int8))).reshape(-1, 2)
    used = np.where(held, STEP_S / limit_s(np.where(held, angle_deg, 0.0)), 0.0)
    over = [int((np.cumsum(used[begin:end]) > 1 + 1e-9).sum()) for begin, end in edges.tolist()]
    return Holding(len(over), int(held.sum()) * STEP_S, sum(n > 0 for n in over), sum(over) * STEP_S)


def still_angles(epochs: Sequence[EpochOut]) -> Floats:
    """The two-second means of epochs, in order of time, where the wearer kept a posture and did not lie; elsewhere, and
    where a minute is missing, what is not a number. The last telling of a minute counts."""
    newest = {epoch.start_ms: epoch for epoch in sorted(epochs, key=lambda epoch: epoch.rev)}
    parts: list[Floats] = []
    before: int | None = None
    for start_ms, epoch in sorted(newest.items()):
        if before is not None and start_ms != before + protocol.records.EPOCH_MS:
            parts.append(np.array([np.nan]))
        codes = np.frombuffer(epoch.codes, dtype=np.uint8).reshape(_PAIRS, 2)
        means = np.array([np.nan if mean is None else mean for mean in epoch.sagittal])
        parts.append(np.where((codes > code.LYING).all(axis=1), means, np.nan))
        before = start_ms
    return np.concatenate(parts) if parts else np.empty(0)
