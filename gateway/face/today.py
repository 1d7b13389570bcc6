"""Today so far, of the minutes that were judged: how long a clip was worn, and how much of that was slouched.

The same rule as on the therapist's page: a share is shown only when the clip was worn for most of the window so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Final

from gateway import messages

DAY_S: Final = 86_400
LONGEST_DAY_S: Final = 25 * 3600
LEAST_PCT: Final = 60
"""Of the window so far that must have been worn before a share is shown."""
_NOT_WORN: Final = ("paused", "lost", "not_worn")
_LOST: Final = messages.CATEGORIES.index("lost")
_UNWORN_CODES: Final = tuple(messages.CATEGORIES.index(name) for name in _NOT_WORN)
_SLOUCHED: Final = messages.CATEGORIES.index("slouched")
_NOTHING: Final = 0xFF


@dataclass(frozen=True)
class Window:
    """Part of a local day, in UTC ms; of a plan, or without one from the first minute of the day on."""

    start_ms: int
    end_ms: int
    planned: bool = True


@dataclass(frozen=True)
class SoFar:
    """Of the window so far: seconds passed, worn and slouched; reminders given on the day."""

    elapsed_s: int
    worn_s: int
    slouched_s: int
    reminders: int
    planned: bool

    @property
    def enough(self) -> bool:
        """Whether enough was worn for a share."""
        return self.worn_s > 0 and 100 * self.worn_s >= LEAST_PCT * self.elapsed_s


def day_of(utc_ms: int, zone: tzinfo | None) -> tuple[int, int]:
    """Bounds in UTC ms of the local day that `utc_ms` is in; of this computer's zone without one."""
    local = _local(utc_ms, zone)
    midnight = datetime.combine(local.date(), time())
    return _ms(midnight, zone), _ms(midnight + timedelta(days=1), zone)


def window_of(plan: messages.Plan, utc_ms: int, zone: tzinfo | None) -> Window | None:
    """The plan's window on the local day that `utc_ms` is in; None on a day without one."""
    local = _local(utc_ms, zone)
    if local.weekday() not in plan.days:
        return None
    midnight = datetime.combine(local.date(), time())
    start, end = (midnight + timedelta(hours=int(at[:2]), minutes=int(at[3:])) for at in (plan.start, plan.end))
    return Window(_ms(start, zone), _ms(end, zone))


def _local(utc_ms: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(utc_ms / 1000, zone) if zone else datetime.fromtimestamp(utc_ms / 1000).astimezone()


def _ms(wall: datetime, zone: tzinfo | None) -> int:
    aware = wall.replace(tzinfo=zone) if zone else wall.astimezone()
    return round(aware.timestamp() * 1000)


@dataclass
class _Minute:
    at_s: int
    told: dict[str, tuple[int, str]] = field(default_factory=dict)  # judge -> (rev, codes)

    def codes(self) -> bytes:
        """The gateway's word for each second, else the clip's."""
        clip, gateway = ([int(c, 16) for c in self.told.get(judge, (0, ""))[1]] for judge in ("clip", "gateway"))
        if not gateway or not clip:
            return bytes(gateway or clip)
        return bytes(own if own != _LOST else other for own, other in zip(gateway, clip, strict=True))


class Day:
    """A local day of one clip, made of the records of its minutes and reminders in any order."""

    def __init__(self, start_ms: int, end_ms: int) -> None:
        """From `start_ms` to `end_ms`, UTC."""
        self.start_ms = start_ms
        self.end_ms = end_ms
        self._seconds = bytearray([_NOTHING]) * LONGEST_DAY_S
        self._minutes: dict[tuple[str, int], _Minute] = {}
        self._reminders: dict[tuple[str, int], tuple[int, bool]] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in a record; one of another day, without a place in time or of another kind is left out."""
        utc_ms = record.get("utc_ms")
        if utc_ms is None or not self.start_ms - 60_000 < utc_ms < self.end_ms:
            return
        key = (str(record["boot"]), int(record["start_ms"]))
        if record["kind"] == "epoch":
            self._minute(key, utc_ms, record)
        elif record["kind"] == "reminder" and utc_ms >= self.start_ms:
            rev, _ = self._reminders.get(key, (-1, False))
            if record["rev"] > rev:
                self._reminders[key] = (record["rev"], record["reason"] == "given")

    def _minute(self, key: tuple[str, int], utc_ms: int, record: Mapping[str, Any]) -> None:
        minute = self._minutes.setdefault(key, _Minute(round((utc_ms - self.start_ms) / 1000)))
        rev, _ = minute.told.get(record["judge"], (-1, ""))
        if record["rev"] <= rev:
            return
        minute.told[record["judge"]] = (record["rev"], record["codes"])
        for second, code in enumerate(minute.codes(), minute.at_s):
            if 0 <= second < len(self._seconds):
                self._seconds[second] = code

    def so_far(self, now_ms: int, window: Window | None) -> SoFar:
        """Figures up to now: of the window, or of the day since its first minute where there is none."""
        if window is None:
            first = next((i for i, code in enumerate(self._seconds) if code != _NOTHING), None)
            start_ms = now_ms if first is None else self.start_ms + first * 1000
            window = Window(start_ms, self.end_ms, planned=False)
        start = (window.start_ms - self.start_ms) // 1000
        elapsed = max(0, (min(now_ms, window.end_ms) - window.start_ms) // 1000)
        part = self._seconds[start : start + elapsed]
        off = sum(part.count(code) for code in (*_UNWORN_CODES, _NOTHING))
        return SoFar(
            elapsed_s=elapsed,
            worn_s=len(part) - off,
            slouched_s=part.count(_SLOUCHED),
            reminders=sum(given for _, given in self._reminders.values()),
            planned=window.planned,
        )


def in_words(day: SoFar) -> list[str]:
    """The day so far in a line or two."""
    given = {0: "no reminders", 1: "1 reminder"}.get(day.reminders, f"{day.reminders} reminders")
    if not day.elapsed_s:
        return ["the plan's hours have not begun" if day.planned else "nothing measured yet"]
    share = round(100 * day.worn_s / day.elapsed_s)
    what = "the plan's hours" if day.planned else "the time since the first minute"
    worn = f"worn {duration(day.worn_s)} of {duration(day.elapsed_s)} so far ({share} % of {what})"
    if day.enough:
        return [worn, f"slouched {round(100 * day.slouched_s / day.worn_s)} % of the time worn; {given}"]
    return [worn, f"too little worn for a share of slouched time; {given}"]


def duration(seconds: int) -> str:
    """A length of time in its two largest units."""
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"
