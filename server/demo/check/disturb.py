"""Disturbances of a run: what is asked of the radio when, and who is away meanwhile.

All moments are chosen from the script's slouches and a seed, so that a run repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from firmware.virtual.clip import WATCHDOG_US
from gateway.lab.truth import Slouch

from .evidence import ClockError, Outage

Kind = Literal["link", "range", "power", "radio", "watchdog"]
"""link: connections lost in the middle of slouches and between them. range: out of range for 60 to 120 s. power: the
clip switched off without warning and on again. radio: most advertisements lost, few buffers for packets, then none.
watchdog: the firmware hangs in the middle of a dwell or after a reminder, and its watchdog starts it anew."""

LONG_S: Final = 20.0
"""Shorter slouches are left alone."""
DEAF_S: Final = 12.0
"""So long no packet leaves the clip though the link holds."""


@dataclass(frozen=True)
class Step:
    """A request to the radio (see `firmware.virtual.controls`) at a moment of the script, and for how long its effect
    lasts by itself; the serial of the clip of `wearer` is added to those that are about a clip. The director itself
    does what is asked of stations: "crash", "start", "suspend", "wake" and "set_clock" with a name."""

    at_s: float
    request: str
    arguments: dict[str, Any]
    lasts_s: float = 0.0
    wearer: int = 0


@dataclass(frozen=True)
class Disturbance:
    """Steps in order of time, and the outages and wrong clocks that they make, in simulated ms."""

    steps: tuple[Step, ...]
    outages: tuple[Outage, ...]
    clock_errors: tuple[ClockError, ...] = ()


def plan(kind: Kind, slouches: Sequence[Slouch], seed: int, dwell_s: float, until_s: float) -> Disturbance:
    """The disturbance of a kind for a run whose script has these slouches, over by `until_s`."""
    rng = np.random.default_rng([seed, 77])
    rows = [slouch for slouch in slouches if slouch.end_s - slouch.start_s >= LONG_S]
    made = [row for row in _MAKERS[kind](rows, rng, dwell_s) if row[1][-1].at_s < until_s]
    steps = sorted((step for _, steps in made for step in steps), key=lambda step: step.at_s)
    outages = tuple(
        Outage(station, int(1000 * steps[0].at_s), int(1000 * (steps[-1].at_s + steps[-1].lasts_s)))
        for station, steps in made
        if station
    )
    return Disturbance(tuple(steps), outages)


def away(slouches: Sequence[Slouch], seed: int, seconds: float, until_s: float) -> Disturbance | None:
    """The clip out of the gateway's range once, for `seconds`, from within a slouch drawn from the seed; None when
    that is not over by `until_s` for any of them."""
    rng = np.random.default_rng([seed, 78])
    rows = [slouch for slouch in slouches if slouch.end_s - slouch.start_s >= LONG_S]
    begins = [float(rng.uniform(row.start_s + 2, row.end_s - 2)) for row in rows]
    fit = [at for at in begins if at + seconds < until_s]
    if not fit:
        return None
    start = fit[int(rng.integers(len(fit)))]
    steps = (Step(start, "range", {"on": False}), Step(start + seconds, "range", {"on": True}))
    return Disturbance(steps, (Outage("link", int(1000 * start), int(1000 * (start + seconds))),))


_Made = Iterator[tuple[str, tuple[Step, ...]]]
"""(who is away from the first of the steps to the last, "" for nobody; the steps)."""


def _link(slouches: Sequence[Slouch], rng: np.random.Generator, dwell_s: float) -> _Made:
    for k, slouch in enumerate(slouches):
        length = slouch.end_s - slouch.start_s
        # Now long before the reminder is due, now just before it, now anywhere.
        into = (
            rng.uniform(0.1, 0.5) * min(length, dwell_s),
            min(dwell_s, length) - 1.5,
            rng.uniform(0.2, 0.9) * length,
        )
        moments = [slouch.start_s + into[k % 3]]
        if k % 2:
            moments.append(slouch.end_s + rng.uniform(3, 12))
        for at in moments:
            yield "link", (Step(at, "link_loss", {}),)


def _range(slouches: Sequence[Slouch], rng: np.random.Generator, dwell_s: float) -> _Made:
    del dwell_s
    end_s = 0.0
    for k, slouch in enumerate(slouches):
        # Now leaving in the middle of a slouch, now away before it begins.
        start = rng.uniform(slouch.start_s + 5, slouch.end_s - 5) if k % 2 == 0 else slouch.start_s - rng.uniform(5, 15)
        if start > end_s + 30:
            end_s = start + rng.uniform(60, 120)
            yield "link", (Step(start, "range", {"on": False}), Step(end_s, "range", {"on": True}))


def _power(slouches: Sequence[Slouch], rng: np.random.Generator, dwell_s: float) -> _Made:
    for k, slouch in enumerate(slouches):
        length = slouch.end_s - slouch.start_s
        if length < dwell_s + 25:
            continue
        # Now while the dwell runs, now after the reminder, now between two slouches.
        into = (rng.uniform(0.1, 0.3) * dwell_s, rng.uniform(dwell_s + 8, length - 12), length + rng.uniform(5, 10))
        at = slouch.start_s + into[k % 3]
        off = Step(at, "power", {"on": False})
        yield "clip", (off, Step(at + rng.uniform(1, 6), "power", {"on": True}))


def _radio(slouches: Sequence[Slouch], rng: np.random.Generator, dwell_s: float) -> _Made:
    del dwell_s
    yield "", (Step(slouches[0].start_s - 5, "air", {"adv_loss": 0.8}),)
    for k, slouch in enumerate(slouches):
        at = rng.uniform(slouch.start_s + 3, slouch.end_s - DEAF_S)
        if k % 3 == 0:
            yield "", (Step(at, "tx_buffers", {"n": 1}),)
        elif k % 3 == 1:
            yield "link", (Step(at, "tx_buffers", {"n": 0}), Step(at + DEAF_S, "tx_buffers", {"n": 2}))
        else:
            yield "link", (Step(at, "link_loss", {}),)


def _watchdog(slouches: Sequence[Slouch], rng: np.random.Generator, dwell_s: float) -> _Made:
    for k, slouch in enumerate(slouches):
        length = slouch.end_s - slouch.start_s
        if length < dwell_s + 25:
            continue
        # Now while the dwell runs, now so that the reminder falls due meanwhile, now after it.
        into = (rng.uniform(8, dwell_s - 20), dwell_s - rng.uniform(2, 8), rng.uniform(dwell_s + 2, dwell_s + 10))
        yield "watchdog", (Step(slouch.start_s + into[k % 3], "hang", {}, WATCHDOG_US / 1e6),)


_MAKERS: Final = {"link": _link, "range": _range, "power": _power, "radio": _radio, "watchdog": _watchdog}
