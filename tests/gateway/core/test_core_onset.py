"""When something began, found late and told alike by judgement, episode and epoch; and what never is a slouch."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import ceil
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.clip import protocol
from firmware.clip.reminder import Policy
from gateway.core import Core, Output, Samples, Thresholds
from gateway.lab.reminding import Reminding
from gateway.lab.script import Body, Script, Segment

code = protocol.category
records = protocol.records

STREAM_HZ: Final = 26
WALK_MG: Final = 160


def _told(core: Core, samples: Samples, to_s: float) -> Output:
    out, rest = core.push(samples), core.flush((int(to_s) // 60 + 1) * 60_000)
    out.epochs += rest.epochs
    out.episodes += rest.episodes
    return out


def _play(script: Script) -> Output:
    duration_s = float(script.duration_s or 0)
    samples = script.samples(np.arange(0, duration_s, 1 / STREAM_HZ))
    return _told(Core(Thresholds(), script.calibration()), samples, duration_s)


def _since(out: Output) -> list[float]:
    """When each slouch of the judgements began, in seconds."""
    category, since = out.judgements.columns[:2]
    return sorted(set((since[category == code.SLOUCHED] / 1000).tolist()))


@pytest.mark.parametrize("after_s", [0.0, 0.6, 1.3, 2.1])
@pytest.mark.parametrize("bent", [4.0, 26.0])
@pytest.mark.parametrize("ends_s", [50.0, 58.4, 58.9, 59.3])
def test_a_slouch_after_walking_begins_when_it_began(poses: Any, ends_s: float, bent: float, after_s: float) -> None:
    at = ends_s + after_s
    samples = poses.join(
        poses.of(0.0, 20),
        poses.of(bent, ends_s - 20, start_s=20, shake_mg=WALK_MG),
        *([poses.of(0.0, after_s, start_s=ends_s)] if after_s else []),
        poses.of(20.0, 30, start_s=at),
        poses.of(0.0, 30, start_s=at + 30),
    )
    out = _told(Core(Thresholds(), poses.calibration), samples, at + 60)
    (episode,) = out.episodes
    assert _since(out)[-1] == episode.start_ms / 1000
    assert abs(episode.start_ms / 1000 - at) <= 0.75
    codes = poses.codes(out)
    begun = ceil(episode.start_ms / 1000)
    assert {codes[s] for s in range(begun, begun + 29)} == {code.SLOUCHED}
    assert {codes[s] for s in range(21, int(ends_s))} == {code.MOVING}


def test_a_minute_told_before_it_was_known_is_told_again(poses: Any) -> None:
    samples = poses.join(poses.of(4.0, 58.4, shake_mg=WALK_MG), poses.of(20.0, 62, start_s=58.4))
    out = Core(Thresholds(), poses.calibration).push(samples)
    first, again = out.epochs[:2]
    assert (first.start_ms, first.rev, again.start_ms, again.rev) == (0, 1, 0, 2)
    assert first.codes[59] == code.MOVING
    assert again.codes[59] == code.SLOUCHED
    assert again.codes[:58] == first.codes[:58]


def test_walking_begins_when_it_began(poses: Any) -> None:
    samples = poses.join(poses.of(20.0, 40), poses.of(20.0, 30, start_s=40, shake_mg=WALK_MG))
    out = _told(Core(Thresholds(), poses.calibration), samples, 70)
    (episode,) = out.episodes
    assert episode.end_reason == records.END_MOVED
    assert episode.end_ms == pytest.approx(40_000, abs=500)
    moving = next(j for j in out.judgements if j.category == code.MOVING)
    assert moving.since_ms == episode.end_ms


@pytest.mark.parametrize("deepest", [55, 70, 85])
@pytest.mark.parametrize("seconds", [3.0, 4.5, 7.0])
def test_a_slouch_after_a_lift_begins_when_the_trunk_has_come_up(seconds: float, deepest: float) -> None:
    slouch = Segment(30, "sit", 20.0)
    script = Script([Segment(40, "sit"), Segment(seconds, "lift", dip_deg=deepest), slouch, Segment(20, "sit")])
    out = _play(script)
    (episode,) = out.episodes
    up = 40 + seconds
    assert up - 0.6 <= episode.start_ms / 1000 <= up + 1.5
    assert _since(out)[-1] == episode.start_ms / 1000
    codes = [c for epoch in out.epochs for c in epoch.codes]
    assert code.SLOUCHED not in codes[: int(up)]


SIT = Segment(25, "sit", 0.0)


@pytest.mark.parametrize(
    ("name", "segment", "told"),
    [
        ("walk", Segment(60, "walk", 3.0), code.MOVING),
        ("walk bent forward", Segment(60, "walk", 22.0), code.MOVING),
        ("slow stairs up", Segment(40, "stairs_up", 26.0), code.MOVING),
        ("stairs down", Segment(40, "stairs_down", 8.0), code.MOVING),
        ("lift", Segment(4.5, "lift", 0.0, dip_deg=72.0, change_s=0.5), code.MOVING),
        ("lift, deep and slow", Segment(9.0, "lift", 0.0, dip_deg=85.0, change_s=0.5), code.MOVING),
        ("lift, shallow", Segment(5.0, "lift", 0.0, dip_deg=40.0, change_s=0.5), code.MOVING),
        ("stand up", Segment(2.2, "rise", 0.0, dip_deg=32.0, change_s=0.5), code.MOVING),
        ("reach overhead", Segment(5.0, "reach", 0.0, dip_deg=-30.0, change_s=0.5), code.LEANING_BACK),
        ("lie", Segment(60, "lie", -82.0, change_s=3.0), code.LYING),
        ("lie on a side", Segment(60, "lie", 0.0, 72.0, change_s=3.0), code.LYING),
    ],
)
@pytest.mark.parametrize("pace", [0.9, 1.0])
def test_what_never_is_a_slouch(poses: Any, name: str, segment: Segment, told: int, pace: float) -> None:
    del name
    script = Script([SIT, segment, SIT, segment, SIT], Body(pace=pace), seed=100)
    out = _play(script)
    codes = Counter(poses.codes(out).values())
    assert out.episodes == []
    assert codes[code.SLOUCHED] == 0
    assert codes[told] >= 1.6 * segment.seconds - 4


def test_a_knock_ends_no_slouch(poses: Any) -> None:
    samples = poses.of(20.0, 100)
    knocks = np.isin((samples.t_ms / 1000).astype(int), [30, 31, 50, 52]) & (np.arange(len(samples.t_ms)) % 26 < 2)
    samples = Samples(samples.t_ms, samples.quaternion, samples.acc_mg + knocks * 900, samples.held)
    out = Core(Thresholds(), poses.calibration).push(samples)
    assert {j.category for j in out.judgements} == {code.SLOUCHED}


def test_a_fidget_at_nearly_the_angle_is_no_slouch(poses: Any) -> None:
    fidget = lambda t: 8.2 + 3 * np.sin(np.pi * np.clip((t - 30) / 2, 0, 1)) ** 2  # noqa: E731
    out = _told(Core(Thresholds(), poses.calibration), poses.of(fidget, 90), 90)
    assert out.episodes == []
    assert _since(out)
    assert out.judgements[-1].category == code.UPRIGHT
    assert code.SLOUCHED not in poses.codes(out).values()


def test_reaching_further_from_a_slouch_and_sinking_slowly_are_no_bends(poses: Any) -> None:
    reach = lambda t: 30 + 17 * np.sin(np.pi * np.clip((t - 40) / 2, 0, 1)) ** 2 - 30 * (t < 10)  # noqa: E731
    sink = lambda t: np.clip(0.8 * (t - 10), 0, 52)  # noqa: E731
    for angle in (reach, sink):
        out = Core(Thresholds(), poses.calibration).push(poses.of(angle, 100))
        assert {j.category for j in out.judgements} == {code.UPRIGHT, code.SLOUCHED}
        assert len(_since(out)) == 1


def test_who_stays_bent_down_lies_or_slouches_from_the_beginning(poses: Any) -> None:
    for deep, told in ((75, code.LYING), (50, code.SLOUCHED)):
        angle = lambda t, deep=deep: deep * np.clip((t - 20) / 1.5, 0, 1)  # noqa: E731
        out = _told(Core(Thresholds(), poses.calibration), poses.of(angle, 60), 60)
        first = next(j for j in out.judgements if j.category == told and j.judged_to_ms > 25_000)
        assert first.judged_to_ms == pytest.approx(31_200, abs=500)
        assert first.since_ms == pytest.approx(21_200, abs=500)
        assert set(list(poses.codes(out).values())[22:60]) == {told}


Stretch = tuple[float, float, float, float]
stretches = st.lists(
    st.tuples(
        st.sampled_from([-25.0, 0.0, 3.0, 7.0, 9.5, 11.0, 14.0, 20.0, 30.0, 50.0, 75.0]),
        st.sampled_from([0.0, 0.0, 0.0, 20.0]),
        st.sampled_from([0.0, 0.0, 0.0, 60.0, 130.0, 250.0]),
        st.floats(0.3, 16),
    ),
    min_size=2,
    max_size=14,
)


@settings(max_examples=60)
@given(parts=stretches)
def test_judgement_episode_epoch_and_policy_agree(poses: Any, parts: list[Stretch]) -> None:
    samples, at = [poses.of(0.0, 5)], 5.0
    for sagittal, lateral, shake, seconds in parts:
        samples.append(poses.of(sagittal, seconds, start_s=at, lateral=lateral, shake_mg=shake))
        at += seconds
    samples.append(poses.of(0.0, 20, start_s=at))
    out = _told(Core(Thresholds(), poses.calibration), poses.join(*samples), at + 20)
    columns = out.judgements.columns
    category, since, judged_to = columns[:3]
    assert (np.diff(since) >= 0).all()
    assert (since <= judged_to).all()
    slouches = {(e.start_ms, e.end_ms) for e in out.episodes}
    begun = set(since[category == code.SLOUCHED].tolist())
    assert {start for start, _ in slouches} <= begun
    codes = poses.codes(out)
    for second, told in codes.items():
        middle = second * 1000 + 500
        inside = any(start + 500 < middle < end - 500 for start, end in slouches)
        near = any(start - 500 <= middle <= end + 500 for start, end in slouches)
        assert told == code.SLOUCHED or not inside
        assert near or told != code.SLOUCHED or second >= at + 19
    plan = protocol.plan.Plan()
    plan.dwell_s, plan.repeat_s, plan.cap_per_hour, plan.back_off = 3, 5, 30, 0
    given_at = [t for t in Reminding(Policy(plan)).run(out.judgements) if t.reason == records.GIVEN]
    for told in given_at:
        assert told.since_ms in begun
        assert told.start_ms - told.since_ms >= 3000
    reminded = sorted({t.start_ms for t in given_at})
    recovered = judged_to[~np.isin(category, (code.SLOUCHED, code.LOST))]
    for one, other in pairwise(reminded):
        assert other - one >= 5000 or ((recovered > one) & (recovered <= other)).any()
