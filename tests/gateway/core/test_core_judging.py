"""What the core says of plain stretches of posture."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firmware.clip import protocol
from gateway.core import Calibration, Core, Thresholds

code = protocol.category
records = protocol.records


def _told(core: Core, samples: Any, to_s: int) -> tuple[list[Any], list[Any], list[Any]]:
    first, rest = core.push(samples), core.flush(to_s * 1000)
    return (
        first.epochs + rest.epochs,
        first.episodes + rest.episodes,
        [*first.judgements, *rest.judgements],
    )


def test_a_slouch_is_an_episode_with_its_edges_peak_and_mean(poses: Any) -> None:
    core = Core(Thresholds(plan_version=7), poses.calibration)
    _, (episode,), _ = _told(core, poses.sequence((1, 30), (18, 40), (3, 50)), 120)
    assert episode.start_ms == pytest.approx(30_000, abs=250)
    assert episode.end_ms == pytest.approx(70_000, abs=250)
    assert episode.end_reason == records.END_RECOVERED
    assert (episode.plan_version, episode.calibration_version, episode.rev) == (7, 3, 1)
    assert episode.mean_deg == pytest.approx(18, abs=0.3)
    assert episode.peak_deg == pytest.approx(18.2, abs=0.3)


def test_between_recovery_and_angle_a_slouch_goes_on_and_none_begins(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    _, episodes, _ = _told(core, poses.sequence((8, 30), (15, 10), (8, 30), (2, 10), (8, 40)), 180)
    assert [(round(e.start_ms, -3), round(e.end_ms, -3)) for e in episodes] == [(30_000, 70_000)]


def test_a_short_dip_below_recovery_does_not_end_a_slouch(poses: Any) -> None:
    core = Core(Thresholds(recovery_s=0.8), poses.calibration)
    _, episodes, _ = _told(core, poses.sequence((0, 20), (15, 10), (0, 0.5), (15, 10), (0, 2), (15, 10), (0, 30)), 120)
    assert [round((e.end_ms - e.start_ms) / 1000) for e in episodes] == [20, 10]


def test_a_slouch_shorter_than_the_floor_is_no_episode(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    _, episodes, judgements = _told(core, poses.sequence((0, 20), (20, 2), (0, 30)), 60)
    assert episodes == []
    assert any(j.category == code.SLOUCHED for j in judgements)


def test_a_gradual_slouch_begins_where_the_angle_is_crossed(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    samples = poses.of(lambda t: np.clip(t - 20, 0, 15), 60, breath_deg=0.0)
    _, _, judgements = _told(core, samples, 60)
    assert next(j.since_ms for j in judgements if j.category == code.SLOUCHED) == pytest.approx(30_000, abs=30)


@pytest.mark.parametrize("change_ms", range(40_000, 40_260, 37))
@pytest.mark.parametrize(("before", "after"), [(0, 20), (20, 0), (0, 11)])
def test_a_change_is_judged_within_half_a_second(poses: Any, change_ms: int, before: int, after: int) -> None:
    core = Core(Thresholds(recovery_s=0.2), poses.calibration)
    samples = poses.of(lambda t: np.where(t * 1000 < change_ms, before, after), 60)
    told = core.push(samples).judgements
    wanted = code.SLOUCHED if after else code.UPRIGHT
    first = next(j for j in told if j.judged_to_ms > change_ms and j.category == wanted)
    assert first.judged_to_ms - change_ms <= 500
    assert abs(first.since_ms - change_ms) <= 250


@pytest.mark.parametrize(
    ("sagittal", "lateral", "expected"),
    [
        (0, 0, code.UPRIGHT),
        (9, 0, code.UPRIGHT),
        (12, 0, code.SLOUCHED),
        (-20, 0, code.LEANING_BACK),
        (0, -20, code.LEANING_LEFT),
        (0, 20, code.LEANING_RIGHT),
        (25, 20, code.LEANING_RIGHT),
        (-30, 20, code.LEANING_BACK),
        (-20, 30, code.LEANING_RIGHT),
        (-85, 0, code.LYING),
        (85, 0, code.LYING),
        (0, 80, code.LYING),
    ],
)
def test_category_of_a_posture(poses: Any, sagittal: float, lateral: float, expected: int) -> None:
    core = Core(Thresholds(), poses.calibration)
    epochs, _, _ = _told(core, poses.of(sagittal, 60, lateral=lateral), 60)
    # A deep bend counts as movement for ten seconds before it is lying.
    assert Counter(epochs[0].codes)[expected] >= 50


def test_walking_bent_forward_is_moving_and_ends_a_slouch(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    samples = poses.join(poses.of(20, 30), poses.of(26, 60, start_s=30, shake_mg=160), poses.of(0, 30, start_s=90))
    epochs, (episode,), _ = _told(core, samples, 120)
    codes = b"".join(e.codes for e in epochs)
    assert episode.end_reason == records.END_MOVED
    assert episode.end_ms == pytest.approx(30_000, abs=1500)
    assert set(codes[32:90]) == {code.MOVING}
    assert code.SLOUCHED not in codes[91:119]


def test_lifting_from_the_floor_is_movement_not_slouch(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    lift = poses.of(lambda t: 75 * np.sin(np.pi * np.clip(t / 4, 0, 1)) ** 2, 4, start_s=30)
    _, episodes, judgements = _told(core, poses.join(poses.of(0, 30), lift, poses.of(0, 26, start_s=34)), 60)
    assert episodes == []
    assert code.LYING not in [j.category for j in judgements]


def test_without_calibration_there_are_no_angles(poses: Any) -> None:
    core = Core(Thresholds(), None)
    epochs, episodes, judgements = _told(core, poses.of(30, 60), 60)
    assert episodes == []
    assert set(epochs[0].codes) == {code.UNCALIBRATED}
    assert set(epochs[0].sagittal) == {None}
    assert epochs[0].calibration_version == 0
    assert judgements[-1].sagittal_deg is None


def test_held_samples_keep_the_category_and_are_left_out_of_angles(poses: Any) -> None:
    samples = poses.sequence((0, 20), (20, 20), (45, 2), (20, 78))
    samples = poses.hold(samples, 39.99, 42.01)
    epochs, (episode,), _ = _told(Core(Thresholds(), poses.calibration), samples, 121)
    assert episode.end_reason == records.END_LOST
    assert episode.peak_deg < 21
    assert epochs[0].high == 20
    assert set(epochs[0].codes[21:60]) == {code.SLOUCHED}


def test_less_than_half_a_second_is_lost_and_half_a_second_is_not(poses: Any) -> None:
    samples = poses.of(0, 59.99)
    t = samples.t_ms % 60_000
    keep = ~((t >= 10_000) & (t < 10_520)) & ~((t >= 20_000) & (t < 20_490))
    kept = type(samples)(samples.t_ms[keep], samples.quaternion[keep], samples.acc_mg[keep], samples.held[keep])
    epochs, _, _ = _told(Core(Thresholds(), poses.calibration), kept, 60)
    assert [k for k, c in enumerate(epochs[0].codes) if c == code.LOST] == [10]


def test_a_lost_link_ends_a_slouch_where_the_lost_second_began(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    first = core.push(poses.of(20, 40.3))
    told = core.flush(43_000)
    later = core.push(poses.of(20, 20, start_s=50))
    assert first.episodes == []
    assert [(e.end_ms, e.end_reason) for e in told.episodes] == [(40_000, records.END_LOST)]
    assert told.judgements[-1].category == code.LOST
    assert told.judgements[-1].since_ms == 40_000
    codes = later.epochs[0].codes
    assert [k for k, c in enumerate(codes) if c == code.LOST] == list(range(40, 50))
    assert later.judgements[-1].category == code.SLOUCHED
    assert later.judgements[-1].since_ms == 50_000


def test_the_minute_before_the_first_sample_is_lost_and_hours_without_samples_are_not_told(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    first = core.push(poses.of(0, 30, start_s=7200 + 45))
    second = core.push(poses.of(0, 30, start_s=50_000.5))
    epochs = first.epochs + second.epochs + core.flush(50_040_000).epochs
    assert [e.start_ms // 60_000 for e in epochs] == [120, 121, 833]
    assert epochs[0].codes == bytes([code.LOST] * 45 + [code.UPRIGHT] * 15)
    assert len(second.judgements) < 1000


def test_paused_is_not_measured(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    core.push(poses.of(20, 30.5))
    core.set_paused(True)
    told = core.push(poses.of(20, 30, start_s=30.5))
    core.set_paused(False)
    later = core.push(poses.of(20, 65, start_s=60.5))
    assert [(e.end_ms, e.end_reason) for e in told.episodes] == [(31_000, records.END_PAUSED)]
    assert [e.start_ms for e in later.episodes] == []
    epoch = (told.epochs + later.epochs)[0]
    assert epoch.codes == bytes([code.SLOUCHED] * 31 + [code.PAUSED] * 29)
    assert epoch.sagittal[16:] == (None,) * 14
    assert later.judgements[-1].since_ms == 61_000


def test_changes_take_effect_at_the_next_whole_second(poses: Any) -> None:
    core = Core(Thresholds(plan_version=1), poses.calibration)
    core.push(poses.of(12, 30.5))
    core.set_thresholds(Thresholds(plan_version=2, angle_deg=20, recovery_deg=14))
    told = core.push(poses.of(12, 40, start_s=30.5))
    assert told.epochs[0].plan_version == 2
    assert [(e.start_ms, e.plan_version) for e in told.episodes] == [(0, 1)]
    assert told.episodes[0].end_ms == pytest.approx(31_000, abs=1000)


def test_saying_the_same_again_begins_nothing_anew(poses: Any) -> None:
    said, silent = (Core(Thresholds(), poses.calibration) for _ in range(2))
    for core in (said, silent):
        core.push(poses.of(20.0, 10))
    same = poses.calibration
    said.set_calibration(Calibration(same.version, same.up.copy(), same.forward.copy(), same.procedure))
    said.set_thresholds(Thresholds())
    said.set_paused(False)
    rest = poses.of(20.0, 10, start_s=10)
    assert said.push(rest) == silent.push(rest)
    assert said.judgement.since_ms < 1000


def test_what_is_in_force_already_does_not_break_a_slouch(poses: Any) -> None:
    thresholds = Thresholds(plan_version=1)
    core = Core(thresholds, poses.calibration)
    core.push(poses.of(20, 30.5))
    core.set_calibration(replace(poses.calibration, up=poses.calibration.up.copy()))
    core.set_thresholds(replace(thresholds))
    told = core.push(poses.of(20, 30, start_s=30.5))
    core.set_calibration(replace(poses.calibration, version=4))
    later = core.push(poses.of(20, 30, start_s=60.5))
    assert told.judgements[-1].since_ms == 0
    assert [(e.start_ms, e.end_ms, e.calibration_version) for e in later.episodes] == [(0, 61_000, 3)]
    assert later.judgements[-1].since_ms == 61_000


def test_shifts_are_changes_that_last(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    samples = poses.sequence((0, 60), (8, 2), (0, 58), (8, 30), (8, 30), (-2, 60))
    epochs, _, _ = _told(core, samples, 240)
    assert [e.shifts for e in epochs] == [0, 0, 1, 1]


def test_temperature_is_the_minute_s_last(poses: Any) -> None:
    from gateway.core import Trailer

    core = Core(Thresholds(), poses.calibration)
    trailers = [Trailer(t * 1000.0, 0, 0, 0, 20 + t // 30) for t in range(0, 130, 10)]
    told = core.push(poses.of(0, 130), trailers)
    assert [e.celsius for e in told.epochs] == [21, 23]


def test_two_second_means_agree_with_the_samples(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    samples = poses.of(lambda t: 12 * np.sin(t / 5) + 4, 600)
    means = np.array([v for e in core.push(samples).epochs for v in e.sagittal])
    truth = 12 * np.sin(samples.t_ms / 5000) + 4
    for q in (10, 50, 90):
        assert np.percentile(means, q) == pytest.approx(np.percentile(truth, q), abs=1)
