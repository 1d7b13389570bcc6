"""The reminder policy: each rule by itself, then all of them under any order of events."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from firmware.clip.protocol import MalformedError, category, plan, records
from firmware.clip.reminder import (
    ACTION_CONFIRM,
    ACTION_REMIND,
    BRIDGE_MS,
    STATE_DWELL,
    STATE_IDLE,
    STATE_REMINDED,
    STATE_SNOOZED,
    STOOD_UP_MS,
    Policy,
    window_day,
)

CLIP, GATEWAY = records.JUDGE_CLIP, records.JUDGE_GATEWAY
UP, SLOUCH, MOVE, LOST = category.UPRIGHT, category.SLOUCHED, category.MOVING, category.LOST
TICK = 40
WEEK = 7 * 1440


def make_plan(**fields: int) -> plan.Plan:
    made = plan.Plan()
    made.version, made.mode, made.dwell_s, made.repeat_s = 1, plan.TRAIN, 10, 60
    made.cap_per_hour, made.back_off = 60, 0
    for name, value in fields.items():
        setattr(made, name, value)
    made.pack()
    return made


class Wearer:
    """Ticks a policy every 40 ms and keeps what it did."""

    def __init__(self, **fields: int) -> None:
        self.policy = Policy(make_plan(**fields))
        self.now = 0
        self.minute = -1
        self.reminded: list[int] = []
        self.confirmed: list[int] = []
        self.records: list[tuple[int, ...]] = []

    def judge(self, code: int, since: int | None = None, judge: int = CLIP) -> Wearer:
        self.policy.judge(code, self.now if since is None else since, 123, judge)
        return self

    def wait(self, ms: int) -> Wearer:
        end = self.now + ms
        while self.now < end:
            action = self.policy.tick(self.now, self.minute)
            if action == ACTION_REMIND:
                self.reminded.append(self.now)
            elif action == ACTION_CONFIRM:
                self.confirmed.append(self.now)
            self.now += TICK
            while (told := self.policy.take_record()) is not None:
                self.records.append(told)
        return self

    @property
    def reasons(self) -> list[int]:
        return [told[5] for told in self.records if told[1] == 1]

    @property
    def responses(self) -> list[int]:
        return [told[6] for told in self.records if told[1] == 2]


def test_it_fires_at_the_first_tick_at_or_after_the_dwell() -> None:
    for since in (0, 1, 39, 40, 41):
        wearer = Wearer()
        wearer.now = 80
        wearer.judge(SLOUCH, since).wait(11_000)
        assert wearer.reminded == [-(-(since + 10_000) // TICK) * TICK]
        assert wearer.records == [(wearer.reminded[0], 1, CLIP, since, 123, records.GIVEN, records.RESPONSE_OPEN, 0)]


def test_a_slouch_that_ends_in_time_is_not_reminded() -> None:
    wearer = Wearer().judge(SLOUCH).wait(9_960).judge(UP).wait(60_000)
    assert (wearer.reminded, wearer.records) == ([], [])


def test_a_late_judgement_is_judged_by_its_own_numbers() -> None:
    wearer = Wearer()
    wearer.now = 30_000
    wearer.judge(SLOUCH, 12_000, GATEWAY).wait(200)
    assert wearer.reminded == [30_000]


@pytest.mark.parametrize("at", range(1_000, 12_000, 1_000))
def test_a_change_of_judge_neither_restarts_nor_repeats(at: int) -> None:
    wearer = Wearer().judge(SLOUCH, 0, GATEWAY).wait(at)
    wearer.judge(SLOUCH, 700, CLIP).wait(20_000 - at)
    wearer.judge(SLOUCH, 0, GATEWAY).wait(20_000)
    assert wearer.reminded == [10_000]


def test_the_earlier_start_of_both_judges_counts() -> None:
    wearer = Wearer()
    wearer.now = 2_000
    wearer.judge(SLOUCH, 2_000, CLIP).wait(1_000).judge(SLOUCH, 400, GATEWAY).wait(10_000)
    assert wearer.reminded == [10_400]


def test_the_same_judge_naming_a_later_start_has_seen_a_recovery() -> None:
    wearer = Wearer().judge(SLOUCH, 0, GATEWAY).wait(12_000)
    wearer.judge(SLOUCH, 11_500, GATEWAY).wait(20_000)
    assert wearer.reminded == [10_000, 21_520]
    assert wearer.responses == [records.RESPONSE_PROMPT]


def test_a_judge_that_missed_the_recovery_does_not_repeat_the_reminder() -> None:
    wearer = Wearer().judge(SLOUCH, 0, GATEWAY).wait(12_000).judge(UP, judge=CLIP).wait(400)
    wearer.judge(SLOUCH, 0, GATEWAY).wait(30_000)
    assert wearer.reminded == [10_000]


def test_it_repeats_after_the_interval_without_a_recovery() -> None:
    wearer = Wearer().judge(SLOUCH).wait(140_000)
    assert wearer.reminded == [10_000, 70_000, 130_000]
    assert wearer.responses == [records.RESPONSE_NONE] * 2


def test_a_recovery_allows_the_next_slouch_its_own_dwell() -> None:
    wearer = Wearer().judge(SLOUCH).wait(12_000).judge(UP).wait(2_000).judge(SLOUCH).wait(12_000)
    assert wearer.reminded == [10_000, 24_000]


@pytest.mark.parametrize("other", [category.PAUSED, category.UNCALIBRATED, LOST])
def test_what_says_nothing_of_posture_is_no_recovery(other: int) -> None:
    wearer = Wearer().judge(SLOUCH).wait(12_000).judge(other).wait(15_000).judge(SLOUCH).wait(60_000)
    assert wearer.reminded == [10_000, 70_000]


def test_a_short_loss_keeps_the_dwell_and_a_long_one_does_not() -> None:
    short = Wearer().judge(SLOUCH).wait(4_000).judge(LOST).wait(2_000).judge(SLOUCH).wait(10_000)
    assert short.reminded == [10_000]
    long = Wearer().judge(SLOUCH).wait(4_000).judge(LOST).wait(BRIDGE_MS + 2_000).judge(SLOUCH).wait(20_000)
    assert long.reminded == [4_000 + BRIDGE_MS + 2_000 + 10_000]


@pytest.mark.parametrize("code", [c for c in range(category.COUNT) if c != SLOUCH])
def test_nothing_but_a_slouch_is_reminded(code: int) -> None:
    wearer = Wearer().judge(SLOUCH).wait(5_000).judge(code).wait(60_000)
    assert wearer.reminded == []


def test_track_mode_only_writes_down() -> None:
    wearer = Wearer(mode=plan.TRACK).judge(SLOUCH).wait(75_000)
    assert wearer.reminded == []
    assert wearer.reasons == [records.WITHHELD_TRACK] * 2
    assert [told[6] for told in wearer.records] == [records.RESPONSE_NONE] * 2


def test_outside_the_window_nothing_is_given() -> None:
    wearer = Wearer(days=1, start_min=540, end_min=600)
    wearer.minute = 600
    wearer.judge(SLOUCH).wait(12_000)
    assert wearer.reasons == [records.WITHHELD_WINDOW]
    wearer.minute = 599
    wearer.wait(60_000)
    assert wearer.reminded == [70_000]


@pytest.mark.parametrize(
    ("days", "start", "end", "minute", "inside"),
    [
        (0b1, 540, 1020, 540, True),
        (0b1, 540, 1020, 1020, False),
        (0b1, 540, 1020, 1440 + 600, False),
        (0b1000000, 0, 1440, 6 * 1440 + 1439, True),
        (0b1000000, 1320, 360, 30, True),  # Sunday night into Monday
        (0b1000000, 1320, 360, 1440 + 30, False),
        (0b1, 1320, 360, 1330, True),
        (0, 0, 1440, 600, False),
    ],
)
def test_the_window(days: int, start: int, end: int, minute: int, inside: bool) -> None:
    assert (window_day(make_plan(days=days, start_min=start, end_min=end), WEEK + minute) >= 0) is inside


def test_snooze_holds_and_ends_by_itself() -> None:
    wearer = Wearer()
    wearer.policy.snooze(30_000)
    wearer.judge(SLOUCH).wait(12_000)
    assert wearer.reasons == [records.WITHHELD_SNOOZED]
    assert wearer.policy.state == STATE_SNOOZED
    wearer.wait(60_000)
    assert wearer.reminded == [70_000]
    wearer.policy.snooze(10**9)
    wearer.policy.resume()
    assert wearer.policy.state == STATE_REMINDED


def test_not_in_the_half_minute_after_moving() -> None:
    wearer = Wearer().judge(MOVE).wait(20_000).judge(SLOUCH).wait(60_000)
    assert wearer.reasons[0] == records.WITHHELD_STOOD_UP
    assert wearer.reminded == [20_000 + STOOD_UP_MS]


def test_the_cap_counts_an_hour_back() -> None:
    wearer = Wearer(cap_per_hour=2, repeat_s=600).judge(SLOUCH).wait(3_700_000)
    assert wearer.reminded == [10_000, 610_000, 3_610_000]
    assert wearer.reasons.count(records.WITHHELD_CAP) == 4


def test_three_ignored_double_the_interval_and_a_correction_ends_that() -> None:
    wearer = Wearer(back_off=1).judge(SLOUCH).wait(735_000)
    # Twice the interval after three, four times after six.
    assert wearer.reminded == [10_000, 70_000, 130_000, 250_000, 370_000, 490_000, 730_000]
    assert wearer.reasons.count(records.WITHHELD_BACK_OFF) == 6
    wearer.judge(UP).wait(1_000).judge(SLOUCH).wait(80_000)
    assert wearer.reminded[-2:] == [746_000, 806_000]


def test_a_correction_is_answered_with_a_pulse_when_the_plan_wants_it() -> None:
    wearer = Wearer(positive_pulse=1).judge(SLOUCH).wait(14_000).judge(UP).wait(1_000)
    assert wearer.confirmed == [14_000]
    assert wearer.records[-1] == (10_000, 2, CLIP, 0, 123, records.GIVEN, records.RESPONSE_PROMPT, 4_000)
    assert Wearer().judge(SLOUCH).wait(14_000).judge(UP).wait(1_000).confirmed == []


@pytest.mark.parametrize(
    ("after", "code", "response"),
    [
        (10_000, UP, records.RESPONSE_PROMPT),
        (10_040, UP, records.RESPONSE_LATER),
        (5_000, MOVE, records.RESPONSE_NONE),
        (5_000, category.NOT_WORN, records.RESPONSE_NONE),
    ],
)
def test_the_response_is_measured(after: int, code: int, response: int) -> None:
    wearer = Wearer().judge(SLOUCH).wait(10_000 + after).judge(code).wait(1_000)
    assert wearer.records[-1][6:] == (response, after)


def test_a_response_is_never_left_open_by_a_long_loss() -> None:
    wearer = Wearer().judge(SLOUCH).wait(12_000).judge(LOST).wait(100_000).judge(UP).wait(1_000)
    assert wearer.responses == [records.RESPONSE_NONE]


def test_a_motor_that_fails_is_written_down_and_counts_for_nothing() -> None:
    wearer = Wearer(cap_per_hour=1).judge(SLOUCH).wait(10_040)
    wearer.policy.motor_failed(10_000)
    wearer.wait(61_000)
    assert wearer.records[1] == (10_000, 2, CLIP, 0, 123, records.WITHHELD_MOTOR, records.RESPONSE_NONE, 0)
    assert wearer.reminded == [10_000, 70_000]


@pytest.mark.parametrize("fraction", [0, 33, 67, 100])
@pytest.mark.parametrize("seed", [0, 1, 50, 99, 12345])
def test_fading_gives_its_fraction_to_within_one(fraction: int, seed: int) -> None:
    wearer = Wearer(fraction_pct=fraction, seed=seed, repeat_s=100, dwell_s=100)
    wearer.judge(SLOUCH)
    for due in range(1, 200):
        wearer.now = 100_000 * due
        wearer.wait(TICK)
        assert abs(len(wearer.reminded) - due * fraction / 100) < 1
    assert set(wearer.reasons) <= {records.GIVEN, records.WITHHELD_FADED}


def test_state_tells_what_it_does() -> None:
    wearer = Wearer()
    assert wearer.policy.state == STATE_IDLE
    wearer.judge(SLOUCH).wait(5_000)
    assert wearer.policy.state == STATE_DWELL
    wearer.wait(6_000)
    assert wearer.policy.state == STATE_REMINDED


def test_a_reboot_keeps_cap_fading_back_off_and_snooze() -> None:
    before = Wearer(cap_per_hour=2, repeat_s=60).judge(SLOUCH).wait(80_000)
    assert len(before.reminded) == 2
    after = Wearer(cap_per_hour=2, repeat_s=60)
    after.policy.restore(before.policy.snapshot(), None)
    after.judge(SLOUCH).wait(70_000)
    assert after.reasons[0] == records.WITHHELD_CAP
    later = Wearer(cap_per_hour=2, repeat_s=60)
    later.policy.restore(before.policy.snapshot(), 3_600_000)
    assert later.judge(SLOUCH).wait(12_000).reminded == [10_000]


def test_a_short_reboot_keeps_the_dwell_and_an_unknown_one_does_not() -> None:
    before = Wearer().judge(SLOUCH).wait(6_040)
    after = Wearer()
    after.policy.restore(before.policy.snapshot(), 2_000)
    after.now = 400
    after.judge(SLOUCH).wait(12_000)
    assert after.reminded == [2_000]
    assert after.records[0][3] == 0  # it began before this clock: the record says its start
    unknown = Wearer()
    unknown.policy.restore(before.policy.snapshot(), None)
    assert unknown.judge(SLOUCH).wait(12_000).reminded == [10_000]


def test_a_damaged_snapshot_changes_nothing() -> None:
    kept = Wearer().judge(SLOUCH).wait(12_000).policy.snapshot()
    for at in range(len(kept)):
        torn = bytearray(kept)
        torn[at] ^= 1
        policy = Policy(make_plan())
        with pytest.raises(MalformedError):
            policy.restore(bytes(torn), None)
        assert policy.snapshot() == Policy(make_plan()).snapshot()


class AnyDay(RuleBasedStateMachine):
    """Judgements of two judges, snoozes and plans in any order; what must never happen."""

    @initialize(
        dwell=st.integers(3, 20),
        repeat=st.integers(3, 40),
        cap=st.integers(0, 5),
        fraction=st.sampled_from([0, 33, 67, 100]),
        mode=st.sampled_from([plan.TRACK, plan.TRAIN, plan.TRAIN]),
        back_off=st.integers(0, 1),
    )
    def begin(self, dwell: int, repeat: int, cap: int, fraction: int, mode: int, back_off: int) -> None:
        fields = {"dwell_s": dwell, "repeat_s": repeat, "cap_per_hour": cap, "fraction_pct": fraction}
        self.wearer = Wearer(**fields, mode=mode, back_off=back_off)
        self.code = LOST
        self.changes: list[tuple[int, int]] = []  # (time, category) of each judgement
        self.snoozed_until = 0
        self.given: list[int] = []

    @rule(code=st.integers(0, category.COUNT - 1), judge=st.sampled_from([CLIP, GATEWAY]), ago=st.integers(0, 3_000))
    def judged(self, code: int, judge: int, ago: int) -> None:
        newest = self.changes[-1][0] if self.changes else 0
        self.wearer.judge(code, max(newest, self.wearer.now - ago), judge)
        self.code = code
        self.changes.append((self.wearer.now, code))

    @rule(ago=st.integers(0, 60_000), judge=st.sampled_from([CLIP, GATEWAY]))
    def slouching_for_long(self, ago: int, judge: int) -> None:
        self.wearer.judge(SLOUCH, max(0, self.wearer.now - ago), judge)
        self.code = SLOUCH
        self.changes.append((self.wearer.now, SLOUCH))

    @rule(ms=st.sampled_from([40, 400, 2_000, 7_000, 30_000]))
    def time_passes(self, ms: int) -> None:
        before = len(self.wearer.reminded)
        start = self.wearer.now
        self.wearer.wait(ms)
        for at in self.wearer.reminded[before:]:
            assert start <= at < self.wearer.now
            assert self.code == SLOUCH
            assert self.wearer.policy.plan.mode == plan.TRAIN
            assert at >= self.snoozed_until
            self.given.append(at)

    @rule(ms=st.integers(0, 60_000))
    def snoozes(self, ms: int) -> None:
        self.snoozed_until = self.wearer.now + ms
        self.wearer.policy.snooze(self.snoozed_until)

    @rule()
    def resumes(self) -> None:
        self.snoozed_until = 0
        self.wearer.policy.resume()

    @rule()
    def reboots_within_the_clock(self) -> None:
        kept = self.wearer.policy.snapshot()
        copy = Policy(self.wearer.policy.plan)
        copy.restore(kept, 0)
        again = Policy(self.wearer.policy.plan)
        again.restore(copy.snapshot(), 0)
        assert again.snapshot() == copy.snapshot()

    @invariant()
    def never_above_the_cap(self) -> None:
        if hasattr(self, "wearer"):
            cap = self.wearer.policy.plan.cap_per_hour
            for at in self.given:
                assert sum(at - 3_600_000 < other <= at for other in self.given) <= cap

    @invariant()
    def never_twice_for_one_slouch_within_the_interval(self) -> None:
        if not hasattr(self, "wearer"):
            return
        repeat = self.wearer.policy.plan.repeat_s * 1000
        given = [told for told in self.wearer.records if told[1] == 1 and told[5] == records.GIVEN]
        for first, second in itertools.pairwise(given):
            if second[3] <= first[0]:  # the second's slouch was already running at the first
                assert second[0] - first[0] >= repeat

    @invariant()
    def every_record_once(self) -> None:
        if hasattr(self, "wearer"):
            keys = [told[:2] for told in self.wearer.records]
            assert len(keys) == len(set(keys))
            first = {told[0] for told in self.wearer.records if told[1] == 1}
            assert {told[0] for told in self.wearer.records if told[1] == 2} <= first
            assert len(first) - len(self.given) == sum(r != records.GIVEN for r in self.wearer.reasons)


TestAnyDay = AnyDay.TestCase
TestAnyDay.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def random_day(seed: int) -> dict[str, Any]:
    """A script for programs/policy_trace.py: a day of judgements, snoozes and plan changes."""
    draw = random.Random(seed)
    fields = {
        "mode": 1,
        "dwell_s": draw.randint(3, 60),
        "repeat_s": draw.randint(3, 300),
        "cap_per_hour": draw.randint(1, 8),
        "fraction_pct": draw.choice([33, 67, 100]),
        "seed": draw.randint(0, 65535),
        "positive_pulse": draw.randint(0, 1),
        "start_min": 540,
        "end_min": 1020,
    }
    calls: list[list[Any]] = []
    now = draw.choice([0, 2**30 - 40_000, 2**31 - 40_000])
    for _ in range(400):
        pick = draw.random()
        if pick < 0.5:
            code = draw.choice([UP, SLOUCH, SLOUCH, MOVE, LOST, draw.randrange(category.COUNT)])
            calls.append(
                ["judge", code, max(0, now - draw.randrange(3_000)), draw.randint(-300, 600), draw.randint(0, 1)]
            )
        elif pick < 0.55:
            calls.append(["snooze", now + draw.randrange(60_000)])
        elif pick < 0.6:
            calls.append(["set_plan", {**fields, "dwell_s": draw.randint(3, 60), "seed": draw.randint(0, 65535)}])
        elif pick < 0.62:
            calls.append(["motor_failed", now - TICK])
        for _ in range(draw.randrange(4)):
            now += draw.choice([TICK, TICK, 10_000, 60_000])
            calls.append(["tick", now, draw.choice([-1, 600, 1200])])
    return {"plan": fields, "calls": calls}


@pytest.mark.parametrize("seed", range(3))
def test_both_interpreters_decide_alike(both: Callable[..., Any], seed: int) -> None:
    out, kept, restored = both("policy_trace.py", random_day(seed))
    assert any(answer[0] == ACTION_REMIND for answer in out if len(answer) == 3)
    assert kept != restored
