"""Not worn on a desk, on the back of a chair and in a bag; and worn, however still. Everything here is simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmware.clip import protocol
from gateway.core import Core, Thresholds
from gateway.lab.script import Body, Script, Segment
from tests.gateway.core.simulated import stream, wear

code = protocol.category

SHALLOW = Body(breath_deg=0.1, breath_hz=0.2, fidgets_per_hour=0)


def morning(rng: np.random.Generator) -> list[Segment]:
    """Five minutes at a desk, and a walk."""
    sitting = [Segment(75, "type", float(rng.uniform(-3, 14)), float(rng.normal(0, 3))) for _ in range(4)]
    return [*sitting, Segment(20, "walk", 5.0)]


def desk(rng: np.random.Generator) -> list[Segment]:
    return [Segment(330, "off", float(rng.uniform(-170, 170)), float(rng.uniform(-60, 60)), 2.0)]


def chair(rng: np.random.Generator) -> list[Segment]:
    """Upright on a back of a chair that is knocked against every half minute, and never hangs quite as before."""
    forward, right = float(rng.uniform(-10, 20)), float(rng.uniform(-10, 10))
    out = []
    for _ in range(10):
        out.append(Segment(float(rng.uniform(15, 50)), "off", forward, right, 1.0))
        forward, right = forward + float(rng.normal(0, 1.5)), right + float(rng.normal(0, 1.5))
        out.append(Segment(1.6, "jolt", forward, right, 0.8))
    return out


def bag(rng: np.random.Generator) -> list[Segment]:
    """Carried about nearly all the time."""
    forward, right = float(rng.choice([-1, 1]) * rng.uniform(60, 170)), float(rng.uniform(-50, 50))
    return [
        Segment(140, "carry", forward, right, 1.0),
        Segment(20, "off", forward, right, 0.5),
        Segment(170, "carry", forward, right, 0.5),
    ]


@pytest.mark.parametrize("place", [desk, chair, bag])
@pytest.mark.parametrize("seed", range(100, 104))
def test_a_removal_is_found_from_its_beginning_and_nothing_else_is(place: object, seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert callable(place)
    away = [Segment(7, "handle", 30.0, 10.0, 2.0), *place(rng), Segment(7, "handle", 10.0, 0.0, 2.0)]
    segments = [*morning(rng), *away, *morning(rng)]
    script = Script(segments, Body(breath_deg=0.2), seed)
    off_at = sum(s.seconds for s in morning(rng))
    back_at = off_at + sum(s.seconds for s in away)
    off = wear(script).codes == code.NOT_WORN
    assert off[int(off_at) + 20 : int(back_at) - 8].mean() > 0.95
    assert not off[: int(off_at)].any()
    assert not off[int(back_at) + 5 :].any()


def test_an_upright_bag_is_told_by_its_cooling_alone() -> None:
    away = [Segment(7, "handle", 10.0, 0.0, 2.0), Segment(480, "carry", 8.0, 2.0, 1.0)]
    script = Script([Segment(300, "sit", 2.0), *away], seed=1)
    assert (wear(script).codes == code.NOT_WORN)[330:780].mean() > 0.6
    assert not (wear(script, trailers=False).codes == code.NOT_WORN).any()


def test_a_walk_into_the_cold_is_worn() -> None:
    script = Script([Segment(120, "sit", 2.0), Segment(900, "walk", 6.0)], seed=2)
    samples, trailers = stream(script)
    cold = [replace(t, celsius=33 - min(max(int(t.t_ms / 1000) - 120, 0) // 40, 12)) for t in trailers]
    core = Core(Thresholds(), script.calibration())
    told = core.push(samples, cold)
    assert not (told.judgements.columns[0] == code.NOT_WORN).any()


@pytest.mark.parametrize("hz", [0.13, 0.2, 0.3])
def test_an_hour_of_shallow_breath_is_worn(hz: float) -> None:
    script = Script([Segment(3600, "rest", 4.0)], replace(SHALLOW, breath_hz=hz), seed=3)
    assert not (wear(script).codes == code.NOT_WORN).any()


def test_the_faintest_breath_is_worn_as_long_as_the_clip_is_warm() -> None:
    script = Script([Segment(1500, "rest", 4.0)], replace(SHALLOW, breath_deg=0.055), seed=4)
    assert not (wear(script).codes == code.NOT_WORN).any()
    assert (wear(script, trailers=False).codes == code.NOT_WORN).mean() > 0.8


def test_a_knock_is_written_back_and_so_are_minutes_long_past() -> None:
    segments = [Segment(125, "sit", 2.0), Segment(5, "handle", 10.0), Segment(200, "off", 12.0, 0.0, 1.0)]
    segments += [Segment(2, "jolt", 15.0, 0.0, 0.5), Segment(300, "off", 15.0, 0.0, 0.5)]
    told = wear(Script(segments, seed=5))
    assert (told.codes[145:630] == code.NOT_WORN).all()
    live = told.output.judgements.columns
    assert (live[0][(live[2] > 332_000) & (live[2] < 336_000)] != code.NOT_WORN).any()  # at the knock nobody knows

    away = [Segment(7, "handle", 20.0, 0.0, 2.0), Segment(420, "carry", -70.0, 20.0, 1.0)]
    carried = wear(Script([Segment(125, "sit", 2.0), *away], seed=6), trailers=False)
    again = [epoch.start_ms // 60_000 for epoch in carried.output.epochs if epoch.rev > 1]
    assert again[:3] == [2, 3, 4]
    assert (carried.codes[150:540] == code.NOT_WORN).all()


def test_a_slouch_told_of_a_clip_that_was_off_is_taken_back() -> None:
    away = [Segment(7, "handle", 20.0, 0.0, 2.0), Segment(60, "carry", -70.0, 20.0, 1.0)]
    away += [Segment(8, "off", 20.0, 0.0, 0.5), Segment(60, "carry", -70.0, 20.0, 1.0), Segment(160, "carry", -60.0)]
    segments = [Segment(50, "sit", 2.0), Segment(20, "sit", 18.0), Segment(30, "sit", 2.0), *away]
    told = wear(Script(segments, Body(fidgets_per_hour=0), seed=7), trailers=False).output.episodes
    assert [(episode.rev, episode.start_ms // 10_000) for episode in told] == [(1, 5), (1, 16), (2, 16)]
    again = told[-1]
    assert again.end_ms == again.start_ms
    assert again.end_reason == protocol.records.END_NOT_WORN
