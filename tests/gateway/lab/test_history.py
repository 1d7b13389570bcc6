"""Simulated days: real records of the real core and policy."""

from __future__ import annotations

import functools
import time
from collections import Counter
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import protocol
from firmware.clip.clock import Clock
from firmware.clip.reminder import Policy
from gateway import messages
from gateway.core import Core, Judgements, Thresholds
from gateway.lab.history import make_day
from gateway.lab.presets import check_script, workday_script
from gateway.lab.reminding import Reminding, Told, local_time
from gateway.lab.script import Body, Script, Segment
from gateway.lab.truth import truth

START = 1_790_584_200_000  # a Monday, 08:30 in UTC
CLIP, BOOT = "00000000000000aa", "00000000000000bb"


@pytest.fixture
def plan() -> Any:
    plan = protocol.plan.Plan()
    plan.version, plan.mode, plan.repeat_s, plan.cap_per_hour = 5, protocol.plan.TRAIN, 60, 30
    plan.back_off = 0
    return plan


def test_a_day_of_records_is_whole_and_marked_as_simulated(plan: Any) -> None:
    script = workday_script(1, "slouch_heavy", 0)
    records = list(make_day(script, CLIP, BOOT, START, plan, calibration_version=2))
    for record in records:
        assert messages.parse_record(record.model_dump(mode="json")) == record
        assert record.simulated
        assert (record.plan, record.calibration) == (5, 2)
        assert record.utc_ms == START + record.start_ms
    identities = Counter((r.judge, r.kind, r.start_ms, r.rev) for r in records)
    assert set(identities.values()) == {1}
    minutes = sorted({r.start_ms // 60_000 for r in records if r.kind == "epoch"})
    assert minutes == list(range(int(script.duration_s or 0) // 60 + 1))
    slouched = sum(r.codes.count("9") for r in records if isinstance(r, messages.Epoch) and r.rev == 1)
    expected = int((truth(script).codes == protocol.category.SLOUCHED).sum())
    assert slouched == pytest.approx(expected, rel=0.03)
    assert sum(r.kind == "boot" for r in records) == 1


def test_the_same_script_gives_the_same_day(plan: Any) -> None:
    script = workday_script(1, "barely_wearing", 3)
    one, two = (list(make_day(script, CLIP, BOOT, START, plan)) for _ in range(2))
    assert one == two


def test_reminders_come_one_dwell_after_the_slouch_and_are_answered(plan: Any) -> None:
    script = check_script(1)
    reminders = [r for r in make_day(script, CLIP, BOOT, START, plan) if isinstance(r, messages.Reminder)]
    first = [r for r in reminders if r.rev == 1 and r.start_ms - r.since_ms < 61_000]
    long_enough = [s for s in truth(script).slouches if s.end_s - s.start_s > 61]
    assert len(first) == len(long_enough)
    for reminder in first:
        assert 0 <= reminder.start_ms - reminder.since_ms - 60_000 <= 40
        assert reminder.reason == "given"
    again = {r.start_ms for r in reminders if r.rev == 2}
    assert again == {r.start_ms for r in reminders if r.rev == 1}


def test_outside_the_window_of_the_local_day_reminders_are_withheld(plan: Any) -> None:
    plan.start_min, plan.end_min = 600, 900
    script = Script([Segment(20), Segment(120, "sit", 20.0), Segment(20)], Body())
    for zone, reasons in (("UTC", {"outside_window"}), ("Europe/Berlin", {"given"})):
        records = make_day(script, CLIP, BOOT, START, plan, zone=zone)
        assert {r.reason for r in records if isinstance(r, messages.Reminder)} == reasons


def test_local_time_follows_the_zone_and_counts_as_the_clip_does() -> None:
    assert local_time(START, "UTC")(0) % (7 * 1440) == 8 * 60 + 30
    for zone, ahead in (("UTC", 0), ("Asia/Kolkata", 330), ("America/St_Johns", -150)):
        clock = Clock(lambda: 0)
        clock.set_utc(0, START, ahead)
        for ms in (0, 61_000, 86_400_000):
            assert local_time(START, zone)(ms) == clock.local_minute(ms)


@given(cuts=st.sets(st.integers(1, 4000), max_size=12), trigger=st.sampled_from(["dwell", "dose"]))
def test_reminders_do_not_depend_on_how_the_judgements_are_cut(
    cuts: set[int], trigger: Literal["dwell", "dose"]
) -> None:
    plan = protocol.plan.Plan()
    plan.mode, plan.repeat_s = protocol.plan.TRAIN, 90
    plan.trigger = messages.Plan(version=1, trigger=trigger).on_clip()["trigger"]
    columns = _judgements(trigger).columns

    def told(edges: list[int]) -> list[Told]:
        reminding = Reminding(Policy(plan))
        out: list[Told] = []
        for begin, end in zip(edges, edges[1:], strict=False):  # noqa: RUF007
            out += reminding.run(Judgements(columns[:, begin:end]))
        return out + list(reminding.end(int(columns[2, -1])))

    n = columns.shape[1]
    whole = told([0, n])
    assert told(sorted({0, n} | {c for c in cuts if c < n})) == whole
    assert len(whole) >= (6 if trigger == "dwell" else 2)


def test_a_dose_over_judgements_is_what_the_clip_would_find_tick_by_tick() -> None:
    plan = protocol.plan.Plan()
    plan.mode, plan.trigger = protocol.plan.TRAIN, protocol.plan.DOSE
    columns = _judgements("dose").columns
    at_once = [told for told in Reminding(Policy(plan)).run(Judgements(columns)) if told.rev == 1]
    policy = Policy(plan)
    ticked = []
    renewed = -1
    state = (protocol.category.LOST, -1, 0)
    at = 0
    for now in range(0, int(columns[2, -1]) + 40, 40):
        while at < columns.shape[1] and columns[2, at] <= now:
            code, since, judged_to, sagittal, _, usable = columns[:6, at].tolist()
            if (code, since) != state[:2] or judged_to // 2000 != renewed:  # a lease: at a change, and every 2 s
                renewed = judged_to // 2000
                state = (code, since, round(sagittal / 100) if usable else state[2])
            at += 1
        policy.judge(*state, protocol.records.JUDGE_GATEWAY)
        if policy.tick(now, -1):
            ticked.append(now)
    assert len(ticked) >= 3
    assert [told.start_ms for told in at_once] == pytest.approx(ticked, abs=200)


LONG = Script(
    [
        Segment(20),
        Segment(200, "sit", 25.0),
        Segment(40),
        Segment(300, "sit", 18.0),
        Segment(60),
        Segment(600, "sit", 31.0),
    ]
)


@functools.cache
def _judgements(trigger: str) -> Judgements:
    script = LONG if trigger == "dose" else check_script(2)
    t = np.arange(0, script.duration_s or 0, 1 / 26)
    return Core(Thresholds(), script.calibration()).push(script.samples(t)).judgements


def test_a_day_is_made_in_seconds(plan: Any) -> None:
    script = workday_script(1, "steady", 0)
    start = time.perf_counter()
    for _ in make_day(script, CLIP, BOOT, START, plan):
        pass
    assert time.perf_counter() - start < 12
