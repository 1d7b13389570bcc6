"""The ordeal: two wearers with one gateway, and all that can go wrong, one thing after another, as a seed draws it.

The scripts have slots of equal length with a slouch in each that calls for a reminder. Every trouble has a slot or two
of its own, so that what follows from it can be told; the server stays away for an hour over whatever comes after it.
When all else is over, both wearers are out of their gateway's range for the rest of that hour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from gateway.lab.presets import check_script
from gateway.lab.script import Script, Segment
from gateway.lab.truth import Slouch, truth

from .disturb import Disturbance, Step
from .evidence import ClockError, Outage

WEARERS: Final = 2
SLOT_S: Final = 165.0
MOST_SLOTS: Final = 48
HOUR_S: Final = 3600.0
CALM_S: Final = 60.0
"""After the last trouble, before the plan is changed."""
APART_S: Final = 600.0
"""If so much of the server's hour is left, the wearers go out."""
DWELL_S: Final = 60.0


@dataclass(frozen=True)
class Ordeal:
    """What each wearer does, what befalls them, in which order, and when that is over, in seconds of the script."""

    scripts: tuple[Script, ...]
    disturbance: Disturbance
    order: tuple[str, ...]
    over_s: float


def draw(seed: int) -> Ordeal:
    """The ordeal of a seed."""
    rng = np.random.default_rng([seed, 79])
    opening = check_script(seed)
    segments = [[*opening.segments[:2], *_slots(opening, rng)] for _ in range(WEARERS)]
    whole = [Script(each, opening.body, seed) for each in segments]
    drawing = _Drawing(
        rng, sum(segment.seconds for segment in opening.segments[:2]), [truth(s).slouches for s in whole]
    )
    troubles = (
        drawing.link, drawing.power, drawing.gateway, drawing.broker, drawing.server, drawing.sleep, drawing.clock
    )  # fmt: skip
    order = [troubles[k] for k in rng.permutation(len(troubles))]
    for trouble in order:
        trouble()
    drawing.go_out()
    over = math.ceil((max(drawing.slot_s, drawing.server_back_s) + CALM_S - drawing.opening_s) / SLOT_S)
    ends = 2 + 3 * (over + 1)
    return Ordeal(
        scripts=tuple(Script(each[:ends], opening.body, seed) for each in segments),
        disturbance=drawing.disturbance(),
        order=tuple(trouble.__name__ for trouble in order),
        over_s=drawing.opening_s + SLOT_S * over + 2,
    )


def _slots(opening: Script, rng: np.random.Generator) -> Iterator[Segment]:
    """Upright, slouched and upright again, over and over."""
    upright, slouch = opening.segments[2], opening.segments[3]
    for _ in range(MOST_SLOTS):
        before, length = float(rng.uniform(32, 45)), float(rng.uniform(88, 100))
        yield replace(upright, seconds=before)
        yield replace(slouch, seconds=length, sagittal=float(rng.uniform(17, 23)))
        yield replace(upright, seconds=SLOT_S - before - length)


@dataclass
class _Drawing:
    """Troubles so far; each method draws one into the next free slots. `slouches`: of each wearer, one a slot."""

    rng: np.random.Generator
    opening_s: float
    slouches: Sequence[Sequence[Slouch]]
    slot: int = 1  # nothing happens in the first
    server_back_s: float = 0.0
    steps: list[Step] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    clock_errors: list[ClockError] = field(default_factory=list)

    @property
    def slot_s(self) -> float:
        """When the next free slot begins."""
        return self.opening_s + SLOT_S * self.slot

    def disturbance(self) -> Disturbance:
        """What has been drawn."""
        steps = sorted(self.steps, key=lambda step: step.at_s)
        return Disturbance(tuple(steps), tuple(self.outages), tuple(self.clock_errors))

    def link(self) -> None:
        """One clip's link is lost, or the clip is out of range for a while."""
        who, slouch = self._someone()
        at = self._uniform(slouch.start_s - 15, slouch.end_s - 5)
        if self.rng.random() < 0.5:
            self._from_to("link", at, at, ("link_loss", {}), None, who)
        else:
            away = (("range", {"on": False}), ("range", {"on": True}))
            self._from_to("link", at, at + self._uniform(10, 90), *away, who)
        self.slot += 1

    def power(self) -> None:
        """One clip is switched off and on: while its dwell runs, after its reminder, or when it does not slouch."""
        who, slouch = self._someone()
        length = slouch.end_s - slouch.start_s
        into = (
            self._uniform(0.1, 0.3) * DWELL_S,
            self._uniform(DWELL_S + 8, length - 12),
            length + self._uniform(5, 10),
        )
        at = slouch.start_s + into[int(self.rng.integers(3))]
        off = (("power", {"on": False}), ("power", {"on": True}))
        self._from_to("clip", at, at + self._uniform(1, 6), *off, who)
        self.slot += 1

    def gateway(self) -> None:
        """The gateway is killed, and started again."""
        self._crash("gateway")

    def broker(self) -> None:
        """The broker is killed, and started again."""
        self._crash("broker")

    def server(self) -> None:
        """The server is away for an hour, which goes on while the next troubles come."""
        at = self.slot_s + self._uniform(5, SLOT_S - 5)
        self.server_back_s = at + HOUR_S
        self._from_to("server", at, self.server_back_s, *_stop_and_go("crash", "start", "server"))
        self.slot += 1

    def sleep(self) -> None:
        """The gateway's computer sleeps for some minutes."""
        at = self.slot_s + self._uniform(5, SLOT_S / 2)
        self._from_to("sleep", at, at + self._uniform(60, 200), *_stop_and_go("suspend", "wake", "gateway"))
        self.slot += 2

    def clock(self) -> None:
        """The clock of the gateway's computer is set wrong, and right again."""
        at = self.slot_s + self._uniform(5, SLOT_S / 2)
        end = at + self._uniform(60, 180)
        by_ms = int(1000 * self._uniform(3, 20)) * (1 if self.rng.random() < 0.5 else -1)
        for at_s, step_ms in ((at, by_ms), (end, -by_ms)):
            self.steps.append(Step(at_s, "set_clock", {"name": "gateway", "by_ms": step_ms}))
        self.clock_errors.append(ClockError(int(1000 * at), int(1000 * end), by_ms))
        self.slot += 2

    def go_out(self) -> None:
        """Both are out of range for what remains of the server's hour, if that is long."""
        if self.server_back_s - self.slot_s < APART_S:
            return
        for who in range(WEARERS):
            away = (("range", {"on": False}), ("range", {"on": True}))
            start = self.slot_s + self._uniform(10, 60)
            self._from_to("link", start, self.server_back_s - self._uniform(100, 200), *away, who)

    def _crash(self, name: str) -> None:
        _, slouch = self._someone()
        at = self._uniform(slouch.start_s - 10, slouch.end_s - 10)
        self._from_to(name, at, at + self._uniform(5, 40), *_stop_and_go("crash", "start", name))
        self.slot += 1

    def _from_to(
        self,
        station: str,
        start_s: float,
        end_s: float,
        off: tuple[str, dict[str, Any]],
        on: tuple[str, dict[str, Any]] | None,
        wearer: int | None = None,
    ) -> None:
        for at_s, request in ((start_s, off), (end_s, on)):
            if request is not None:
                self.steps.append(Step(at_s, *request, wearer=wearer or 0))
        self.outages.append(Outage(station, int(1000 * start_s), int(1000 * end_s), wearer))

    def _someone(self) -> tuple[int, Slouch]:
        """One of the wearers, and their slouch in the next free slot."""
        who = int(self.rng.integers(WEARERS))
        return who, self.slouches[who][self.slot]

    def _uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))


def _stop_and_go(stop: str, go: str, name: str) -> tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]:
    return (stop, {"name": name}), (go, {"name": name})
