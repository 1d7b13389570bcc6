"""A clip that was moved, one that slid, and all that only looks like it. Everything here is simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmware.clip import protocol
from gateway.core import Core, FindingOut, Thresholds
from gateway.core.types import SLIP_SUSPECTED, SLIPPED
from gateway.lab.corpus.day import turned
from gateway.lab.script import Body, Script, Segment, Slip
from tests.gateway.core.simulated import Told, stream, wear

code = protocol.category
BODY = Body(breath_deg=0.25, wander_deg=0.3)


def sitting(rng: np.random.Generator, minutes: float) -> list[Segment]:
    """A minute a posture."""
    return [
        Segment(60, str(rng.choice(["type", "sit"])), float(rng.uniform(-3, 15)), float(rng.normal(0, 2.5)))
        for _ in range(round(minutes))
    ]


def length(segments: list[Segment]) -> float:
    return sum(segment.seconds for segment in segments)


def slips(told: Told, kind: str = SLIPPED) -> list[FindingOut]:
    return [finding for finding in told.output.findings if finding.kind == kind]


@pytest.mark.parametrize(("right", "seed"), [(11.0, 100), (-11.0, 101), (16.0, 102), (-20.0, 103)])
def test_a_clip_that_a_hand_moved_is_found_within_two_minutes_and_judged_no_more(right: float, seed: int) -> None:
    before = sitting(np.random.default_rng(seed), 12)
    at = length(before) + 1.0
    segments = [*before, Segment(4, "adjust", 1.0, 0.0, 1.0), *sitting(np.random.default_rng(seed + 50), 6)]
    told = wear(Script(segments, BODY, seed, [Slip(at, turned(4.0, right, 0.0), 1.5)]))
    (finding,) = told.output.findings
    assert finding.kind == SLIPPED
    assert 0 < finding.at_ms / 1000 - at <= 120
    assert finding.since_ms / 1000 == pytest.approx(at, abs=15)
    assert finding.size_deg == pytest.approx(abs(right), abs=4)
    assert finding.calibration_version == 1
    assert set(told.codes[: finding.at_ms // 1000 - 1].tolist()) & {code.UPRIGHT, code.SLOUCHED}
    assert set(told.codes[finding.at_ms // 1000 + 1 :].tolist()) == {code.UNCALIBRATED}
    assert told.core.slipped
    assert told.core.judgement.sagittal_deg is None


def test_a_new_calibration_ends_it_and_the_old_one_does_not() -> None:
    before = sitting(np.random.default_rng(1), 6)
    after = [Segment(4, "adjust", 1.0, 0.0, 1.0), Segment(300, "sit", 0.0)]
    script = Script([*before, *after], BODY, 1, [Slip(length(before) + 1, turned(0.0, 14.0, 0.0), 1.5)])
    told = wear(script)
    assert told.core.slipped
    more = Script([Segment(130, "sit", 0.0)], replace(BODY, mounting=turned(0.0, 14.0, 0.0)), 2)
    samples, _ = stream(more)
    # Of the next minutes: first under what was said again, then under a calibration of how it sits now.
    start_ms = told.core.position_ms
    later = replace(samples, t_ms=samples.t_ms + start_ms)
    told.core.set_calibration(script.calibration())
    cut = len(later.t_ms) // 2
    first = told.core.push(type(later)(*(getattr(later, f)[:cut] for f in ("t_ms", "quaternion", "acc_mg", "held"))))
    assert set(first.judgements.columns[0][4:].tolist()) == {code.UNCALIBRATED}
    told.core.set_calibration(more.calibration(2))
    assert told.core.slipped
    second = told.core.push(type(later)(*(getattr(later, f)[cut:] for f in ("t_ms", "quaternion", "acc_mg", "held"))))
    assert second.judgements.columns[0][-1] == code.UPRIGHT
    assert not told.core.slipped
    assert first.findings == second.findings == []


def away(seconds: float = 360.0) -> list[Segment]:
    """Taken off, laid down, put on again, and a moment on one's feet."""
    return [
        Segment(7, "handle", 30.0, 10.0, 2.0),
        Segment(seconds, "off", 70.0, -15.0, 0.5),
        Segment(7, "handle", 10.0, 0.0, 2.0),
        Segment(25, "stand", 0.0, 0.0, 2.0),
    ]


@pytest.mark.parametrize("turn", [(2.0, 3.0), (-3.0, -3.0), (0.0, 0.0)])
def test_put_on_again_at_nearly_the_same_place_the_calibration_holds(turn: tuple[float, float]) -> None:
    before = sitting(np.random.default_rng(3), 6)
    at = length(before) + 60
    after = [Segment(1900, "sit", 22.0, 1.0, 2.0), Segment(240, "sit", 8.0, 18.0)]
    told = wear(Script([*before, *away(), *after], BODY, 3, [Slip(at, turned(*turn, 0.0))]))
    assert told.output.findings == []
    assert code.UNCALIBRATED not in told.codes


@pytest.mark.parametrize("turn", [(0.0, 10.0), (5.0, -14.0), (-30.0, 2.0)])
def test_put_on_again_elsewhere_is_found_within_two_minutes(turn: tuple[float, float]) -> None:
    before = sitting(np.random.default_rng(4), 15)
    at = length(before) + 60
    told = wear(
        Script([*before, *away(), *sitting(np.random.default_rng(5), 4)], BODY, 4, [Slip(at, turned(*turn, 0))])
    )
    (finding,) = told.output.findings
    on_again = length(before) + length(away()) - 25
    assert finding.kind == SLIPPED
    assert finding.at_ms / 1000 - on_again <= 120


@pytest.mark.parametrize(
    "doing",
    [
        [Segment(1900, "sit", 22.0, 1.0, 2.0)],
        [Segment(1900, "rest", 14.0, 0.0, 200.0)],
        [Segment(300, "sit", 8.0, 18.0), Segment(300, "sit", 8.0, -18.0)],
        [Segment(600, "sit", -24.0, 2.0)],
        [Segment(600, "lie", -80.0, 5.0, 3.5)],
        [Segment(3, "lift", 2.0, 0.0, 0.5, dip_deg=85.0), Segment(240, "sit", 6.0, 16.0)],
        [Segment(25, "stairs_up", 26.0, 0.0, 1.5), Segment(200, "stand", 0.0, 9.0)],
    ],
    ids=["slouch", "gradual slouch", "phone", "leaning back", "lying", "leaning after a lift", "after stairs"],
)
def test_what_no_hand_began_is_no_slip(doing: list[Segment]) -> None:
    segments = [*sitting(np.random.default_rng(6), 5), *doing, *sitting(np.random.default_rng(7), 3)]
    assert wear(Script(segments, BODY, 6)).output.findings == []


def test_a_hand_that_moves_nothing_changes_nothing() -> None:
    segments = [
        *sitting(np.random.default_rng(8), 6),
        Segment(4, "adjust", 1.0, 0.0, 1.0),
        Segment(20, "sit", 2.0, 0.0),
    ]
    segments += [Segment(200, "sit", 8.0, 15.0), *sitting(np.random.default_rng(9), 5)]
    assert wear(Script(segments, BODY, 8)).output.findings == []


def test_a_lean_that_was_there_before_the_hand_came_is_none_of_its_doing() -> None:
    segments = [*sitting(np.random.default_rng(10), 6), Segment(90, "sit", 4.0, 12.0)]
    segments += [Segment(4, "adjust", 4.0, 12.0, 1.0), Segment(200, "sit", 4.0, 12.0)]
    assert wear(Script(segments, BODY, 9)).output.findings == []


def bouts(rng: np.random.Generator, count: int, walk_deg: float = 7.0) -> list[Segment]:
    """Walks of 40 s, every other with stairs, each after two minutes at the desk."""
    out = []
    for k in range(count):
        out += sitting(rng, 2)
        out.append(Segment(40, "walk", walk_deg + float(rng.normal(0, 1.2)), 0.0, 1.5))
        if k % 2:
            out.append(Segment(20, "stairs_up", 26.0, 0.0, 1.5))
    return [*out, Segment(60, "sit", 1.0)]


@pytest.mark.parametrize(("forward", "over_s"), [(11.0, 1.0), (-11.0, 30.0), (17.0, 5.0)])
def test_a_clip_that_slid_is_suspected_within_three_bouts_and_reminders_go_on(forward: float, over_s: float) -> None:
    rng = np.random.default_rng(11)
    before, after = bouts(rng, 5), bouts(rng, 6)
    at = length(before)
    told = wear(Script([*before, *after], BODY, 10, [Slip(at + 5, turned(forward, 0.0, 0.0), over_s)]))
    (finding,) = told.output.findings
    assert finding.kind == SLIP_SUSPECTED
    walks = [k for k, segment in enumerate(after) if segment.activity == "walk"]
    third = at + length(after[: walks[2] + 2])
    assert at < finding.at_ms / 1000 <= third + 15
    assert finding.since_ms / 1000 <= at + 15
    assert finding.size_deg == pytest.approx(abs(forward), abs=3)
    assert not told.core.slipped
    assert code.UNCALIBRATED not in told.codes


def test_the_person_s_own_walking_is_never_suspected_and_outlives_a_calibration_and_a_snapshot() -> None:
    rng = np.random.default_rng(12)
    script = Script([*bouts(rng, 10, walk_deg=16.0)], BODY, 11)
    told = wear(script)
    assert told.output.findings == []
    core = Core.restore(told.core.snapshot())
    core.set_calibration(script.calibration(2))
    samples, _ = stream(Script(bouts(rng, 4, walk_deg=5.0), BODY, 12))
    out = core.push(replace(samples, t_ms=samples.t_ms + core.position_ms))
    assert [finding.kind for finding in out.findings] == [SLIP_SUSPECTED]


def test_a_core_that_is_told_of_a_slip_judges_nothing() -> None:
    segments = [Segment(60, "sit", 20.0), Segment(4, "adjust", 1.0), Segment(120, "sit", 20.0, 18.0)]
    script = Script(segments, BODY, 13)
    told = wear(script, Core(Thresholds(), script.calibration(), slipped=True))
    assert set(told.codes.tolist()) == {code.UNCALIBRATED}
    assert told.output.episodes == []
    assert told.output.findings == []
