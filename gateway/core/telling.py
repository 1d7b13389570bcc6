"""Minutes as they are told: whole degrees instead of sums, None where nothing was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol

from .types import EpochOut

code = protocol.category

MINUTE_MS: Final = 60_000
MOST_DEG: Final = 127
"""The range of a record's angle, both ways."""

_MEASURED: Final = np.array(
    [c not in (code.PAUSED, code.LOST, code.NOT_WORN, code.UNCALIBRATED) for c in range(code.COUNT)]
)
_BEYOND: Final = np.iinfo(np.int64).max

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Telling:
    """What was known of a minute when it was told. `columns`: (6, 60), those of `Seconds`."""

    number: int
    rev: int
    versions: tuple[int, int]
    shifts: int
    celsius: int | None
    columns: Ints


def epochs(tellings: Sequence[Telling]) -> list[EpochOut]:
    """The epochs of these tellings, all worked out at once, in the same order."""
    if not tellings:
        return []
    codes, hops, sagittal, lateral, low, high = np.stack([telling.columns for telling in tellings], axis=1)
    measured = _MEASURED[codes] & (hops > 0)
    hops, sagittal, lateral = np.where(measured, (hops, sagittal, lateral), 0)
    count = hops.sum(axis=1)
    known = measured.any(axis=1).astype(np.int64)
    columns = (
        _degrees(sagittal[:, ::2] + sagittal[:, 1::2], hops[:, ::2] + hops[:, 1::2]),
        _degrees(np.where(measured, low, _BEYOND).min(axis=1), known),
        _degrees(np.where(measured, high, -_BEYOND).max(axis=1), known),
        _degrees(lateral.sum(axis=1), count),
        codes.astype(np.uint8),
    )
    return [
        EpochOut(
            start_ms=telling.number * MINUTE_MS,
            rev=telling.rev,
            plan_version=telling.versions[0],
            calibration_version=telling.versions[1],
            codes=seconds.tobytes(),
            sagittal=tuple(means),
            low=lowest,
            high=highest,
            lateral=mean_lateral,
            shifts=min(telling.shifts, 255),
            celsius=telling.celsius,
        )
        for telling, means, lowest, highest, mean_lateral, seconds in zip(tellings, *columns, strict=True)
    ]


def _degrees(total: Ints, count: Ints) -> list[Any]:
    """Means of millidegrees in whole degrees, within the record's range, halves away from zero; None of no values."""
    n = np.maximum(count, 1)
    total = np.where(count > 0, total, 0)
    whole = np.minimum((np.abs(total) + 500 * n) // (1000 * n), MOST_DEG)
    degrees = (np.sign(total) * whole).astype(object)
    degrees[count == 0] = None
    return list(degrees.tolist())
