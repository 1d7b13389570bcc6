"""What was different after each plan: the days under it beside the days up to it. What came after a plan did not
therefore come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Engine

from server.plans.types import PlanVersion
from server.store.engine import reading
from server.summaries.periods import BEFORE_DAYS, Period
from server.summaries.weeks import period
from server.summaries.zone_history import zones_of_one

MOST: Final = 4
"""So many versions are compared, the latest ones; the others are told of without."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Effect:
    """A version; the whole days it was in force, up to yesterday, None for none; and those days, four weeks at most,
    beside the 28 days up to them, None for versions of too long ago."""

    version: PlanVersion
    days: tuple[date, date] | None
    period: Period | None


def effects(engine: Engine, patient_id: int, history: Sequence[PlanVersion], now_ms: int) -> list[Effect]:
    """Of each version of `history`, the newest first. Raises UnknownPatientError."""
    with reading(engine) as connection:
        zones = zones_of_one(connection, patient_id)
    found: list[Effect] = []
    compared = 0
    for version, days in zip(history, whole_days(history, zones.day_at, zones.day_at(now_ms) - _DAY), strict=True):
        told = None
        if days is not None and compared < MOST:
            last = min(days[1], days[0] + (BEFORE_DAYS - 1) * _DAY)
            told = period(engine, patient_id, days[0], last, now_ms)
            compared += 1
        found.append(Effect(version, days, told))
    return found


def whole_days(
    history: Sequence[PlanVersion], day_at: Callable[[int], date], yesterday: date
) -> list[tuple[date, date] | None]:
    """First and last local day on which nothing but this version was in force, of each of `history`, the newest first;
    None where there was none. Days on which the plan changed are nobody's."""
    found: list[tuple[date, date] | None] = []
    last = yesterday
    for version in history:
        if version.confirmed_ms is None:
            found.append(None)
            continue
        changed = day_at(version.confirmed_ms)
        first = changed + _DAY
        found.append((first, last) if first <= last else None)
        last = min(last, changed - _DAY)
    return found
