"""Keeps the view on the terminal up to date while the gateway runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Console
from rich.live import Live

from gateway import messages
from gateway.face import door, own_data, today, view
from gateway.face.today import Day, SoFar
from gateway.inside import Face, Inside

EVERY_S: Final = 0.25
DAY_EVERY_S: Final = 10.0
"""Minutes are judged once a minute; they are looked for a little more often."""

logger = logging.getLogger(__name__)


@dataclass
class Days:
    """Today so far of each clip, by what is new in the file. To be used by one thread at a time."""

    database: Path
    clips: Sequence[str]
    _days: dict[str, Day] = field(default_factory=dict)
    _read_to: int = 0

    def so_far(self, utc_ms: int) -> dict[str, SoFar]:
        """Today so far, by clip. Raises own_data.DataError."""
        with own_data.reading(self.database) as db:
            plans = {clip: own_data.plan_of(db, clip) for clip in self.clips}
            bounds = {clip: today.day_of(utc_ms, _zone(plan)) for clip, plan in plans.items()}
            if any(clip not in self._days or self._days[clip].start_ms != bounds[clip][0] for clip in self.clips):
                self._days = {clip: Day(*bounds[clip]) for clip in self.clips}
                self._read_to = 0
            since_ms = min((start for start, _ in bounds.values()), default=0)
            self._read_to, records = own_data.put_since(db, since_ms, self._read_to)
        for record in records:
            if (day := self._days.get(str(record.get("clip")))) is not None:
                day.add(record)
        return {clip: self._days[clip].so_far(utc_ms, _window(plans[clip], utc_ms)) for clip in self.clips}


def _zone(plan: messages.Plan | None) -> tzinfo | None:
    try:
        return None if plan is None else ZoneInfo(plan.zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _window(plan: messages.Plan | None, utc_ms: int) -> today.Window | None:
    return None if plan is None else today.window_of(plan, utc_ms, _zone(plan))


def on(console: Console, recent: Sequence[str]) -> Face:
    """A face that shows the view on a terminal. `recent`: the newest warnings."""

    async def show(inside: Inside) -> None:
        loop = asyncio.get_running_loop()
        days = Days(inside.config.database, [clip.serial for clip in inside.config.clips])
        plain = not _can_show(console)
        so_far: dict[str, SoFar] = {}
        read_at = -DAY_EVERY_S
        shown_before = ""
        with Live(console=console, auto_refresh=False, screen=True) as live:
            while True:
                if loop.time() - read_at >= DAY_EVERY_S:
                    read_at = loop.time()
                    try:
                        so_far = await asyncio.to_thread(days.so_far, inside.utc_ms())
                    except own_data.DataError as error:
                        logger.debug("today so far: %s", error)
                shown = view.lines(door.now(inside), so_far, inside.config.broker, recent)
                when = datetime.fromtimestamp(inside.utc_ms() / 1000).astimezone()
                text = view.render(shown, when, console.width, console.height, plain=plain)
                if text.plain != shown_before:
                    shown_before = text.plain
                    live.update(text, refresh=True)
                await asyncio.sleep(EVERY_S)

    return show


def _can_show(console: Console) -> bool:
    try:
        "✓…°".encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return not console.legacy_windows
