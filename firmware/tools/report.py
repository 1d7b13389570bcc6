"""The budgets of a working day: measured, held against their bars, and written down."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from firmware.clip import haptic_drv2605l
from firmware.clip.wire import plan
from firmware.virtual.drv2605l import effect_ms

from . import allocation, energy, load
from .build import LIMIT, MARCH, build
from .heap import KB, Need, need
from .workday import Day, live_through

HEAP_LIMIT: Final = 64 * KB
GROWTH_LIMIT: Final = 512
PAYLOAD_LIMIT: Final = 8.0  # bytes a sample, without the trailer that a second has
NOTIFICATIONS_LIMIT: Final = 20.0
GO_LIMIT_MS: Final = 150.0
_ROOM: Final = 4 * KB  # what the day gets above the smallest heap that a short trial found
_INTERVAL_MS: Final = 50.0  # what a desktop's Bluetooth stack takes at most without being asked
_SHORTEST_MS: Final = 30.0  # and what it takes at least
# Three packets a second, which the motor's flag cuts, a status a second, and the whole journal four times a day.
_MOST_NOTIFICATIONS: Final = 4.5
_MOST_PAYLOAD: Final = 91.0
_STACK: Final = 0.05  # assumed: share of the processor that the radio's stack, the bus and interrupts take besides
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


@dataclass(frozen=True)
class Figure:
    """Something that was measured and has no bar."""

    name: str
    value: float
    unit: str


@dataclass
class Report:
    """Bars, what was measured besides them, the processor's load and the energy tables by chip."""

    hours: float
    bars: list[Bar]
    figures: list[Figure] = field(default_factory=list)
    load: load.Load | None = None
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
            "figures": [vars(figure) for figure in self.figures],
            "computing": None if self.load is None else self.load.as_json(),
            "energy": {chip: [vars(part) for part in parts] for chip, parts in self.energy.items()},
        }


def make(hours: float, micropython: str, say: Callable[[str], None], progress: Callable[[float], None]) -> Report:
    """Build, find the heaps, live through the day, and judge. Raises BuildError, HeapError, OSError,
    subprocess.CalledProcessError, RuntimeError."""
    with tempfile.TemporaryDirectory(prefix="plumbline-report-") as folder:
        built = build(Path(folder), next(iter(MARCH)))
        rom = built.image.read_bytes()
        say("passing samples by with the heap locked")
        grown = allocation.grown(Path(folder), micropython)
        say("measuring the processor's time")
        loading = load.measure(Path(folder), micropython, rom)
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
    return judge(hours, built.compiled, grown, loading, loaded, needed, day)


def judge(hours: float, compiled: int, grown: int, loading: load.Load, loaded: Need, needed: Need, day: Day) -> Report:
    """The report on what was measured: `grown` is what the hot path allocates, `loaded` the heap that the firmware
    needs with its code in it, `needed` with its code in flash, as it is deployed and was in the day."""
    shares = {chip: loading.share(chip) for chip in energy.CHIPS}
    bars = [
        Bar("compiled firmware", compiled, LIMIT, "B"),
        Bar("allocated from the sensor's FIFO to the queued packet", grown, 0, "B"),
        Bar("smallest heap, code run from flash", needed.firmware / KB, HEAP_LIMIT / KB, "kB"),
        *(
            Bar(f"{chip} at {load.CLOCK_MHZ} MHz, time it computes at most", most * 100, load.LIMIT * 100, "%")
            for chip, (_, most) in shares.items()
        ),
    ]
    if day.failure or not day.kept or not day.samples or not day.latencies_ms:
        return Report(hours, bars, failure=day.failure or "the day brought no samples or no reminder")
    if len(day.latencies_ms) < len(day.reminders):
        return Report(hours, bars, failure="a reminder was written down for which the motor did not run")
    rate = day.notifications / day.linked_s
    trailers = day.linked_s * _TRAILER
    late = sorted(day.latencies_ms)
    middle = {chip: (least + most) / 2 + _STACK for chip, (least, most) in shares.items()}
    expected = energy.Use(rate, day.stream_bytes / day.packets, _INTERVAL_MS, day.motor_s / hours, middle)
    tables = {chip: energy.parts(chip, expected, worst(shares)) for chip in energy.CHIPS}
    bars += [
        Bar("heap growth over the day", growth(day.kept), GROWTH_LIMIT, "B"),
        Bar("ATT payload a sample, trailer apart", (day.stream_bytes - trailers) / day.samples, PAYLOAD_LIMIT, "B"),
        Bar("notifications a second, all kinds", rate, NOTIFICATIONS_LIMIT, "1/s"),
        Bar("reminder due to motor GO, p95", percentile(late, 0.95), GO_LIMIT_MS, "ms"),
    ]
    for chip, parts in tables.items():
        current = sum(part.worst_ma for part in parts)
        bars.append(
            Bar(f"{chip}, worst case, 500 mAh, 20 % left", energy.hours(500, current), energy.DAY_H, "h", least=True)
        )
    figures = [
        Figure("heap of the day, stand-ins and image apart", (day.heap - needed.apart) / KB, "kB"),
        Figure("least free in it after a collection (low-water mark)", (day.heap - max(day.kept)) / KB, "kB"),
        Figure("most in use after a collection", (max(day.kept) - needed.apart) / KB, "kB"),
        Figure("what the stand-ins keep, not counted", needed.standins / KB, "kB"),
        Figure("smallest heap if the code is loaded into it instead", loaded.firmware / KB, "kB"),
        Figure("stream packets a second", day.packets / day.linked_s, "1/s"),
        Figure("ATT payload a sample, trailers included", day.stream_bytes / day.samples, "B"),
        Figure("reminders", len(late), ""),
        Figure("reminder due to motor GO, longest", float(late[-1]), "ms"),
        Figure("connections", day.connections, ""),
        Figure("minutes read from the journal", day.epochs, ""),
        Figure("motor ran", day.motor_s, "s"),
    ]
    return Report(hours, bars, figures, loading, tables)


def worst(shares: Mapping[energy.Chip, tuple[float, float]]) -> energy.Use:
    """The dearest day there can be, on chips that compute for such shares (least, most) of their time."""
    computing = {chip: min(1.0, most + _STACK) for chip, (_, most) in shares.items()}
    return energy.Use(_MOST_NOTIFICATIONS, _MOST_PAYLOAD, _SHORTEST_MS, most_motor_s(), computing)


def most_motor_s() -> float:
    """Seconds of each hour for which reminders run the motor when the plan has the highest cap and the wearer has
    chosen the longest rhythm at full strength."""
    rhythms = [haptic_drv2605l.sequence(haptic_drv2605l.REMINDER, 100, rhythm) for rhythm in range(8)]
    longest_ms = max(sum(effect_ms(slot) for slot in slots if slot and not slot & 0x80) for slots in rhythms)
    return plan.HIGHEST[plan.FIELDS.index("cap_per_hour")] * longest_ms / 1000


def growth(kept: list[int]) -> float:
    """By how much the median in use rose from the second tenth of the day to the last, bytes."""
    tenth = max(1, len(kept) // 10)
    return statistics.median(kept[-tenth:]) - statistics.median(kept[tenth : 2 * tenth])


def percentile(ordered: list[int], share: float) -> float:
    """The smallest value that `share` of the values do not exceed."""
    return float(ordered[math.ceil(share * len(ordered)) - 1])
