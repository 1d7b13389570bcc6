"""Figures and times in words, the same on every page."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def duration(seconds: float) -> str:
    """A length of time in its two largest units: `6 h 05 min`, `12 min 30 s`, `45 s`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes:02d} min"
    if minutes:
        return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"
    return f"{rest} s"


def rough(seconds: float) -> str:
    """A length of time in one unit, rounded down: `3 days`, `5 h`, `40 min`."""
    if seconds >= 48 * 3600:
        return f"{seconds // 86_400:.0f} days"
    return f"{seconds // 3600:.0f} h" if seconds >= 3600 else f"{seconds // 60:.0f} min"


def exact(seconds: int) -> str:
    """A length of time to the second: `6:05:09`, so that a column can be added up."""
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


def percent(part: float, whole: float) -> str:
    """A share in whole percent; never 0 % or 100 % when it is not; a dash when there is no whole."""
    if whole <= 0:
        return "–"
    share = 100 * part / whole
    if 0 < share < 1:
        return "<1 %"
    if 99 < share < 100:
        return ">99 %"
    return f"{share:.0f} %"


def degrees(value: float) -> str:
    """An angle: whole degrees, with a true minus sign."""
    rounded = round(value)
    return f"−{-rounded}°" if rounded < 0 else f"{rounded}°"


def clock(t_ms: int, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """Time of day in `zone`."""
    local = datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(zone)
    return local.strftime("%H:%M:%S" if seconds else "%H:%M")


def ago(t_ms: int | None, now_ms: int) -> str:
    """How long ago, roughly: `just now`, `5 min ago`, `3 h ago`, `2 days ago`, `never`."""
    if t_ms is None:
        return "never"
    seconds = max(0, (now_ms - t_ms) // 1000)
    if seconds < 60:
        return "just now"
    return f"{rough(seconds)} ago"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 reminder`, `2 reminders`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def sentence(words: str) -> str:
    """A message as a sentence: `it has no name` becomes `It has no name.`"""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
