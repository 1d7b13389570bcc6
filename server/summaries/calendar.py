"""The one place where local days are made: a local date of a zone as a half-open interval of UTC milliseconds.

A day begins at the first instant whose local date is that date or later, so days follow one another without gap or
overlap, whatever the zone's clocks do: 23 and 25 hours, half hours, midnights that do not exist or come twice, and
dates that a zone skipped altogether (those are empty).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


class UnknownZoneError(ValueError):
    """Not an IANA zone name."""


@lru_cache(maxsize=256)
def zone_info(zone: str) -> ZoneInfo:
    """The zone of an IANA name. Raises UnknownZoneError."""
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:  # a missing key, a path outside the database, a folder's name
        raise UnknownZoneError(f"unknown time zone {zone[:64]!r}") from error


def local_day(zone: str, day: date) -> tuple[int, int]:
    """[start, end) of a local date, UTC milliseconds. Raises UnknownZoneError."""
    return local_instant(zone, day, 0), local_instant(zone, day + timedelta(days=1), 0)


def local_date(zone: str, utc_ms: int) -> date:
    """The local date at an instant. Raises UnknownZoneError."""
    return (_EPOCH + timedelta(milliseconds=utc_ms)).astimezone(zone_info(zone)).date()


@lru_cache(maxsize=4096)
def local_instant(zone: str, day: date, minute: int, *, last: bool = False) -> int:
    """UTC milliseconds at which the local clock reads `minute` of `day` (0 to 1440).

    A reading that comes twice means the first, or the last with `last`. One that is skipped means the instant of the
    skip. Raises UnknownZoneError.
    """
    info = zone_info(zone)
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    early = wall.replace(tzinfo=info, fold=0).astimezone(UTC)
    late = wall.replace(tzinfo=info, fold=1).astimezone(UTC)
    if early > late:  # the reading lies in a gap: fold 0 counts with the offset before it, fold 1 with the one after
        return _ms(_skip(info, late, early))
    return _ms(late if last else early)


def _skip(info: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The instant in (low, high] at which the zone's offset changes, to the second."""
    before = low.astimezone(info).utcoffset()
    while high - low > _SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(info).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
