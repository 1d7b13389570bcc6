"""A day's figures: they add up, and they say what they do not know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import messages
from server.store import epoch_blob
from server.summaries.day import GRACE_MS, DayInputs, build_day, window_of, windows_of
from server.summaries.episodes import Told
from server.summaries.floors import shortfall
from server.summaries.types import DayReminder, DayView
from server.summaries.zones import Zones

Table = Callable[..., epoch_blob.Rows]
M = 60_000
DAY = date(2026, 11, 24)  # a Tuesday
NINE = int(datetime(2026, 11, 24, 9, tzinfo=UTC).timestamp() * 1000)
LATER = NINE + 48 * 3_600_000
PLAN = messages.Plan(version=2, start="09:00", end="10:00")


def view(
    rows: dict[str, epoch_blob.Rows] | None = None, now_ms: int = LATER, plan: messages.Plan | None = PLAN, **more: Any
) -> DayView:
    inputs = DayInputs(
        7,
        more.get("zones", Zones("UTC")),
        more.get("day", DAY),
        plan,
        rows or {},
        more.get("episodes", ()),
        more.get("reminders", ()),
        (),
        0,
    )
    return build_day(inputs, now_ms)


def minutes(table: Table, codes: list[int], **fields: Any) -> dict[str, epoch_blob.Rows]:
    return {
        "a" * 16: table(
            *[{"start_ms": i * M, "utc_ms": NINE + i * M, "code": code, **fields} for i, code in enumerate(codes)]
        )
    }


def test_a_day_without_anything_is_lost_and_has_no_figures() -> None:
    day = view()
    summary = day.summary
    assert (summary.window_s, summary.elapsed_s, summary.seconds["lost"], summary.worn_s) == (3600, 3600, 3600, 0)
    assert summary.shortfall == "not worn"
    assert not summary.enough
    assert (summary.p50, summary.slouched_share, summary.shifts_per_hour, summary.response_rate) == (None,) * 4
    assert summary.coverage == 0
    assert [(stripe.category, stripe.end_ms - stripe.start_ms) for stripe in day.stripes] == [("lost", 3_600_000)]


@pytest.mark.parametrize(
    ("plan", "words"),
    [(None, "no plan yet"), (messages.Plan(version=1, days=(5, 6)), "no window on this day")],
)
def test_a_day_without_a_window_says_so(plan: messages.Plan | None, words: str) -> None:
    summary = view(plan=plan).summary
    assert summary.shortfall == words
    assert summary.coverage is None
    assert (summary.window_start_ms, summary.elapsed_s, sum(summary.seconds.values())) == (None, 0, 0)


def test_the_categories_of_an_hour(table: Table) -> None:
    day = view(minutes(table, [10] * 30 + [9] * 12 + [2] * 6 + [0] * 6 + [4] * 6, shifts=1))
    summary = day.summary
    counted = {name: seconds for name, seconds in summary.seconds.items() if seconds}
    assert counted == {"upright": 1800, "slouched": 720, "not_worn": 360, "paused": 360, "moving": 360}
    assert summary.worn_s == 2880
    assert summary.coverage == 0.8
    assert summary.slouched_share == 0.25
    assert summary.shortfall is None
    assert summary.shifts == 60
    assert [stripe.category for stripe in day.stripes] == ["upright", "slouched", "not_worn", "paused", "moving"]


def test_percentiles_and_trace_are_those_of_worn_seconds(table: Table) -> None:
    told: list[dict[str, Any]] = [
        {"start_ms": i * M, "utc_ms": NINE + i * M, "angle": angle, "code": code}
        for i, (angle, code) in enumerate([(0, 10), (10, 10), (20, 9), (30, 9), (100, 2)])
    ]
    told.append({"start_ms": 5 * M, "utc_ms": NINE + 5 * M, "sagittal": [*range(28), None, 40]})
    day = view({"a" * 16: table(*told)})
    assert [(point.start_ms - NINE) // M for point in day.trace] == [0, 1, 2, 3, 5]
    last = day.trace[-1]
    assert (last.low_deg, last.median_deg, last.high_deg) == (0, 14, 40)
    assert day.summary.p10 is not None
    assert day.summary.p90 is not None
    assert (day.summary.p10, day.summary.p90) == (0, 30)


def test_a_live_day_is_told_so_far(table: Table) -> None:
    rows = minutes(table, [10] * 20)
    summary = view(rows, now_ms=NINE + 20 * M + 30_000).summary
    # The half minute after the last epoch has not been told yet: it is not lost.
    assert (summary.so_far, summary.elapsed_s, summary.worn_s, summary.shortfall) == (True, 1200, 1200, None)
    later = view(rows, now_ms=NINE + 40 * M).summary
    assert later.elapsed_s == (40 * M - GRACE_MS) // 1000
    assert later.seconds["lost"] == later.elapsed_s - 1200
    assert later.shortfall == "worn for 53 % of the window, 60 % are needed"
    over = view(rows, now_ms=NINE + 60 * M + GRACE_MS).summary
    assert (over.so_far, over.elapsed_s) == (False, 3600)
    before = view({}, now_ms=NINE - M).summary
    assert (before.elapsed_s, before.shortfall, before.so_far) == (0, "the window has not begun", True)


def test_records_from_a_clock_ahead_of_the_servers_count(table: Table) -> None:
    summary = view(minutes(table, [10] * 20), now_ms=NINE - 3_600_000).summary
    assert (summary.elapsed_s, summary.worn_s) == (1200, 1200)


@pytest.mark.parametrize(
    ("worn", "elapsed", "enough"),
    [(2160, 3600, True), (2159, 3600, False), (17_280, 28_800, True), (14_400, 28_800, False)],
)
def test_the_floor(worn: int, elapsed: int, enough: bool) -> None:
    assert (shortfall(worn, elapsed, 28_800) is None) == enough


@pytest.mark.parametrize(("worn", "share"), [(10_320, "36 %"), (17_279, "59 %"), (28, "less than 1 %")])
def test_the_shortfall_never_seems_to_meet_the_floor(worn: int, share: str) -> None:
    assert shortfall(worn, 28_800, 28_800) == f"worn for {share} of the window, 60 % are needed"


@pytest.mark.parametrize(
    ("zone", "day", "seconds"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23 * 3600),
        ("Europe/Berlin", date(2026, 10, 25), 25 * 3600),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24 * 3600 + 1800),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23 * 3600 + 1800),
        ("Asia/Kathmandu", date(2026, 3, 29), 24 * 3600),
    ],
)
def test_a_window_of_the_whole_day_has_all_its_seconds(zone: str, day: date, seconds: int) -> None:
    plan = messages.Plan(version=1, start="00:00", end="24:00", days=(6,), zone=zone)
    summary = view(plan=plan, zones=Zones(zone), day=day).summary
    assert (summary.window_s, summary.seconds["lost"]) == (seconds, seconds)
    assert summary.windows == ((summary.day_start_ms, summary.day_end_ms),)


def test_the_clock_of_the_window_on_days_when_the_clocks_change() -> None:
    def window(zone: str, day: date, start: str, end: str) -> tuple[str, str] | None:
        found = window_of(messages.Plan(version=1, start=start, end=end, days=(6,), zone=zone), day)
        if found is None:
            return None
        start_ms, end_ms = (f"{datetime.fromtimestamp(t / 1000, UTC):%H:%M}" for t in found)
        return start_ms, end_ms

    # At 2:00 it is 3:00; at 3:00 it is 2:00 again.
    assert window("Europe/Berlin", date(2026, 3, 29), "01:00", "09:00") == ("00:00", "07:00")
    assert window("Europe/Berlin", date(2026, 10, 25), "01:00", "09:00") == ("23:00", "08:00")
    assert window("Europe/Berlin", date(2026, 3, 29), "02:10", "02:50") is None
    assert window("Europe/Berlin", date(2026, 10, 25), "02:10", "02:50") == ("00:10", "01:50")
    assert window("Australia/Lord_Howe", date(2026, 4, 5), "01:00", "09:00") == ("14:00", "22:30")
    assert window("Australia/Lord_Howe", date(2026, 10, 4), "01:00", "09:00") == ("14:30", "22:00")
    assert window("Asia/Kathmandu", date(2026, 3, 29), "09:00", "17:00") == ("03:15", "11:15")
    assert window("Pacific/Apia", date(2011, 12, 30), "09:00", "17:00") is None


def test_an_all_day_plan_does_not_reach_into_the_next_day_when_midnight_comes_twice() -> None:
    plan = messages.Plan(version=1, start="00:00", end="24:00", days=(5,), zone="America/Havana")
    zones = Zones("America/Havana")
    (window,) = windows_of(plan, zones, date(2026, 10, 31))
    assert window == zones.bounds(date(2026, 10, 31))
    assert windows_of(plan, zones, date(2026, 11, 1)) == ()


def test_episodes_of_the_day_and_of_the_window() -> None:
    def told(start_min: float, judge: str = "gateway") -> Told:
        return Told(NINE + int(start_min * M), NINE + int((start_min + 2) * M), 20, 15.04, "recovered", judge, 2, False)

    day = view(episodes=[told(5), told(5.02, "clip"), told(-30), told(100), told(15 * 60 - 1), told(-9 * 60 - 1)])
    assert [(episode.start_ms - NINE) / M for episode in day.episodes] == [-30, 5, 100, 15 * 60 - 1]
    assert [episode.in_window for episode in day.episodes] == [False, True, False, False]
    assert day.summary.episodes == 1
    assert (day.episodes[1].judge, day.episodes[1].mean_deg) == ("both", 15.0)


@pytest.mark.parametrize(("judge_before", "starts_s"), [("clip", 57), ("gateway", 60)])
def test_an_episode_starts_where_somebody_saw_it_start(table: Table, judge_before: str, starts_s: int) -> None:
    rows = {
        "a" * 16: table(
            {"start_ms": 0, "utc_ms": NINE, "code": 9, "judge": judge_before},
            {"start_ms": M, "utc_ms": NINE + M, "code": 9, "judge": "gateway"},
        )
    }
    told = [
        Told(NINE + 60_000, NINE + 110_000, 20, 15, "recovered", "gateway", 1, False),
        Told(NINE + 57_000, NINE + 111_000, 20, 15, "recovered", "clip", 1, False),
    ]
    (episode,) = view(rows, episodes=told).episodes
    assert (episode.start_ms - NINE) / 1000 == starts_s


def test_reminders_are_counted_by_what_became_of_them() -> None:
    def due(minute: int, reason: str, response: str = "open") -> DayReminder:
        return DayReminder(NINE + minute * M, NINE, 15.0, reason, response, None, "clip", 2, False)

    summary = view(
        reminders=[due(9, "cap"), due(1, "given", "prompt"), due(2, "given", "none"), due(3, "given"), due(4, "cap")]
    ).summary
    assert (summary.reminders_due, summary.reminders_given, summary.reminders_withheld) == (5, 3, {"cap": 2})
    assert summary.responses == {"prompt": 1, "none": 1, "open": 1}
    assert summary.response_rate == 0.5


@given(
    st.lists(
        st.tuples(st.integers(-3, 70), st.integers(-1_500, 1_500), st.text("0123456789a", min_size=60, max_size=60)),
        max_size=20,
    ),
    st.integers(-10, 80),
    st.sampled_from(["09:00", "09:07", "09:59"]),
)
def test_the_categories_add_up_to_the_window_to_the_second(
    told: list[tuple[int, int, str]], now_min: int, start: str
) -> None:
    rows = [
        epoch_blob.pack_row(
            messages.Epoch.model_validate(
                {
                    "clip": "a" * 16,
                    "boot": f"{i:016x}",
                    "judge": "gateway",
                    "start_ms": 0,
                    "rev": 1,
                    "utc_ms": NINE + minute * M + shift,
                    "plan": 1,
                    "calibration": 1,
                    "codes": codes,
                    "sagittal": (4,) * 30,
                }
            )
        )
        for i, (minute, shift, codes) in enumerate(told)
    ]
    table = np.frombuffer(b"".join(rows), dtype=epoch_blob.ROW)
    plan = messages.Plan(version=1, start=start, end="10:00")
    for now in (NINE + now_min * M, LATER):
        day = view({"a" * 16: table}, now_ms=now, plan=plan)
        summary = day.summary
        assert sum(summary.seconds.values()) == summary.elapsed_s <= summary.window_s
        assert (
            summary.worn_s + sum(summary.seconds[name] for name in ("paused", "lost", "not_worn")) == summary.elapsed_s
        )
        assert sum(stripe.end_ms - stripe.start_ms for stripe in day.stripes) == summary.elapsed_s * 1000
        assert summary.so_far == (summary.elapsed_s < summary.window_s)
    assert summary.elapsed_s == summary.window_s == 3600 - 60 * int(start[3:])
