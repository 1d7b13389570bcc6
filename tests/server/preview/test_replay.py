"""Days under another plan: against the real core and policy over the same day, and by hand."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import protocol
from gateway import messages
from gateway.lab.history import make_day
from gateway.lab.presets import PEOPLE, workday_script
from gateway.lab.script import Script
from server.preview.rejudging import rejudge
from server.preview.reminding import REASONS
from server.preview.week import DayUnderPlan, PreviewedDay, preview
from server.store import epoch_blob
from server.store.epoch_blob import NO_ANGLE
from server.summaries.day import DayInputs, build_day, window_of
from server.summaries.episodes import Told
from server.summaries.painting import Painted, paint
from server.summaries.types import CODE, DayReminder
from server.summaries.zones import Zones

CLIP: Final = "a" * 16
MONDAY: Final = date(2026, 3, 2)
NINE_MS: Final = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp() * 1000)
UPRIGHT, SLOUCHED, MOVING, NOT_WORN = (CODE[name] for name in ("upright", "slouched", "moving", "not_worn"))
HERE: Final = messages.Plan(version=1, angle_deg=12, dwell_s=60, start="09:00", end="12:00")
HABITS: Final = replace(PEOPLE["slouch_heavy"], heeds=0.0)


def on_clip(plan: messages.Plan) -> protocol.plan.Plan:
    out = protocol.plan.Plan()
    for name, value in plan.on_clip().items():
        setattr(out, name, value)
    return out


def morning(seed: int) -> Script:
    """Somewhat more than the three hours of the plans' window."""
    script = workday_script(seed, HABITS, 0)
    ends = np.cumsum([segment.seconds for segment in script.segments])
    return Script(script.segments[: int(np.searchsorted(ends, 11_000)) + 1], script.body, seed)


@functools.cache
def a_day(plan: messages.Plan, seed: int, number: int = 0) -> tuple[epoch_blob.Rows, list[Told], list[DayReminder]]:
    """What gateway and clip tell of a scripted morning under a plan, in which the wearer heeds nothing."""
    rows, episodes, reminders = [], [], []
    start_ms = NINE_MS + number * 86_400_000
    for record in make_day(morning(seed), CLIP, f"{number:016x}", start_ms, on_clip(plan)):
        if isinstance(record, messages.Epoch):
            rows.append(epoch_blob.pack_row(record))
        elif isinstance(record, messages.Episode) and record.utc_ms is not None:
            end = record.utc_ms + record.duration_ms
            episodes.append(
                Told(record.utc_ms, end, record.peak_deg, record.mean_deg, "recovered", "gateway", record.plan, True)
            )
        elif isinstance(record, messages.Reminder) and record.rev == 1 and record.utc_ms is not None:
            reminders.append(
                DayReminder(record.utc_ms, record.utc_ms, 15.0, record.reason, "none", None, "clip", record.plan, True)
            )
    return np.frombuffer(b"".join(rows), dtype=epoch_blob.ROW), episodes, reminders


def previewed(recorded: messages.Plan, plan: messages.Plan, seed: int, number: int = 0) -> PreviewedDay:
    rows, episodes, reminders = a_day(recorded, seed, number)
    day = MONDAY + timedelta(days=number)
    spans = [[window] if (window := window_of(one, day)) else [] for one in (plan, recorded)]
    view = build_day(
        DayInputs(1, Zones("UTC"), day, recorded, {CLIP: rows}, episodes, reminders, (), 0), NINE_MS + 10**9
    )
    return PreviewedDay(
        day, recorded, paint({CLIP: rows}, spans[0]), paint({CLIP: rows}, spans[1]), view.episodes, reminders
    )


OTHERS: Final = [
    HERE,
    HERE.model_copy(update={"angle_deg": 9}),
    HERE.model_copy(update={"angle_deg": 18, "dwell_s": 120}),
    HERE.model_copy(update={"dwell_s": 15, "cap_per_hour": 30, "repeat_s": 60, "back_off": False}),
    HERE.model_copy(update={"trigger": "dose", "cap_per_hour": 20}),
    HERE.model_copy(update={"start": "10:30", "end": "11:15"}),
]


@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_the_replay_says_what_the_clip_would_have_done(number: int) -> None:
    """The same script once more, now really under the other plan, by the real core and the clip's policy."""
    other = OTHERS[number]
    told = preview([previewed(HERE, other, seed=1)], other).days[0]
    rows, _, reminders = a_day(other, seed=1)
    window = window_of(other, MONDAY)
    assert window is not None
    real = paint({CLIP: rows}, [window])
    slouched = int((real.codes == SLOUCHED).sum())
    given = sum(one.reason == "given" for one in reminders if window[0] <= one.utc_ms < window[1])
    assert slouched > 0
    assert told.slouched_s == pytest.approx(slouched, abs=30 + 0.02 * slouched)
    assert told.given == pytest.approx(given, abs=1 + 0.1 * given)


def test_the_plan_in_force_is_replayed_to_say_how_good_the_replay_is() -> None:
    week = preview([previewed(HERE, OTHERS[2], seed, number) for number, seed in enumerate((1, 2))], OTHERS[2])
    assert len(week.days) == 2
    assert week.off_by is not None
    assert week.off_by <= 1
    assert all(day.recorded > 0 for day in week.days)


def painted(codes: list[int], sagittal: list[int] | None = None) -> Painted:
    seconds = np.array(codes, dtype=np.uint8)
    angles = np.array(sagittal or [20 if code == SLOUCHED else 2 for code in codes], dtype=np.int8)
    begins = NINE_MS + 1000 * np.arange(len(seconds), dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    return Painted(
        begins, seconds, angles, np.ones(len(seconds), dtype=np.bool_), 0, nothing, (1,), (1,), (CLIP,), True
    )


def by_hand(codes: list[int], plan: messages.Plan, **told: Any) -> DayUnderPlan:
    seconds = painted(codes)
    day = PreviewedDay(MONDAY, HERE, seconds, seconds, told.get("episodes", ()), told.get("reminders", ()))
    return preview([day], plan).days[0]


STEADY: Final = HERE.model_copy(update={"back_off": False})


def test_a_slouch_that_a_reminder_ended_might_have_gone_on() -> None:
    from server.summaries.types import DayEpisode

    codes = [UPRIGHT] * 60 + [SLOUCHED] * 70 + [UPRIGHT] * 300
    start, end = NINE_MS + 60_000, NINE_MS + 130_000
    episode = DayEpisode(start, end, 21.0, 20.0, "recovered", "gateway", 1, True, True)
    given = DayReminder(start + 60_000, start, 20.0, "given", "prompt", 8000, "clip", 1, True)
    longer = STEADY.model_copy(update={"dwell_s": 90})
    day = by_hand(codes, longer, episodes=[episode], reminders=[given])
    assert (day.given, day.given_most, day.recorded, day.replayed) == (0, 1, 1, 1)
    steeper = longer.model_copy(update={"angle_deg": 25})
    assert by_hand(codes, steeper, episodes=[episode], reminders=[given]).given_most == 0
    ignored = DayReminder(start + 60_000, start, 20.0, "given", "none", None, "clip", 1, True)
    assert by_hand(codes, longer, episodes=[episode], reminders=[ignored]).given_most == 0
    shorter = STEADY.model_copy(update={"dwell_s": 30})
    assert by_hand(codes, shorter, episodes=[episode], reminders=[given]).given_most == 1


def test_a_plan_that_only_measures_reminds_of_nothing() -> None:
    track = STEADY.model_copy(update={"mode": "track"})
    day = by_hand([SLOUCHED] * 200, track)
    assert (day.given, day.given_most, day.withheld) == (0, 0, {"track_mode": 1})


def test_days_without_the_clip_are_no_days() -> None:
    seconds = painted([NOT_WORN] * 100)
    assert preview([PreviewedDay(MONDAY, HERE, seconds, seconds, (), ())], HERE).days == ()
    assert preview([], HERE).given_a_day is None
    assert preview([], HERE).off_by is None


def test_a_gap_between_windows_is_no_slouch() -> None:
    seconds = painted([SLOUCHED] * 80)
    begins = seconds.begins_ms.copy()
    begins[40:] += 3_600_000
    apart = Painted(begins, *(getattr(seconds, name) for name in list(Painted.__dataclass_fields__)[1:]))
    assert preview([PreviewedDay(MONDAY, HERE, apart, apart, (), ())], STEADY).days[0].given == 0
    together = PreviewedDay(MONDAY, HERE, seconds, seconds, (), ())
    assert preview([together], STEADY).days[0].given == 1


def test_the_plan_in_force_is_replayed_by_the_clock_that_it_had() -> None:
    """Quiet by the clip's local time: half past two in the afternoon where the clip was."""
    hours = {"start": "14:00", "end": "18:00", "zone": "Asia/Kolkata"}
    quiet = STEADY.model_copy(update={**hours, "quiet_start": "14:30", "quiet_end": "15:00"})
    seconds = painted([SLOUCHED] * 90)
    for own, replayed in ((STEADY.model_copy(update=hours), 1), (quiet, 0)):
        assert preview([PreviewedDay(MONDAY, own, seconds, seconds, (), ())], STEADY).days[0].replayed == replayed


def test_reminders_outside_the_window_are_not_held_against_the_replay() -> None:
    def at(second: int) -> DayReminder:
        return DayReminder(NINE_MS + second * 1000, NINE_MS, 20.0, "given", "none", None, "clip", 1, True)

    assert by_hand([UPRIGHT] * 100, STEADY, reminders=[at(-1), at(0), at(99), at(100)]).recorded == 2


def test_a_plan_goes_on_from_day_to_day_where_it_was() -> None:
    """Every other reminder is given: with three due a day, the days take turns. Its own plan under itself is its own
    replay."""
    fading = STEADY.model_copy(update={"fraction_pct": 50, "cap_per_hour": 30, "repeat_s": 60})
    codes = ([SLOUCHED] * 70 + [UPRIGHT] * 120) * 3
    days = []
    for number in range(4):
        seconds = painted(codes)
        there = replace(seconds, begins_ms=seconds.begins_ms + number * 86_400_000)
        days.append(PreviewedDay(MONDAY + timedelta(days=number), fading, there, there, (), ()))
    week = preview(days, fading).days
    assert [day.replayed for day in week] == [day.given for day in week]
    alone = [preview([day], fading).days[0].given for day in days]
    assert [day.given for day in week] != alone


@given(
    codes=st.lists(st.integers(0, 10), min_size=1, max_size=80),
    angles=st.lists(st.one_of(st.just(NO_ANGLE), st.integers(-20, 60)), min_size=80, max_size=80),
    angle=st.integers(6, 60),
)
def test_only_upright_and_slouched_seconds_are_judged_again(codes: list[int], angles: list[int], angle: int) -> None:
    plan = messages.Plan(version=1, angle_deg=angle, recovery_deg=5)
    seconds = np.array(codes, dtype=np.uint8)
    sagittal = np.array(angles[: len(codes)], dtype=np.int8)
    judged = rejudge(seconds, sagittal, plan)
    either = np.isin(seconds, (UPRIGHT, SLOUCHED))
    assert (judged[~either] == seconds[~either]).all()
    assert np.isin(judged[either], (UPRIGHT, SLOUCHED)).all()
    known = either & (sagittal != NO_ANGLE)
    assert (judged[known & (sagittal >= angle)] == SLOUCHED).all()
    assert (judged[either & ~known] == seconds[either & ~known]).all()
    previous = np.concatenate(([False], judged[:-1] == SLOUCHED))
    assert (judged[known & (sagittal < angle) & ~previous] == UPRIGHT).all()  # none begins below the angle


@pytest.mark.parametrize(
    ("codes", "angles", "judged"),
    [
        ([UPRIGHT] * 7, [20, 2, 8, 8, 2, 2, 8], [SLOUCHED] * 5 + [UPRIGHT] * 2),
        ([UPRIGHT, MOVING, UPRIGHT], [20, 2, 8], [SLOUCHED, MOVING, UPRIGHT]),
    ],
    ids=["until the angle has been low for the whole recovery time", "until another category comes"],
)
def test_a_slouch_goes_on(codes: list[int], angles: list[int], judged: list[int]) -> None:
    plan = messages.Plan(version=1, angle_deg=12, recovery_deg=6, recovery_s=1.5)
    assert rejudge(np.array(codes, dtype=np.uint8), np.array(angles, dtype=np.int8), plan).tolist() == judged


def test_the_contract_names_the_reasons_in_the_order_of_their_codes() -> None:
    from firmware.clip.wire import clip_records as records

    assert REASONS[records.GIVEN] == "given"
    assert REASONS[records.WITHHELD_CAP] == "cap"
    assert REASONS[records.WITHHELD_WINDOW] == "outside_window"
    assert REASONS[records.WITHHELD_PROBE] == "silent_day"
    assert len(REASONS) == 11
