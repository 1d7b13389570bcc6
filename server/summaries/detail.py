"""What a day looks like inside, kept beside its figures: seconds by local hour and category, and how the inclination of
worn time is distributed. Pictures of many days are made of it without reading epochs again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from gateway.messages import CATEGORIES
from server.summaries.painting import Painted
from server.summaries.types import DayDetail, HourDetail

_QUARTER_MS: Final = 900_000
"""All zones and clock changes move by whole quarters of an hour."""
_HOURS: Final = 24
_KINDS: Final = len(CATEGORIES)


def detail_of(painted: Painted, zones: Sequence[tuple[int, str]]) -> DayDetail:
    """The inside of a painted day. `zones`: (UTC ms, zone from then on), in order of time."""
    if not len(painted.codes):
        return DayDetail((), ())
    hour = _local_hours(painted.begins_ms, zones)
    cells = np.bincount(hour * _KINDS + painted.codes, minlength=_HOURS * _KINDS).reshape(_HOURS, _KINDS)
    hours = tuple(HourDetail(number, tuple(row)) for number, row in enumerate(cells.tolist()) if any(row))
    counts = np.bincount(painted.sagittal[painted.angled].view(np.uint8) ^ 0x80, minlength=256)  # -128 first
    degrees = np.flatnonzero(counts)
    return DayDetail(hours, tuple(zip((degrees - 128).tolist(), counts[degrees].tolist(), strict=True)))


def _local_hours(begins_ms: NDArray[np.int64], zones: Sequence[tuple[int, str]]) -> NDArray[np.int64]:
    quarter = begins_ms // _QUARTER_MS
    first = np.flatnonzero(np.append(True, np.diff(quarter) != 0))
    told = []
    for begins in (quarter[first] * _QUARTER_MS).tolist():
        zone = next((name for start, name in reversed(zones) if start <= begins), zones[0][1])
        told.append(datetime.fromtimestamp(begins / 1000, ZoneInfo(zone)).hour)
    return np.repeat(told, np.diff(first, append=len(quarter)))


def write_detail(detail: DayDetail) -> str:
    """As it is stored."""
    return json.dumps(
        {"hours": [[hour.hour, *hour.seconds] for hour in detail.hours], "angles": detail.angles},
        separators=(",", ":"),
    )


def read_detail(body: str) -> DayDetail:
    """What `write_detail` wrote."""
    stored = json.loads(body)
    return DayDetail(
        tuple(HourDetail(hour, tuple(seconds)) for hour, *seconds in stored["hours"]),
        tuple((degrees, seconds) for degrees, seconds in stored["angles"]),
    )


def distribution(days: Iterable[DayDetail]) -> tuple[tuple[int, int], ...]:
    """The days' inclination together, as `DayDetail.angles`: every worn second counts the same."""
    total: dict[int, int] = {}
    for day in days:
        for degrees, seconds in day.angles:
            total[degrees] = total.get(degrees, 0) + seconds
    return tuple(sorted(total.items()))


def percentile(angles: Sequence[tuple[int, int]], share: float) -> float | None:
    """The inclination that `share` (0 to 1) of the seconds do not exceed, degrees; None without any."""
    wanted = share * sum(seconds for _, seconds in angles)
    reached = 0
    for degrees, seconds in angles:
        reached += seconds
        if reached >= wanted:
            return float(degrees)
    return None
