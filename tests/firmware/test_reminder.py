"""The reminder policy, each rule by itself."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip.protocol import MalformedError, category, plan, records
from firmware.clip.reminder import (
    BRIDGE_MS,
    STATE_DWELL,
    STATE_IDLE,
    STATE_REMINDED,
    STATE_SNOOZED,
    STIR_MS,
    STOOD_UP_MS,
    Policy,
    is_probe_day,
    window_day,
)
from tests.firmware.wearer import CLIP, GATEWAY, LOST, MOVE, SLOUCH, TICK, UP, WEEK, Wearer, make_plan


def test_it_fires_at_the_first_tick_at_or_after_the_dwell() -> None:
    for since in (0, 1, 39, 40, 41):
        wearer = Wearer()
        wearer.now = 80
        wearer.judge(SLOUCH, since).wait(11_000)
        assert wearer.reminded == [-(-(since + 10_000) // TICK) * TICK]
        assert wearer.records == [(wearer.reminded[0], 1, CLIP, since, 123, records.GIVEN, records.RESPONSE_OPEN, 0)]


@given(
    dwell=st.integers(3, 30),
    begins=st.integers(0, 200),
    news=st.lists(st.tuples(st.integers(1, 3_000), st.integers(0, 1_500), st.sampled_from([CLIP, GATEWAY]))),
)
def test_however_often_and_by_whom_it_is_judged(dwell: int, begins: int, news: list[tuple[int, int, int]]) -> None:
    """The dwell runs from the earliest start that was said, whoever says another one after that."""
    wearer = Wearer(dwell_s=dwell)
    wearer.now = -(-begins // TICK) * TICK
    wearer.judge(SLOUCH, begins, GATEWAY)
    judge, said = GATEWAY, begins
    for wait, later, other in news:
        wearer.wait(-(-wait // TICK) * TICK)
        if other != judge:
            judge, said = other, min(begins + later, wearer.now)
        wearer.judge(SLOUCH, said, judge)
    wearer.wait(40_000)
    assert wearer.reminded[0] == -(-(begins + dwell * 1000) // TICK) * TICK


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


@pytest.mark.parametrize(
    ("start", "end", "minute", "reason"),
    [
        (720, 780, 719, records.GIVEN),
        (720, 780, 720, records.WITHHELD_QUIET),
        (720, 780, 779, records.WITHHELD_QUIET),
        (720, 780, 780, records.GIVEN),
        (1380, 60, 30, records.WITHHELD_QUIET),  # over midnight
        (1380, 60, 1400, records.WITHHELD_QUIET),
        (1380, 60, 90, records.GIVEN),
        (0, 0, 0, records.GIVEN),
        (600, 600, 600, records.GIVEN),
    ],
)
def test_quiet_hours_within_the_window(start: int, end: int, minute: int, reason: int) -> None:
    wearer = Wearer(quiet_start_min=start, quiet_end_min=end)
    wearer.minute = WEEK + minute
    assert wearer.judge(SLOUCH).wait(12_000).reasons == [reason]


@given(
    seed=st.integers(0, 65535),
    every=st.integers(2, 5),
    days=st.integers(1, 127),
    first=st.integers(0, 30_000),
)
def test_one_planned_day_in_so_many_is_silent(seed: int, every: int, days: int, first: int) -> None:
    prescribed = make_plan(seed=seed, probe_every=every, days=days)
    planned = [day for day in range(first, first + 14 * every * 7) if days >> day % 7 & 1]
    silent = [is_probe_day(prescribed, day) for day in planned]
    for begin in range(len(silent) - 2 * every):
        assert any(silent[begin : begin + 2 * every - 1])
    assert abs(sum(silent) - len(silent) / every) <= 2
    assert not any(is_probe_day(make_plan(seed=seed, days=days), day) for day in planned)


def test_which_day_is_silent_is_drawn_from_the_seed() -> None:
    drawn = {tuple(is_probe_day(make_plan(seed=seed, probe_every=5), day) for day in range(25)) for seed in range(50)}
    assert len(drawn) > 40


def test_a_silent_day_is_measured_and_never_reminded() -> None:
    prescribed = {"probe_every": 5, "seed": 3, "positive_pulse": 1}
    for day in range(20_000, 20_010):
        wearer = Wearer(**prescribed)
        wearer.minute = day * 1440 + 600
        wearer.judge(SLOUCH).wait(75_000).judge(UP).wait(1_000)
        silent = is_probe_day(wearer.policy.plan, day)
        assert wearer.reasons == [records.WITHHELD_PROBE if silent else records.GIVEN] * 2
        assert len(wearer.confirmed) == (not silent)
    unknown = Wearer(**prescribed, days=1, start_min=0, end_min=1).judge(SLOUCH).wait(12_000)
    assert unknown.reasons == [records.GIVEN]  # without a clock nothing of this is enforced


def test_a_night_shift_has_its_silent_day_until_morning() -> None:
    prescribed = make_plan(days=127, start_min=1320, end_min=360, probe_every=5)
    for day in range(50):
        assert window_day(prescribed, day * 1440 + 1400) == day
        assert window_day(prescribed, (day + 1) * 1440 + 100) == day


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


def test_moving_that_only_one_judge_saw_counts_until_the_other_speaks() -> None:
    wearer = Wearer().judge(MOVE, 0, GATEWAY).wait(20_000).judge(SLOUCH, 5_000, CLIP).wait(60_000)
    assert wearer.reasons[0] == records.WITHHELD_STOOD_UP
    assert 20_000 - TICK + STOOD_UP_MS <= wearer.reminded[0] <= 20_000 + STOOD_UP_MS


def test_a_restart_while_moving_is_followed_by_the_same_half_minute() -> None:
    before = Wearer().judge(MOVE).wait(20_000)
    after = Wearer()
    after.policy.restore(before.policy.snapshot(), 5_000)
    after.judge(SLOUCH).wait(60_000)
    assert after.reminded == [STOOD_UP_MS - 5_000]


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


def test_backing_off_holds_for_longer_than_an_hour() -> None:
    wearer = Wearer(back_off=1, repeat_s=1_800).judge(SLOUCH).wait(6 * 1_800_000 + 3 * 7_200_000)
    gaps = [(b - a) // 1_800_000 for a, b in zip(wearer.reminded, wearer.reminded[1:], strict=False)]
    assert gaps[:7] == [1, 1, 2, 2, 2, 4, 4]


def test_a_correction_is_answered_with_a_pulse_when_the_plan_wants_it() -> None:
    wearer = Wearer(positive_pulse=1).judge(SLOUCH).wait(14_000).judge(UP).wait(1_000)
    assert wearer.confirmed == [14_000]
    assert wearer.records[-1] == (10_000, 2, CLIP, 0, 123, records.GIVEN, records.RESPONSE_PROMPT, 4_000)
    assert Wearer().judge(SLOUCH).wait(14_000).judge(UP).wait(1_000).confirmed == []


@pytest.mark.parametrize("why", ["quiet", "evening", "snoozed"])
def test_no_pulse_where_there_would_be_no_reminder(why: str) -> None:
    wearer = Wearer(positive_pulse=1, start_min=540, end_min=1020, quiet_start_min=720, quiet_end_min=750)
    wearer.minute = WEEK + 719
    wearer.judge(SLOUCH).wait(14_000)
    if why == "snoozed":
        wearer.policy.snooze(60_000)
    else:
        wearer.minute = WEEK + (720 if why == "quiet" else 1020)
    wearer.judge(UP).wait(2_000)
    assert (len(wearer.reminded), wearer.confirmed) == (1, [])
    assert wearer.responses == [records.RESPONSE_PROMPT]


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
    wearer = Wearer().judge(SLOUCH).wait(10_000 + after).judge(code).wait(6_000)
    assert wearer.records[-1][6:] == (response, after)


def test_a_grasp_in_the_middle_of_a_slouch_ends_it_not() -> None:
    wearer = Wearer().judge(SLOUCH).wait(4_000).judge(MOVE).wait(1_800).judge(SLOUCH).wait(70_000)
    assert wearer.reminded == [10_000, 70_000]
    assert wearer.records[0][3] == 0
    after = Wearer().judge(SLOUCH).wait(12_000).judge(MOVE).wait(1_800).judge(SLOUCH).wait(60_000)
    assert after.reminded == [10_000, 70_000]
    assert after.responses == [records.RESPONSE_NONE]


@pytest.mark.parametrize("ms", [STIR_MS - 20, STIR_MS + 20])
def test_moving_for_longer_does(ms: int) -> None:
    wearer = Wearer().judge(SLOUCH).wait(4_000).judge(MOVE).wait(ms).judge(SLOUCH).wait(60_000)
    if ms <= STIR_MS:
        assert wearer.reminded == [10_000]
    else:
        assert wearer.reasons[0] == records.WITHHELD_STOOD_UP
        assert wearer.reminded == [4_000 + ms + STOOD_UP_MS]


def test_who_has_walked_is_reminded_of_the_next_slouch_as_of_a_new_one() -> None:
    wearer = Wearer(repeat_s=300).judge(SLOUCH).wait(12_000).judge(MOVE).wait(20_000).judge(SLOUCH).wait(60_000)
    assert wearer.reminded == [10_000, 32_000 + STOOD_UP_MS]


def test_a_grasp_that_only_one_judge_saw_is_as_long_as_that_one_says() -> None:
    wearer = Wearer().judge(SLOUCH, 0, GATEWAY).wait(4_000).judge(MOVE, judge=GATEWAY).wait(20_000)
    wearer.judge(SLOUCH, 0, CLIP).wait(60_000)
    assert wearer.reminded == [24_000 - TICK + STOOD_UP_MS]


def test_a_brisk_correction_is_one() -> None:
    wearer = Wearer(positive_pulse=1).judge(SLOUCH).wait(14_000).judge(MOVE).wait(1_800).judge(UP).wait(1_000)
    assert wearer.records[-1][6:] == (records.RESPONSE_PROMPT, 5_800)
    assert len(wearer.confirmed) == 1
    walked = Wearer(positive_pulse=1).judge(SLOUCH).wait(14_000).judge(MOVE).wait(4_000).judge(UP).wait(1_000)
    assert walked.records[-1][6:] == (records.RESPONSE_NONE, 4_000)
    assert walked.confirmed == []


def test_a_response_is_never_left_open_by_a_long_loss() -> None:
    wearer = Wearer().judge(SLOUCH).wait(12_000).judge(LOST).wait(100_000).judge(UP).wait(1_000)
    assert wearer.responses == [records.RESPONSE_NONE]


def test_a_motor_that_fails_is_written_down_and_counts_for_nothing() -> None:
    wearer = Wearer(cap_per_hour=1).judge(SLOUCH).wait(10_040)
    wearer.policy.motor_failed(10_000)
    wearer.wait(61_000)
    assert wearer.records[1] == (10_000, 2, CLIP, 0, 123, records.WITHHELD_MOTOR, records.RESPONSE_NONE, 0)
    assert wearer.reminded == [10_000, 70_000]


@given(
    fraction=st.sampled_from([0, 33, 67, 100]) | st.integers(0, 100),
    seed=st.integers(0, 65535),
    restarts=st.sets(st.integers(0, 199), max_size=4),
    other_days=st.sets(st.integers(0, 199), max_size=20),
)
def test_fading_gives_its_fraction(fraction: int, seed: int, restarts: set[int], other_days: set[int]) -> None:
    """To within one reminder of any stretch of due ones (so of any day), and to within 5 points of any 40; neither a
    restart nor what is withheld for another reason in between changes that."""
    wearer = Wearer(fraction_pct=fraction, seed=seed, dwell_s=3, repeat_s=100, days=1)
    for number in range(200):
        if number in restarts:
            kept = wearer.policy.snapshot()
            wearer.policy = Policy(wearer.policy.plan)
            wearer.policy.restore(kept, 60_000)
            wearer.now = 0
        wearer.minute = 2000 if number in other_days else 0
        wearer.judge(SLOUCH)
        wearer.now += 3_000
        wearer.wait(TICK).judge(UP)
        wearer.now += 120_000
        wearer.wait(TICK)
    decided = [reason for reason in wearer.reasons if reason != records.WITHHELD_WINDOW]
    assert len(decided) == 200 - len(other_days)
    assert set(decided) <= {records.GIVEN, records.WITHHELD_FADED}
    given_up_to = list(itertools.accumulate((reason == records.GIVEN for reason in decided), initial=0))
    for begin, end in itertools.combinations(range(len(given_up_to)), 2):
        given_here = given_up_to[end] - given_up_to[begin]
        assert abs(given_here - (end - begin) * fraction / 100) < 1
        if end - begin == 40:
            assert abs(given_here / 40 - fraction / 100) <= 0.05


@pytest.mark.parametrize("fraction", [33, 67])
def test_a_reminder_that_the_motor_did_not_give_is_made_up_for(fraction: int) -> None:
    wearer = Wearer(fraction_pct=fraction, dwell_s=3, repeat_s=100)
    felt = 0
    for number in range(300):
        wearer.judge(SLOUCH)
        wearer.now += 3_000
        before = len(wearer.reminded)
        wearer.wait(TICK)
        if len(wearer.reminded) > before:
            if number % 7 == 3:
                wearer.policy.motor_failed(wearer.reminded[-1])
            else:
                felt += 1
        wearer.judge(UP)
        wearer.now += 120_000
        wearer.wait(TICK)
    assert abs(felt - 300 * fraction / 100) <= 1


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


def test_a_reboot_keeps_what_is_left_of_a_snooze() -> None:
    before = Wearer().wait(TICK)
    before.policy.snooze(60_000)
    for elapsed, first in (
        (10_000, records.WITHHELD_SNOOZED),
        (None, records.WITHHELD_SNOOZED),
        (60_000, records.GIVEN),
    ):
        after = Wearer()
        after.policy.restore(before.policy.snapshot(), elapsed)
        assert after.judge(SLOUCH).wait(12_000).reasons == [first]


def test_a_reboot_keeps_the_repeat_interval_of_a_slouch_that_goes_on() -> None:
    before = Wearer().judge(SLOUCH).wait(20_000 + TICK)
    after = Wearer()
    after.policy.restore(before.policy.snapshot(), 2_000)
    after.judge(LOST).wait(400).judge(SLOUCH).wait(60_000)
    assert after.reminded == [70_000 - 22_000]


def test_a_reboot_keeps_how_far_it_has_backed_off() -> None:
    before = Wearer(back_off=1, repeat_s=1_800).judge(SLOUCH).wait(6 * 1_800_000 + 4 * 3_600_000)
    assert before.reminded[-1] == 10_000 + 2 * 1_800_000 + 3 * 3_600_000 + 7_200_000
    after = Wearer(back_off=1, repeat_s=1_800)
    after.policy.restore(before.policy.snapshot(), 3_000_000)
    assert after.judge(SLOUCH).wait(12_000).reasons == [records.WITHHELD_BACK_OFF]


@pytest.mark.parametrize("away_ms", [2**31, 2**32, 5 * 2**32])
def test_reminders_of_months_ago_are_in_no_snapshot(away_ms: int) -> None:
    before = Wearer().judge(SLOUCH).wait(20_000)
    assert before.reminded
    after = Wearer()
    after.policy.restore(before.policy.snapshot(), away_ms)
    again = Policy(make_plan())
    again.restore(after.policy.snapshot(), 0)
    assert again.snapshot() == after.policy.snapshot()
    assert len(after.policy.snapshot()) == len(Policy(make_plan()).snapshot()) == len(before.policy.snapshot()) - 4


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
