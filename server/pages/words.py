"""Figures and times in words, the same on every page, in the language of the answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from server.language import N_, gettext, locale, ngettext

LONG_DAY: Final = N_("EEEE, d MMMM y")
"""Patterns of dates (Unicode TS 35); other languages have their own."""
FULL_DAY: Final = N_("d MMMM y")
DAY_AND_MONTH: Final = N_("d MMMM")
DAY: Final = N_("d MMM y")
WEEKDAY: Final = N_("EEE d MMM")
SHORT_DAY: Final = N_("d MMM")
MOMENT: Final = N_("d MMM y, HH:mm")
WEEKDAY_MOMENT: Final = N_("EEE d MMM y, HH:mm")
SHORT_MOMENT: Final = N_("d MMM, HH:mm")


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
        return counted(int(seconds // 86_400), "{n} day", "{n} days")
    return _hours_or_minutes(seconds)


def _hours_or_minutes(seconds: float) -> str:
    return f"{seconds // 3600:.0f} h" if seconds >= 3600 else f"{seconds // 60:.0f} min"


def hours(seconds: float) -> str:
    """A sum of many lengths of time: `32 h`, `36.5 h`."""
    point = locale().number_symbols["latn"]["decimal"]
    return f"{seconds / 3600:.1f}".removesuffix(".0").replace(".", point) + " h"


def decimal(value: float, places: int = 1) -> str:
    """A number with so many decimals: `1.5`."""
    return format_decimal(value, "0." + "0" * places if places else "0", locale=locale())


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
        return gettext("never")
    seconds = max(0, (now_ms - t_ms) // 1000)
    if seconds < 60:
        return gettext("just now")
    if seconds >= 48 * 3600:
        return counted(seconds // 86_400, "{n} day ago", "{n} days ago")
    return gettext("{time} ago").format(time=_hours_or_minutes(seconds))


def dated(day: date, pattern: str) -> str:
    """A date by one of the patterns above."""
    return format_date(day, gettext(pattern), locale=locale())


def moment(t_ms: int, zone: ZoneInfo, pattern: str = MOMENT) -> str:
    """Date and time of day in `zone`, by one of the patterns above."""
    return format_datetime(datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(zone), gettext(pattern), locale=locale())


def when(t_ms: int | None, zone: ZoneInfo) -> str:
    """A moment with its day of the week; empty for none."""
    return "" if t_ms is None else moment(t_ms, zone, WEEKDAY_MOMENT)


def counted(n: int, one: str, many: str, **more: object) -> str:
    """`one` or `many`, as the language has it, with the number in the place of `{n}`, and `more` in theirs."""
    return ngettext(one, many, n).format(n=n, **more)


def sentence(words: str) -> str:
    """A message as a sentence: `it has no name` becomes `It has no name.`"""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
