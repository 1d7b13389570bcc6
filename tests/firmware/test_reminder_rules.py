"""The reminder policy under any order of events: what must never happen, and that every interpreter decides alike."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firmware.clip.protocol import category, plan, records
from firmware.clip.reminder import (
    ACTION_REMIND,
    BRIDGE_MS,
    STIR_MS,
    STOOD_UP_MS,
    Policy,
    is_probe_day,
    is_quiet,
    window_day,
    withheld_at,
)
from tests.firmware.wearer import CLIP, GATEWAY, LOST, MOVE, SLOUCH, TICK, UP, WEEK, Wearer, make_plan

HOUR_MS = 3_600_000
SAYS_NOTHING = (category.PAUSED, category.UNCALIBRATED, LOST)
MONDAY = 2_900 * WEEK

plans = st.fixed_dictionaries(
    {
        "mode": st.sampled_from([plan.TRACK, plan.TRAIN, plan.TRAIN, plan.TRAIN]),
        "trigger": st.sampled_from([plan.DWELL, plan.DOSE]),
        "dwell_s": st.integers(3, 20),
        "repeat_s": st.integers(3, 40),
        "cap_per_hour": st.integers(0, 5),
        "fraction_pct": st.sampled_from([0, 33, 67, 100, 100]),
        "seed": st.integers(0, 65535),
        "back_off": st.integers(0, 1),
        "positive_pulse": st.integers(0, 1),
        "days": st.sampled_from([0b0011111, 0b1111111]),
        "start_min": st.sampled_from([0, 540]),
        "end_min": st.sampled_from([1020, 1440]),
        "quiet_start_min": st.just(720),
        "quiet_end_min": st.sampled_from([720, 780]),
        "probe_every": st.sampled_from([0, 0, 2, 5]),
    }
)


class AnyDay(RuleBasedStateMachine):
    """Judgements of two judges, snoozes, plans, restarts and the hours of a week in any order.

    Times that begin with `absolute` go on over restarts; the others are of the clip's clock.
    """

    @initialize(fields=plans)
    def begin(self, fields: dict[str, int]) -> None:
        self.wearer = Wearer(**fields)
        self.offset = 0  # absolute time when the clip's clock began
        self.code, self.judge, self.since = LOST, -1, 0
        self.moving_until = -HOUR_MS  # absolute; as far as anybody has said
        self.snoozed_until = -1  # absolute
        self.stirred: int | None = None  # absolute; moving began then, out of a slouch
        self.recovered = True
        self.given: list[int] = []  # absolute
        self.counted = 0

    @property
    def policy(self) -> Policy:
        return self.wearer.policy

    @property
    def absolute(self) -> int:
        return self.offset + self.wearer.now

    # --- judgements ---

    def tell(self, code: int, since: int, judge: int) -> None:
        """A judgement, and what it means for whether there has been a recovery."""
        goes_on = self.moves_on(code, since, judge)
        if code == SLOUCH:
            if self.code == SLOUCH and judge == self.judge and since > self.since:
                self.recovered = True
        elif code not in SAYS_NOTHING and not (code == MOVE and self.stirred is not None):
            self.recovered = True
        if self.code == MOVE and code != MOVE and not goes_on:
            self.moving_until = self.offset + since
        self.code, self.judge, self.since = code, judge, since
        self.wearer.judge(code, since, judge)

    def moves_on(self, code: int, since: int, judge: int) -> bool:
        """Follows moving that began in a slouch; whether that slouch goes on."""
        ticked = self.absolute - TICK
        if code == MOVE:
            if self.code == SLOUCH:
                self.stirred = self.offset + since
            return False
        began, self.stirred = self.stirred, None
        if self.code != MOVE or began is None:
            return False
        until = self.offset + since if judge == self.judge else max(self.offset + since, ticked)
        if code == SLOUCH and until - began <= STIR_MS and ticked - began <= 2 * STIR_MS:
            return True
        self.recovered = True
        return False

    @rule(code=st.integers(0, category.COUNT - 1), judge=st.sampled_from([CLIP, GATEWAY]), ago=st.integers(0, 3_000))
    def judged(self, code: int, judge: int, ago: int) -> None:
        since = self.wearer.now - ago
        self.tell(code, max(since, self.since if judge == self.judge else 0, 0), judge)

    @rule(ago=st.integers(0, 300_000), judge=st.sampled_from([CLIP, GATEWAY]), ddeg=st.integers(50, 600))
    def slouching_for_long(self, ago: int, judge: int, ddeg: int) -> None:
        self.wearer.angle = ddeg
        self.tell(SLOUCH, max(0, self.wearer.now - ago), judge)

    @precondition(lambda self: self.code == SLOUCH)
    @rule(later=st.integers(0, 4_000))
    def another_judge_takes_over(self, later: int) -> None:
        """Whenever it says that the slouch began: not one that runs is due later than it was, and none anew."""
        due, known = self.policy.due_ms(), len(self.wearer.records)
        self.tell(SLOUCH, min(self.since + later, self.wearer.now), 1 - self.judge)
        assert self.policy.due_ms() <= due
        assert len(self.wearer.records) == known

    @precondition(lambda self: self.code == SLOUCH)
    @rule(ms=st.integers(0, STIR_MS // TICK).map(lambda n: n * TICK))
    def grasps_something(self, ms: int) -> None:
        due = self.policy.due_ms()
        self.tell(MOVE, self.wearer.now, self.judge)
        self.time_passes(ms)
        self.tell(SLOUCH, self.wearer.now, self.judge)
        if self.policy.plan.trigger == plan.DWELL:
            assert self.policy.due_ms() <= max(due, self.wearer.now)

    @precondition(lambda self: self.code == SLOUCH)
    @rule(ms=st.integers(0, BRIDGE_MS // TICK - 100).map(lambda n: n * TICK), judge=st.sampled_from([CLIP, GATEWAY]))
    def samples_are_lost_for_a_moment(self, ms: int, judge: int) -> None:
        due = self.policy.due_ms()
        self.tell(LOST, self.wearer.now, CLIP)
        self.time_passes(ms)
        self.tell(SLOUCH, self.wearer.now, judge)
        if self.policy.plan.trigger == plan.DWELL:  # a dose is due by the newest angle
            assert self.policy.due_ms() <= max(due, self.wearer.now)

    # --- time ---

    @rule(ms=st.sampled_from([40, 400, 2_000, 7_000, 30_000, 300_000]))
    def time_passes(self, ms: int) -> None:
        known, confirmed = len(self.wearer.reminded), len(self.wearer.confirmed)
        self.wearer.wait(ms)
        for at in self.wearer.confirmed[confirmed:]:
            assert self.policy.plan.positive_pulse
            assert self.offset + at >= self.snoozed_until
            assert withheld_at(self.policy.plan, self.wearer.minute) == records.GIVEN
        for at in self.wearer.reminded[known:]:
            self.check_reminder(self.offset + at)
        for told in self.wearer.records[self.counted :]:
            if told[1] == 1:
                self.recovered = False
        self.counted = len(self.wearer.records)

    def check_reminder(self, at: int) -> None:
        prescribed, minute = self.policy.plan, self.wearer.minute
        assert self.code == SLOUCH
        assert prescribed.mode == plan.TRAIN
        assert at >= self.snoozed_until
        assert at >= self.moving_until + STOOD_UP_MS
        if minute >= 0:
            day = window_day(prescribed, minute)
            assert day >= 0
            assert not is_quiet(prescribed, minute)
            assert not is_probe_day(prescribed, day)
        if self.given and not self.recovered:
            assert at - self.given[-1] >= prescribed.repeat_s * 1000
        assert sum(at - HOUR_MS < other for other in self.given) < prescribed.cap_per_hour
        self.given.append(at)
        self.recovered = False

    @rule(minute=st.none() | st.integers(0, WEEK - 1))
    def it_is_another_hour(self, minute: int | None) -> None:
        self.wearer.minute = -1 if minute is None else MONDAY + minute

    # --- what the wearer, the therapist and the battery do ---

    @rule(ms=st.integers(0, 60_000))
    def snoozes(self, ms: int) -> None:
        self.snoozed_until = self.absolute + ms
        self.policy.snooze(self.wearer.now + ms)

    @rule()
    def resumes(self) -> None:
        self.snoozed_until = -1
        self.policy.resume()

    @rule(fields=plans)
    def another_plan(self, fields: dict[str, int]) -> None:
        # A shorter interval holds for what is due from now on; the one that runs was promised under the plan before.
        self.policy.set_plan(make_plan(**{**fields, "repeat_s": self.policy.plan.repeat_s}))

    @rule(gap=st.none() | st.integers(0, 20_000) | st.integers(0, 2 * HOUR_MS))
    def restarts(self, gap: int | None) -> None:
        """The clip goes off and on again; `gap` is how long, as far as it knows."""
        if not self.wearer.now:
            return
        kept = self.policy.snapshot()
        after = Wearer()
        after.policy = Policy(self.policy.plan)
        after.policy.restore(kept, gap)
        again = Policy(self.policy.plan)
        again.restore(after.policy.snapshot(), 0)
        assert again.snapshot() == after.policy.snapshot()
        after.minute, after.angle = self.wearer.minute, self.wearer.angle
        self.offset += self.wearer.now - TICK + (gap or 0)
        if self.code == MOVE:
            self.moving_until = self.offset - (gap or 0)
        self.wearer = after
        self.counted = 0
        self.code, self.judge, self.since, self.stirred = LOST, -1, 0, None

    # --- always ---

    @invariant()
    def every_decision_is_told_once_and_with_its_reason(self) -> None:
        if not hasattr(self, "wearer"):
            return
        told = self.wearer.records
        keys = [record[:2] for record in told]
        assert len(keys) == len(set(keys))
        first = {record[0]: record for record in told if record[1] == 1}
        given = [at for at, record in first.items() if record[5] == records.GIVEN]
        assert given == self.wearer.reminded
        for record in told:
            if record[1] == 2:
                assert first[record[0]][5] == records.GIVEN
                assert record[6] != records.RESPONSE_OPEN
                assert (record[6] == records.RESPONSE_PROMPT) <= (record[7] <= 10_000)
            elif record[5] != records.GIVEN:
                assert record[6] == records.RESPONSE_NONE

    @invariant()
    def a_pulse_answers_a_correction(self) -> None:
        if hasattr(self, "wearer"):
            corrected = (records.RESPONSE_PROMPT, records.RESPONSE_LATER)
            assert len(self.wearer.confirmed) <= sum(r in corrected for r in self.wearer.responses)

    @invariant()
    def at_most_one_answer_is_open(self) -> None:
        if hasattr(self, "wearer"):
            answered = {record[0] for record in self.wearer.records if record[1] == 2}
            assert len(set(self.wearer.reminded) - answered) <= 1


TestAnyDay = AnyDay.TestCase
TestAnyDay.settings = settings(settings.default, stateful_step_count=40)


def random_day(seed: int) -> dict[str, Any]:
    """A script for programs/policy_trace.py: judgements, snoozes, plans, motor failures, in thousands of steps."""
    draw = random.Random(seed)

    def fields() -> dict[str, int]:
        return {
            "mode": 1,
            "trigger": draw.randint(0, 1),
            "dwell_s": draw.randint(3, 60),
            "repeat_s": draw.randint(3, 300),
            "cap_per_hour": draw.randint(1, 8),
            "fraction_pct": draw.choice([33, 67, 100]),
            "seed": draw.randint(0, 65535),
            "positive_pulse": draw.randint(0, 1),
            "start_min": 540,
            "end_min": 1020,
            "quiet_start_min": 720,
            "quiet_end_min": 750,
            "probe_every": draw.choice([0, 0, 2, 5]),
        }

    first = fields()
    calls: list[list[Any]] = []
    now = draw.choice([0, 2**30 - 400_000, 2**31 - 400_000, 2**32 - 400_000])
    for _ in range(1_500):
        pick = draw.random()
        if pick < 0.5:
            code = draw.choice([UP, SLOUCH, SLOUCH, SLOUCH, MOVE, LOST, draw.randrange(category.COUNT)])
            calls.append(
                ["judge", code, max(0, now - draw.randrange(3_000)), draw.randint(-300, 700), draw.randint(0, 1)]
            )
        elif pick < 0.55:
            calls.append(["snooze", now + draw.randrange(60_000)])
        elif pick < 0.57:
            calls.append(["set_plan", fields()])
        elif pick < 0.59:
            calls.append(["motor_failed", now - TICK])
        for _ in range(draw.randrange(4)):
            now += draw.choice([TICK, TICK, 10_000, 60_000])
            minute = draw.choice([600, 600, 600, 725, 1200]) + draw.randrange(7) * 1440
            calls.append(["tick", now, draw.choice([-1, MONDAY + minute])])
    return {"plan": first, "calls": calls}


def decide_alike(run: Callable[..., Any], seed: int) -> None:
    out, kept, restored = run("policy_trace.py", random_day(seed))
    assert sum(answer[0] == ACTION_REMIND for answer in out if len(answer) == 3) > 5
    assert len({record[5] for record in out if len(record) == 8}) > 5, "of many reasons"
    assert kept != restored


@pytest.mark.parametrize("seed", range(4))
def test_both_interpreters_decide_alike(both: Callable[..., Any], seed: int) -> None:
    decide_alike(both, seed)


@pytest.mark.micropython32
@pytest.mark.parametrize("seed", range(4, 8))
def test_so_does_a_32_bit_one(all_three: Callable[..., Any], seed: int) -> None:
    decide_alike(all_three, seed)


@pytest.mark.parametrize("trigger", [plan.DWELL, plan.DOSE])
def test_between_decisions_nothing_is_allocated(both: Callable[..., Any], trigger: int) -> None:
    assert both("policy_heap.py", {"trigger": trigger, "steps": 10_000})[0]


@pytest.mark.micropython32
@pytest.mark.parametrize("trigger", [plan.DWELL, plan.DOSE])
def test_nor_is_it_on_32_bits(all_three: Callable[..., Any], trigger: int) -> None:
    assert all_three("policy_heap.py", {"trigger": trigger, "steps": 10_000})[0]
