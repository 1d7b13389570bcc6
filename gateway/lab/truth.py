"""What is true of a script: the category of each second, and when it slouches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol
from gateway.core.categories import LEAN_DEG, LEAN_END_DEG, LYING_DEG, LYING_END_DEG

from .activities import ACTIVITIES
from .script import Script

code = protocol.category

GRID_HZ: Final = 20
FLOOR_S: Final = 3.0
UNSURE_S: Final = 3.5
"""So close to a change the category of a second is a matter of definition: the activity gate looks back 2 s."""

_MOVING: Final = [name for name, doing in ACTIVITIES.items() if doing.moving]
_OFF: Final = [name for name, doing in ACTIVITIES.items() if not doing.worn and not doing.moving]
_PASSING: Final = [name for name, doing in ACTIVITIES.items() if doing.passing]
"""They pass through every angle within seconds."""
_IN_HAND: Final = [name for name, doing in ACTIVITIES.items() if not doing.worn and doing.moving]
"""Not worn, and moving about: either may be told."""
_OFF_UNSURE_S: Final = 22
"""A clip is found not worn in whole blocks of 10 s, of which the first may still show the fusion settling."""


@dataclass(frozen=True)
class Slouch:
    """An unbroken slouch of three seconds or more: seconds of the script, and its mean sagittal angle in degrees."""

    start_s: float
    end_s: float
    mean_deg: float


@dataclass(frozen=True)
class Truth:
    """Truth per whole second, (S,): codes of `protocol.category`, mean angles in degrees, and whether the second is
    far enough from any change for its code to be beyond dispute."""

    codes: NDArray[np.int64]
    certain: NDArray[np.bool_]
    sagittal: NDArray[np.float64]
    lateral: NDArray[np.float64]
    slouches: tuple[Slouch, ...]


def truth(script: Script, angle_deg: float = 10.0, recovery_deg: float = 5.0) -> Truth:
    """The truth of a script under a plan's thresholds, from the postures it means (without breathing and fidgets)."""
    seconds = int(script.duration_s or 0)
    t = np.arange(seconds * GRID_HZ) / GRID_HZ
    sagittal, lateral, where = script.posture(t)
    activity = np.array([segment.activity for segment in script.segments])[where]
    moving = np.isin(activity, _MOVING)
    tilt = np.degrees(np.arccos(np.clip(np.cos(np.radians(sagittal)) * np.cos(np.radians(lateral)), -1, 1)))
    off = np.isin(activity, _OFF)
    other = moving | off
    sides = (
        (held(-sagittal, LEAN_DEG, LEAN_END_DEG), code.LEANING_BACK, -sagittal),
        (held(-lateral, LEAN_DEG, LEAN_END_DEG), code.LEANING_LEFT, -lateral),
        (held(lateral, LEAN_DEG, LEAN_END_DEG), code.LEANING_RIGHT, lateral),
    )
    codes = np.full(len(t), code.UPRIGHT)
    largest = np.full(len(t), -np.inf)
    for on, side, amount in sides:
        better = on & (amount > largest)
        codes[better], largest[better] = side, amount[better]
    codes[held(tilt, LYING_DEG, LYING_END_DEG)] = code.LYING
    codes[moving] = code.MOVING
    codes[off] = code.NOT_WORN
    free = (codes == code.UPRIGHT) & ~other
    codes[free & held(np.where(free, sagittal, -np.inf), angle_deg, recovery_deg)] = code.SLOUCHED
    changes = t[1:][np.diff(codes) != 0]
    return Truth(
        codes=_majority(codes, seconds),
        certain=_far(np.arange(seconds, dtype=np.float64) + 0.5, changes) & ~_unsure(activity[GRID_HZ // 2 :: GRID_HZ]),
        sagittal=sagittal.reshape(-1, GRID_HZ).mean(axis=1),
        lateral=lateral.reshape(-1, GRID_HZ).mean(axis=1),
        slouches=_slouches(codes == code.SLOUCHED, sagittal),
    )


def held(amount: NDArray[np.float64], enter: float, leave: float) -> NDArray[np.bool_]:
    """On from where the amounts (N,) reach `enter` until they are below `leave`."""
    on = amount >= enter
    newest = np.maximum.accumulate(np.where(on | (amount < leave), np.arange(len(amount)), -1))
    result: NDArray[np.bool_] = np.where(newest >= 0, on[newest], False)
    return result


def _majority(codes: NDArray[np.int64], seconds: int) -> NDArray[np.int64]:
    rows = codes.reshape(seconds, GRID_HZ)
    votes = np.stack([(rows == c).sum(axis=1) for c in range(code.COUNT)])
    majority: NDArray[np.int64] = np.argmax(votes, axis=0)
    return majority


def _far(t: NDArray[np.float64], changes: NDArray[np.float64]) -> NDArray[np.bool_]:
    edges = np.concatenate(([-np.inf], changes, [np.inf]))
    after = np.searchsorted(edges, t)
    far: NDArray[np.bool_] = (t - edges[after - 1] > UNSURE_S) & (edges[after] - t > UNSURE_S)
    return far


def _unsure(activity: NDArray[np.str_]) -> NDArray[np.bool_]:
    off = np.isin(activity, _OFF)
    settled = off.copy()
    for back in range(1, _OFF_UNSURE_S + 1):
        settled[back:] &= off[:-back]
    unsure: NDArray[np.bool_] = np.isin(activity, [*_PASSING, *_IN_HAND]) | (off & ~settled)
    return unsure


def _slouches(on: NDArray[np.bool_], sagittal: NDArray[np.float64]) -> tuple[Slouch, ...]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], on, [False])).astype(np.int8)))
    return tuple(
        Slouch(begin / GRID_HZ, end / GRID_HZ, float(sagittal[begin:end].mean()))
        for begin, end in edges.reshape(-1, 2).tolist()
        if end - begin >= FLOOR_S * GRID_HZ
    )
