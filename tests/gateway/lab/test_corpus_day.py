"""The corpus' days: repeatable, smooth, in proportion, and honest about the clip's seat."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gateway.core.orientation import inclination, sky_in_sensor
from gateway.lab.activities import ACTIVITIES
from gateway.lab.corpus.day import Day, Diary
from gateway.lab.corpus.facts import AT_REST, Facts
from gateway.lab.corpus.people import chip, wearer
from gateway.lab.corpus.workday import workday
from gateway.lab.script import Segment

SEEDS = (100, 102, 105)


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return [workday(seed) for seed in SEEDS]


def test_a_seed_gives_its_day_again_and_another_seed_another() -> None:
    one, again, other = workday(100, 1.0), workday(100, 1.0), workday(101, 1.0)
    assert one == replace_script(again, one)
    assert one.script.to_json() == again.script.to_json()
    assert one.script.to_json() != other.script.to_json()
    assert one.chip != other.chip
    assert one.script.body != other.script.body


def replace_script(day: Day, other: Day) -> Day:
    """Scripts compare by identity; everything else by value."""
    return Day(day.seed, other.script, day.chip, day.procedures, day.slips, day.motor, day.gaps)


def test_a_day_is_as_busy_as_an_office_chair_is(days: list[Day]) -> None:
    """Means of published counts: 36 shifts and 52 fidgets an hour; the least that is asked of slouches."""
    seated = shifts = fidgets = 0.0
    for day in days:
        segments = day.script.segments
        seated += sum(s.seconds for s in segments if s.activity in AT_REST) / 3600
        pairs = itertools.pairwise(segments)
        kept = [(a, b) for a, b in pairs if a.activity in AT_REST and b.activity in AT_REST]
        shifts += sum((a.sagittal, a.lateral) != (b.sagittal, b.lateral) for a, b in kept)
        fidgets += len(day.script.fidgets_s)
        long = Facts(day, 10, 5).slouches(13, 70)
        assert 5 <= len(long) <= 90
        assert any(not slouch.sudden for slouch in long)
    assert 28 < shifts / seated < 46
    assert 25 < fidgets / seated < 60


def test_a_day_has_something_of_everything(days: list[Day]) -> None:
    done = {segment.activity for day in days for segment in day.script.segments}
    assert done >= set(ACTIVITIES) - {"adjust", "carry", "lie"}
    assert {slip.kind for day in days for slip in day.slips} >= {"silent", "put on again"}
    for day in days:
        assert 7.9 < day.duration_s / 3600 < 9
        assert len(Facts(day, 10, 5).removals) >= 2
        assert len(day.motor) > 5
        assert len(day.gaps) > 5
        up = day.script.calibration().up
        assert 5 < np.degrees(np.arccos(up[0])) < 55
    depths = [s.median_deg for day in days for s in Facts(day, 10, 5).slouches(7, 70)]
    assert min(depths) < 9
    assert max(depths) > 28


@pytest.mark.parametrize("seed", [100, 105])
def test_no_segment_begins_with_a_jolt(seed: int) -> None:
    """Within a millisecond the force changes by less than a bump in a step; a leap in place would be many g."""
    script = workday(seed).script
    starts = script.starts_s[1:]
    t = (starts[:, None] + np.arange(-0.003, 0.004, 0.001)).ravel()
    acc, _, _ = script.sample(t)
    steps = np.abs(np.diff(np.linalg.norm(acc, axis=1).reshape(len(starts), -1), axis=1)).max(axis=1)
    held = np.array([ACTIVITIES[s.activity].hand > 0 for s in script.segments])
    assert steps[~(held[1:] | held[:-1])].max() < 0.06
    assert steps.max() < 0.5


def test_calibrations_are_taken_while_the_link_holds_and_undo_the_slip_before(days: list[Day]) -> None:
    for day in days:
        for procedure in day.procedures:
            begin, end = procedure.hold[0], procedure.bow[1]
            assert not any(b < end and e > begin for b, e in day.gaps)
            still, _, _ = day.script.posture(np.arange(*procedure.hold, 0.1))
            assert np.abs(still).max() < 0.01
        for slip in day.slips:
            assert slip.at_s < slip.seated_s < slip.until_s <= day.duration_s
            assert slip.until_s == day.duration_s or slip.until_s in [p.bow[1] for p in day.procedures]


def test_a_slip_is_as_large_as_it_says() -> None:
    diary = Diary()
    diary.add(Segment(20.0, "stand"))
    diary.calibrate()
    begin = diary.at_s
    diary.slip("handled", 4.0, 12.0, 0.0, 1.0, begin + 5.0)
    assert diary.slipped
    diary.add(Segment(60.0, "rest"))
    diary.calibrate()
    assert not diary.slipped
    rng = np.random.default_rng(3)
    day = diary.day(3, wearer(rng).body, chip(rng))
    (slip,) = day.slips
    assert (slip.at_s, slip.seated_s, slip.until_s) == (begin + 5, begin + 6, day.procedures[1].bow[1])
    t = np.array([begin + 40.0])
    sky = sky_in_sensor(day.script.orientation(t))
    sagittal, lateral, _ = inclination(sky, day.script.calibration())
    true = day.script.angles(t)
    assert sagittal - true[0] == pytest.approx(4.0, abs=0.2)
    assert lateral - true[1] == pytest.approx(12.0, abs=0.2)
    asked = Facts(day, 10, 5).asked
    assert not asked[round((begin + 7) * 20)]
    assert asked[-1]


def test_facts_know_slouches_by_the_plans_own_rule() -> None:
    diary = Diary()
    diary.add(Segment(20.0, "stand"))
    diary.calibrate()
    at = diary.at_s
    diary.add(
        Segment(30.0, "sit", 2.0),
        Segment(90.0, "sit", 16.0, 0.0, 1.0),  # sudden
        Segment(30.0, "sit", 6.0),  # not sat up yet
        Segment(90.0, "type", 15.0),  # the same slouch by the rule
        Segment(20.0, "sit", 0.0),
        Segment(300.0, "sit", 17.0, 2.0, 170.0),  # gradual
        Segment(10.0, "walk", 6.0),
        Segment(90.0, "sit", 18.0),  # at once after walking
        Segment(90.0, "sit", 18.0, 16.0),  # leaning over
        Segment(20.0, "sit", 0.0),
    )
    rng = np.random.default_rng(5)
    facts = Facts(diary.day(5, wearer(rng).body, chip(rng)), 10, 5)
    first, second, third, fourth = facts.slouches(13, 70)
    assert first.onset_s == pytest.approx(at + 30.5, abs=0.3)
    assert (first.sudden, first.after_moving) == (True, False)
    assert first.reached_s > first.onset_s
    assert second.onset_s == first.onset_s
    assert second.reached_s == pytest.approx(at + 150.8, abs=0.5)
    assert not third.sudden
    assert third.reached_s - third.onset_s > 10
    assert fourth.after_moving
    assert fourth.onset_s == pytest.approx(at + 570.3, abs=0.4)
    assert fourth.end_s < at + 661
    times, _ = facts.shifts
    np.testing.assert_allclose(times, at + np.array([31.2, 121.2, 151.2, 241.2, 661.2, 751.2]), atol=0.3)
