"""The local days of somebody who travels: the zones they live in, one after the other.

Everybody else has one zone and the days of `server.summaries.calendar`. Over a change of zone the same rule holds: a
day begins at the first instant whose local date is that date or later. So every instant lies in exactly one day, days
follow one another without gap or overlap, and past days stay as they were lived. Who flies east lives a shorter day,
who flies west a longer one; the hours of a date that come again after a flight back over the date line belong to the
day that had begun already, and a date that a flight forward skips is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from server.summaries.calendar import local_date, local_instant

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Zones:
    """`first` is the IANA zone lived in from ever until the first of `changes`: (UTC ms, zone from then on), in order
    of time."""

    first: str
    changes: tuple[tuple[int, str], ...] = ()

    def bounds(self, day: date) -> tuple[int, int]:
        """[start, end) of a local date, UTC milliseconds; empty for a date that was skipped. Raises
        UnknownZoneError."""
        return self._start(day), self._start(day + _DAY)

    def day_at(self, utc_ms: int) -> date:
        """The local date whose day an instant lies in. Raises UnknownZoneError."""
        day = max(
            local_date(zone, utc_ms if end is None else min(utc_ms, end - 1))
            for start, end, zone in self._periods()
            if start is None or start <= utc_ms
        )
        # The clocks of a zone may go back over midnight: what comes again belongs to the day that had begun.
        return day + _DAY if self._start(day + _DAY) <= utc_ms else day

    def at(self, utc_ms: int) -> str:
        """The zone lived in at an instant."""
        return next((zone for start, zone in reversed(self.changes) if start <= utc_ms), self.first)

    def within(self, start_ms: int, end_ms: int) -> tuple[tuple[int, str], ...]:
        """The zones lived in over [start, end): (UTC ms, zone from then on), the first from `start_ms`."""
        return (
            (start_ms, self.at(start_ms)),
            *((start, zone) for start, zone in self.changes if start_ms < start < end_ms),
        )

    def _start(self, day: date) -> int:
        for start, end, zone in self._periods():
            begins = local_instant(zone, day, 0)
            if start is not None:
                begins = max(begins, start)
            if end is None or begins < end:
                return begins
        raise AssertionError("the last period has no end")

    def _periods(self) -> Iterator[tuple[int | None, int | None, str]]:
        """(start, end, zone); None stands for ever."""
        starts: list[tuple[int | None, str]] = [(None, self.first), *self.changes]
        for (start, zone), (end, _) in pairwise(starts):
            yield start, end, zone
        yield (*starts[-1][:1], None, starts[-1][1])
