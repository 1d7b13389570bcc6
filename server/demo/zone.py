"""Where the demonstration's clinic is: here, if it is working time here; else somewhere it is mid-morning."""

from __future__ import annotations

import os
from datetime import datetime, time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EARLIEST: Final = time(9, 45)
LATEST: Final = time(15, 30)
"""Before, there is too little of today to look at; after, too little of the window is left for a live wearer."""
_MORNING_HOUR: Final = 10
_ELSEWHERE: Final = (
    "Pacific/Auckland", "Australia/Sydney", "Australia/Brisbane", "Asia/Tokyo", "Asia/Singapore", "Asia/Bangkok",
    "Asia/Dhaka", "Asia/Karachi", "Asia/Dubai", "Africa/Nairobi", "Europe/Athens", "Europe/Berlin", "Europe/London",
    "Atlantic/Azores", "Atlantic/South_Georgia", "America/Sao_Paulo", "America/Halifax", "America/New_York",
    "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu",
    "Pacific/Pago_Pago",
)  # fmt: skip


def own_zone() -> str | None:
    """IANA name of this computer's zone, None when it does not say."""
    named = os.environ.get("TZ", "").removeprefix(":")
    link = Path("/etc/localtime")
    if not named and link.is_symlink():
        named = str(link.resolve()).partition("zoneinfo/")[2]
    try:
        return ZoneInfo(named).key if named else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def choose(now: datetime, own: str | None) -> str:
    """The clinic's zone. `now` is aware."""
    if own is not None and EARLIEST <= now.astimezone(ZoneInfo(own)).time() <= LATEST:
        return own
    return min(_ELSEWHERE, key=lambda name: abs(_minutes(now, name) - _MORNING_HOUR * 60 - 30))


def _minutes(now: datetime, zone: str) -> int:
    there = now.astimezone(ZoneInfo(zone))
    return 60 * there.hour + there.minute
