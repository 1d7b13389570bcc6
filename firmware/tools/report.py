"""The budgets of a working day: measured, held against their bars, and written down."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from . import allocation, energy
from .build import LIMIT, MARCH, build
from .heap import KB, Need, need
from .workday import Day, live_through

HEAP_LIMIT: Final = 64 * KB
GROWTH_LIMIT: Final = 512
PAYLOAD_LIMIT: Final = 8.0  # bytes a sample, without the trailer that a second has
NOTIFICATIONS_LIMIT: Final = 20.0
GO_LIMIT_MS: Final = 150.0
_ROOM: Final = 4 * KB  # what the day gets above the smallest heap that a short trial found
# Three packets a second, which the motor's flag cuts, a status a second, and the whole journal four times a day; the
# cap of 60 reminders an hour, a second each.
WORST: Final = energy.Use(notifications_s=4.5, payload=91.0, interval_ms=30.0, motor_s=60.0)
_INTERVAL_MS: Final = 50.0  # what a desktop's Bluetooth stack takes without being asked
_TRAILER: Final = 6


@dataclass(frozen=True)
class Bar:
    """One figure and the limit that it must keep: at most, or at least when `least`."""

    name: str
    value: float
    limit: float
    unit: str
    least: bool = False

    @property
    def passed(self) -> bool:
        """Whether it keeps the limit."""
        return self.value >= self.limit if self.least else self.value <= self.limit


@dataclass
class Report:
    """Bars, what was measured besides them, and the energy tables by chip."""

    hours: float
    bars: list[Bar]
    figures: dict[str, float] = field(default_factory=dict)
    energy: dict[energy.Chip, list[energy.Part]] = field(default_factory=dict)
    failure: str = ""

    @property
    def passed(self) -> bool:
        """Whether the day went through and every bar is kept."""
        return not self.failure and all(bar.passed for bar in self.bars)

    def as_json(self) -> dict[str, Any]:
        """Everything, for a file."""
        return {
            "hours": self.hours,
            "passed": self.passed,
            "failure": self.failure,
            "bars": [{**vars(bar), "passed": bar.passed} for bar in self.bars],
            "figures": self.figures,
            "energy": {chip: [vars(part) for part in parts] for chip, parts in self.energy.items()},
        }


def make(hours: float, micropython: str, say: Callable[[str], None], progress: Callable[[float], None]) -> Report:
    """Build, find the heaps, live through the day, and judge. Raises BuildError, HeapError, OSError."""
    with tempfile.TemporaryDirectory(prefix="plumbline-report-") as folder:
        built = build(Path(folder), next(iter(MARCH)))
        rom = built.image.read_bytes()
        say("passing samples by with the heap locked")
        grown = allocation.grown(Path(folder), micropython)
        say("looking for the smallest heap, code in the heap")
        loaded = need(micropython, progress=say)
        say("looking for the smallest heap, code in flash")
        needed = need(micropython, rom, say)
        heap = max(HEAP_LIMIT + needed.apart, needed.whole + _ROOM)
        say(
            f"living through {hours:g} h in {(heap - needed.apart) / KB:.1f} kB of heap, stand-ins apart, code in flash"
        )
        seconds = hours * 3600
        away = ((seconds * 0.5, seconds * 0.5 + min(1800.0, seconds * 0.05)),)
        day = live_through(seconds, Path(folder) / "clip", heap, micropython, rom=rom, away=away, progress=progress)
    return judge(hours, built.compiled, grown, loaded, needed, day)


def judge(hours: float, compiled: int, grown: int, loaded: Need, needed: Need, day: Day) -> Report:
    """The report on what was measured: `grown` is what the hot path allocates, `loaded` the heap that the firmware
    needs with its code in it, `needed` with its code in flash, as it was in the day."""
    bars = [
        Bar("compiled firmware", compiled, LIMIT, "B"),
        Bar("allocated from FIFO to queued packet", grown, 0, "B"),
        Bar("smallest heap, code loaded into it", loaded.firmware / KB, HEAP_LIMIT / KB, "kB"),
        Bar("smallest heap, code run from flash", needed.firmware / KB, HEAP_LIMIT / KB, "kB"),
    ]
    if day.failure or not day.kept or not day.samples or not day.latencies_ms:
        return Report(hours, bars, failure=day.failure or "the day brought no samples or no reminder")
    if len(day.latencies_ms) < len(day.reminders):
        return Report(hours, bars, failure="a reminder was written down for which the motor did not run")
    rate = day.notifications / day.linked_s
    trailers = day.linked_s * _TRAILER
    late = sorted(day.latencies_ms)
    expected = energy.Use(rate, day.stream_bytes / day.packets, _INTERVAL_MS, day.motor_s / hours)
    tables = {chip: energy.parts(chip, expected, WORST) for chip in energy.CHIPS}
    bars += [
        Bar("heap growth over the day", growth(day.kept), GROWTH_LIMIT, "B"),
        Bar("ATT payload a sample, trailer apart", (day.stream_bytes - trailers) / day.samples, PAYLOAD_LIMIT, "B"),
        Bar("notifications a second, all kinds", rate, NOTIFICATIONS_LIMIT, "1/s"),
        Bar("reminder due to motor GO, p95", percentile(late, 0.95), GO_LIMIT_MS, "ms"),
    ]
    for chip, parts in tables.items():
        worst = sum(part.worst_ma for part in parts)
        bars.append(
            Bar(f"{chip}, worst case, 500 mAh, 20 % left", energy.hours(500, worst), energy.DAY_H, "h", least=True)
        )
    figures = {
        "heap_b": day.heap - needed.apart,
        "standins_b": needed.standins,
        "in_use_after_collection_max_b": max(day.kept) - needed.apart,
        "free_low_water_b": min(day.free),
        "stream_packets_a_second": day.packets / day.linked_s,
        "att_payload_a_sample_with_trailer_b": day.stream_bytes / day.samples,
        "reminders": len(late),
        "due_to_go_max_ms": float(late[-1]),
        "connections": day.connections,
        "epochs_drained": day.epochs,
        "motor_s": day.motor_s,
    }
    return Report(hours, bars, figures, tables)


def growth(kept: list[int]) -> float:
    """By how much the median in use rose from the second tenth of the day to the last, bytes."""
    tenth = max(1, len(kept) // 10)
    return statistics.median(kept[-tenth:]) - statistics.median(kept[tenth : 2 * tenth])


def percentile(ordered: list[int], share: float) -> float:
    """The smallest value that `share` of the values do not exceed."""
    return float(ordered[math.ceil(share * len(ordered)) - 1])
