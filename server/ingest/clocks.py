"""Whether a gateway's clock is right enough: everything that it tells is placed by it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from server.ingest.alarms import Kind, raise_alarm

AHEAD_MS: Final = 2 * 60_000
"""A message cannot come before it was sent."""
BEHIND_MS: Final = 15 * 60_000
"""It may come late, but only by what a gateway keeps of it without a connection."""


def watch_clock(connection: Connection, gateway_id: str, told_ms: int, now_ms: int) -> None:
    """Hold the time (UTC ms) that a gateway has just told against the server's, and raise an alarm when it is off."""
    off_ms = told_ms - now_ms
    if -BEHIND_MS <= off_ms <= AHEAD_MS:
        return
    words = f"{_rough(abs(off_ms))} {'ahead' if off_ms > 0 else 'behind'}"
    raise_alarm(connection, Kind.CLOCK, now_ms, gateway=gateway_id, detail=words)


def _rough(span_ms: int) -> str:
    minutes = span_ms // 60_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
