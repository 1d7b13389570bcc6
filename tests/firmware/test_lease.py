"""Who judges: a dropped lease keeps the running dwell, and a gateway that comes back does not begin it anew."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from firmware.clip.lease import Arbiter
from firmware.clip.reminder import ACTION_REMIND, Policy
from firmware.clip.wire import category, control, plan, records

DWELL_MS = 60_000
TICK_MS = 40


@dataclass
class Detector:
    """The clip's own judgement, as a test sets it."""

    category: int = category.UPRIGHT
    since_ms: int = 0
    sagittal_ddeg: int = 0


class Bench:
    """An arbiter between a policy and a detector, ticked."""

    def __init__(self) -> None:
        self.detector = Detector()
        prescription = plan.Plan()
        prescription.mode, prescription.dwell_s = plan.TRAIN, DWELL_MS // 1000
        self.policy = Policy(prescription)
        self.arbiter = Arbiter(self.policy, self.detector)
        self.now = 0

    def sees(self, code: int, since_ms: int, sagittal_ddeg: int) -> None:
        """The detector judges otherwise."""
        self.detector.category, self.detector.since_ms, self.detector.sagittal_ddeg = code, since_ms, sagittal_ddeg

    def until(self, end_ms: int, *, gateway_since: int | None = None) -> list[int]:
        """Times of reminders up to `end_ms`, with a slouch renewed every 2 s when the gateway says one."""
        reminded = []
        while self.now < end_ms:
            self.now += TICK_MS
            if gateway_since is not None and self.now % 2000 < TICK_MS:
                self.arbiter.lease(self.now, category.SLOUCHED, gateway_since, self.now, 200)
            self.arbiter.step(self.now)
            if self.policy.tick(self.now, -1) == ACTION_REMIND:
                reminded.append(self.now)
        return reminded


@pytest.mark.parametrize("detector_since", [9_500, 10_400])
@pytest.mark.parametrize("away_ms", [TICK_MS, 1000, 5000, 30_000])
def test_a_gateway_that_was_away_does_not_begin_the_dwell_anew(away_ms: int, detector_since: int) -> None:
    bench = Bench()
    bench.until(10_000)
    bench.sees(category.SLOUCHED, detector_since, 200)
    assert bench.until(20_000, gateway_since=10_000) == []
    bench.arbiter.drop()
    assert bench.until(20_000 + away_ms) == []
    assert bench.arbiter.judge == records.JUDGE_CLIP
    back = bench.now + 400
    given = bench.until(100_000, gateway_since=back)
    since = min(10_000, detector_since)
    assert len(given) == 1
    assert 0 <= given[0] - since - DWELL_MS <= TICK_MS


def test_a_recovery_that_the_detector_saw_meanwhile_counts() -> None:
    bench = Bench()
    bench.sees(category.SLOUCHED, 10_000, 200)
    bench.until(20_000, gateway_since=10_000)
    bench.arbiter.drop()
    bench.sees(category.UPRIGHT, 20_500, 0)
    bench.until(23_000)
    bench.sees(category.SLOUCHED, 23_000, 200)
    bench.until(25_000)
    given = bench.until(100_000, gateway_since=25_400)
    assert given == [pytest.approx(23_000 + DWELL_MS, abs=TICK_MS)]


def test_the_gateways_own_word_of_a_recovery_counts() -> None:
    bench = Bench()
    bench.sees(category.SLOUCHED, 10_000, 200)
    bench.until(20_000, gateway_since=10_000)
    given = bench.until(100_000, gateway_since=18_000)
    assert given == [pytest.approx(18_000 + DWELL_MS, abs=TICK_MS)]


def test_a_lease_runs_out_by_itself() -> None:
    bench = Bench()
    bench.until(2_000 + TICK_MS, gateway_since=1_000)
    assert bench.arbiter.judge == records.JUDGE_GATEWAY
    bench.until(bench.now + control.LEASE_VALID_MS)
    assert bench.arbiter.judge == records.JUDGE_CLIP


def test_a_recovery_after_the_last_lease_counts_though_another_slouch_has_begun() -> None:
    """The gateway has fallen silent in the middle of a slouch, and its lease is good for some seconds more."""
    bench = Bench()
    bench.sees(category.SLOUCHED, 10_000, 200)
    bench.until(20_000, gateway_since=10_000)
    bench.sees(category.UPRIGHT, 20_500, 0)
    bench.until(22_000)
    bench.sees(category.SLOUCHED, 22_000, 200)
    given = bench.until(100_000)
    assert given == [pytest.approx(22_000 + DWELL_MS, abs=TICK_MS)]


def test_an_overdue_lease_ends_with_what_the_detector_sees_begin() -> None:
    bench = Bench()
    bench.until(20_000, gateway_since=10_000)
    bench.sees(category.UPRIGHT, 20_500, 0)
    bench.until(22_900)
    assert bench.arbiter.judge == records.JUDGE_GATEWAY
    bench.until(23_100)
    assert bench.arbiter.judge == records.JUDGE_CLIP


def test_an_overdue_lease_that_nothing_contradicts_is_good_for_its_time() -> None:
    bench = Bench()
    bench.sees(category.SLOUCHED, 10_000, 200)
    bench.until(20_000, gateway_since=10_000)
    bench.until(25_900)
    assert bench.arbiter.judge == records.JUDGE_GATEWAY


@pytest.mark.parametrize("ends", [30_000, 65_000, 95_000])
def test_the_end_of_a_slouch_below_the_detectors_own_angle_is_when_it_fell(ends: int) -> None:
    """The detector has called it upright all along: that is not since when the wearer sits upright."""
    bench = Bench()
    bench.sees(category.UPRIGHT, 0, 80)
    bench.until(20_000, gateway_since=10_000)
    bench.arbiter.drop()
    given = bench.until(ends)
    bench.sees(category.UPRIGHT, 0, 20)
    bench.until(100_000)
    answers = []
    while (told := bench.policy.take_record()) is not None:
        if told[1] == 2:
            answers.append(told[6:8])
    late = records.RESPONSE_PROMPT if ends - 70_000 <= 10_000 else records.RESPONSE_LATER
    assert [response for response, _ in answers] == [late] * len(given)
    assert [at_ms for _, at_ms in answers] == pytest.approx([ends - at for at in given], abs=TICK_MS)
