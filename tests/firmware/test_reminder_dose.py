"""The dose trigger: the holding time is used up over all slouches, and given back between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip.protocol import category, plan, records
from firmware.clip.reminder import STOOD_UP_MS, Policy, holding_ms
from tests.firmware.wearer import CLIP, GATEWAY, LOST, MOVE, SLOUCH, TICK, UP, Wearer, make_plan

BACK_MS = 240_000  # a whole dose is given back in this long


def dosed(**fields: int) -> Wearer:
    return Wearer(**{"trigger": plan.DOSE, "repeat_s": 60, **fields})


def at_angle(wearer: Wearer, degrees: float) -> Wearer:
    wearer.angle = round(degrees * 10)
    return wearer


def first_tick(ms: float) -> int:
    return -int(-ms // TICK) * TICK


@pytest.mark.parametrize(("degrees", "minutes"), [(20, 4.0), (30, 3.25), (40, 2.5), (50, 1.75), (60, 1.0)])
def test_the_holding_times_of_the_published_line(degrees: int, minutes: float) -> None:
    assert holding_ms(degrees * 10) == minutes * 60_000
    for since in (0, 17):
        wearer = at_angle(dosed(), degrees)
        wearer.now = TICK
        wearer.judge(SLOUCH, since).wait(250_000)
        assert wearer.reminded[0] == first_tick(since + minutes * 60_000)
        assert wearer.records[0][3] == since


@given(st.integers(-300, 900))
def test_the_line_goes_on_below_and_stays_above(ddeg: int) -> None:
    assert holding_ms(ddeg) == pytest.approx(1000 * (330 - 4.5 * min(max(ddeg / 10, 0), 60)), abs=1)
    wearer = at_angle(dosed(), ddeg / 10).judge(SLOUCH)
    assert wearer.policy.due_ms() == pytest.approx(holding_ms(ddeg), rel=4e-4)


def test_slouches_add_up_and_time_between_them_gives_back() -> None:
    wearer = at_angle(dosed(), 20)  # 240 s, and given back as fast
    for _ in range(4):
        wearer.judge(SLOUCH).wait(100_000).judge(UP).wait(40_000)
    assert wearer.reminded == [3 * 140_000 + 60_000]  # three times 100 - 40, and 60
    wearer = at_angle(dosed(), 20).judge(SLOUCH).wait(200_000).judge(UP).wait(200_000).judge(SLOUCH).wait(230_000)
    assert wearer.reminded == []


@pytest.mark.parametrize("code", [c for c in range(category.COUNT) if c not in (SLOUCH, LOST)])
def test_all_but_a_slouch_gives_back(code: int) -> None:
    wearer = at_angle(dosed(), 20).judge(SLOUCH).wait(120_000).judge(code).wait(60_000).judge(SLOUCH).wait(400_000)
    assert wearer.reminded[0] == 120_000 + 60_000 + 180_000


def test_lost_samples_neither_add_nor_give_back() -> None:
    wearer = at_angle(dosed(), 20).judge(SLOUCH).wait(120_000).judge(LOST).wait(60_000).judge(SLOUCH).wait(200_000)
    assert wearer.reminded == [120_000 + 60_000 + 120_000]


def test_a_slouch_that_samples_were_lost_in_goes_on() -> None:
    wearer = at_angle(dosed(), 20).judge(SLOUCH).wait(120_000).judge(LOST).wait(8_000).judge(SLOUCH, 0).wait(130_000)
    assert wearer.reminded == [240_000]


def test_a_late_judgement_counts_from_its_own_start() -> None:
    wearer = at_angle(dosed(), 20)
    wearer.judge(UP).wait(10_000).judge(SLOUCH, 8_000, GATEWAY).wait(100_000)
    wearer.judge(UP, 105_000, GATEWAY).wait(20_000)
    wearer.judge(SLOUCH, 125_000, GATEWAY)
    dose_ms = 97_000 - 20_000
    assert wearer.policy.due_ms() == pytest.approx(125_000 + 240_000 - dose_ms, abs=2)


def test_no_judge_reaches_back_behind_what_another_has_said() -> None:
    wearer = at_angle(dosed(), 20).judge(SLOUCH, 0, GATEWAY).wait(100_000).judge(UP, 100_000, GATEWAY).wait(50_000)
    before = wearer.policy.due_ms()
    wearer.judge(SLOUCH, 0, CLIP)
    assert before == -1
    # The upright time is the clip's word against the gateway's; what came before it is not counted again.
    assert wearer.policy.due_ms() == 240_000


def test_a_reminder_settles_the_dose_and_the_repeat_interval_holds() -> None:
    wearer = at_angle(dosed(repeat_s=600), 60).judge(SLOUCH).wait(1_300_000)
    assert wearer.reminded == [60_000, 660_000, 1_260_000]
    often = at_angle(dosed(repeat_s=3), 60).judge(SLOUCH).wait(190_000)
    assert often.reminded == [60_000, 120_000, 180_000]


def test_what_was_reminded_of_is_not_counted_again() -> None:
    wearer = at_angle(dosed(repeat_s=3), 60).judge(SLOUCH, 0, GATEWAY).wait(60_000 + TICK)
    assert wearer.reminded == [60_000]
    wearer.judge(UP, 30_000, CLIP).judge(SLOUCH, 30_000, GATEWAY)
    assert wearer.wait(59_000).reminded == [60_000]


def test_a_dose_reminds_of_no_passing_slouch() -> None:
    wearer = at_angle(dosed(), 60).judge(SLOUCH).wait(59_960).judge(UP).wait(40).judge(SLOUCH).wait(10_000)
    assert wearer.reminded == [63_000]


def test_just_stood_up_is_put_off_and_not_forgotten() -> None:
    wearer = at_angle(dosed(), 60).judge(SLOUCH).wait(58_000).judge(MOVE).wait(4_000).judge(SLOUCH).wait(60_000)
    assert wearer.reasons == [records.WITHHELD_STOOD_UP, records.GIVEN]
    assert wearer.reminded == [62_000 + STOOD_UP_MS]


Step = tuple[int, int, float, int]  # ms, category, degrees, judge


@given(
    st.lists(
        st.tuples(
            st.integers(1, 40_000).map(lambda ms: ms // TICK * TICK + TICK),
            st.sampled_from([SLOUCH, SLOUCH, UP, MOVE, LOST]),
            st.floats(5, 35),
            st.sampled_from([CLIP, GATEWAY]),
        ),
        max_size=12,
    ),
    st.integers(1, 60),
)
def test_the_dose_is_the_integral_whoever_judges_and_however_often_it_ticks(steps: list[Step], stride: int) -> None:
    wearer = dosed()
    share, code, degrees = 0.0, LOST, 0.0
    for ms, code, degrees, judge in steps:
        if share + ms / holding_ms(round(degrees * 10)) > 0.99 and code == SLOUCH:
            return
        at_angle(wearer, degrees).judge(code, wearer.now, judge)
        wearer.policy.tick(wearer.now, -1)
        for at in range(wearer.now + stride * TICK, wearer.now + ms, stride * TICK):
            wearer.policy.tick(at, -1)
        wearer.now += ms
        wearer.policy.tick(wearer.now, -1)
        if code == SLOUCH:
            share += ms / holding_ms(wearer.angle)
        elif code != LOST:
            share = max(0.0, share - ms / BACK_MS)
    at_angle(wearer, 20).judge(SLOUCH if code != SLOUCH else code, wearer.now)
    wearer.policy.tick(wearer.now, -1)
    assert wearer.policy.due_ms() - wearer.now == pytest.approx((1 - share) * 240_000, abs=300)


@pytest.mark.parametrize(("elapsed_ms", "kept_ms"), [(2_000, 120_000), (60_000, 60_000), (10**9, 0), (None, 120_000)])
def test_a_restart_keeps_the_dose_but_for_what_was_given_back(elapsed_ms: int | None, kept_ms: int) -> None:
    before = at_angle(dosed(), 20).judge(SLOUCH).wait(120_000 + TICK)
    after = at_angle(dosed(), 20)
    after.policy.restore(before.policy.snapshot(), elapsed_ms)
    after.judge(LOST).wait(400).judge(SLOUCH).wait(100)
    assert after.policy.due_ms() == pytest.approx(400 + 240_000 - kept_ms, abs=2)


def test_another_trigger_takes_over_in_the_middle_of_a_slouch() -> None:
    wearer = at_angle(Wearer(dwell_s=600), 20).judge(SLOUCH).wait(100_000)
    wearer.policy.set_plan(make_plan(trigger=plan.DOSE))
    assert wearer.policy.due_ms() == pytest.approx(100_000 + 240_000, abs=TICK)
    wearer.wait(100_000)
    wearer.policy.set_plan(make_plan(dwell_s=210))
    assert wearer.wait(20_000).reminded == [210_000]


def test_the_dwell_has_no_part_in_it() -> None:
    assert Policy(make_plan(trigger=plan.DOSE, dwell_s=3)).due_ms() == -1
    assert at_angle(dosed(dwell_s=3), 20).judge(SLOUCH).wait(239_000).reminded == []
    assert at_angle(dosed(dwell_s=600), 20).judge(SLOUCH).wait(241_000).reminded == [240_000]
