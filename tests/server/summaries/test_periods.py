"""Weeks and four weeks out of stored days: each day counts or says why not, and marked days are left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from gateway import messages
from server.summaries.day import DayInputs, build_day
from server.summaries.marks import DayMark
from server.summaries.periods import LeftOut, Period, build_period, week_of
from server.summaries.trends import Verdict
from server.summaries.types import DaySummary
from server.summaries.zones import Zones

MONDAY = date(2026, 11, 23)
TODAY = MONDAY + timedelta(days=20)
PLAN = messages.Plan(version=2, start="09:00", end="17:00", angle_deg=12)


def summary(day: date, shifts: int = 80, **more: Any) -> DaySummary:
    """A finished day of eight hours, all worn, unless said otherwise."""
    empty = build_day(DayInputs(7, Zones("UTC"), day, PLAN, {}, (), (), (), 0), now_ms=2**42).summary
    seconds = dict.fromkeys(empty.seconds, 0) | {"upright": 20_000, "slouched": 8_800}
    figures: dict[str, Any] = {
        "seconds": seconds,
        "worn_s": 28_800,
        "shortfall": None,
        "shifts": shifts,
        "p10": 1.0,
        "p50": 8.0,
        "p90": 15.0,
        "longest_still_s": 1800,
    }
    return replace(empty, **figures | more)


def wobble(day: date) -> int:
    return 80 + (day.toordinal() * 7) % 9


def period(stored: dict[date, DaySummary], marks: dict[date, DayMark] | None = None, first: date = MONDAY) -> Period:
    def absent(day: date) -> tuple[LeftOut, int]:
        return (LeftOut.NOTHING_RECORDED, 28_800) if day.weekday() < 5 else (LeftOut.NO_WINDOW, 0)

    return build_period(
        7, week_of(first), zone="UTC", today=TODAY, stored=stored, marks=marks or {}, absent=absent, being_made=0
    )


def days(first: date, count: int, shifts: int = 0) -> dict[date, DaySummary]:
    found = (first + timedelta(days=number) for number in range(count))
    return {day: summary(day, wobble(day) + shifts) for day in found if day.weekday() < 5}


def mark(day: date) -> DayMark:
    return DayMark(day, representative=False, reason="ill", author="Mara", created_ms=5)


def reasons(shown: Period) -> list[LeftOut | None]:
    return [line.left_out for line in shown.recent.days]


def test_the_days_of_a_week_and_the_four_weeks_before_it() -> None:
    shown = period(days(MONDAY - timedelta(days=28), 35))
    assert (shown.recent.first, shown.recent.last) == (MONDAY, date(2026, 11, 29))
    assert (shown.before.first, shown.before.last) == (date(2026, 10, 26), date(2026, 11, 22))
    assert reasons(shown) == [None] * 5 + [LeftOut.NO_WINDOW] * 2
    assert (len(shown.recent.counted), len(shown.before.counted)) == (5, 20)
    assert (shown.recent.coverage, shown.recent.worn_s) == (1.0, 5 * 28_800)
    assert {one.trend.verdict for one in shown.measures if one.measure.key != "response_rate"} == {Verdict.WITHIN_NOISE}
    rate = next(one.trend for one in shown.measures if one.measure.key == "response_rate")
    assert (rate.verdict, rate.recent_days) == (Verdict.TOO_FEW_DAYS, 0)
    assert shown.measures[0].measure.key == "shifts_per_hour"
    assert shown.measures[0].trend.recent == pytest.approx(
        sum(wobble(MONDAY + timedelta(days=n)) for n in range(5)) / 40
    )


def test_a_change_in_one_figure_is_found_in_that_one() -> None:
    shown = period(days(MONDAY - timedelta(days=28), 28) | days(MONDAY, 5, shifts=40))
    verdicts = {one.measure.key: one.trend.verdict for one in shown.measures}
    assert verdicts.pop("shifts_per_hour") is Verdict.CHANGED
    assert Verdict.CHANGED not in verdicts.values()


def test_every_day_that_does_not_count_says_why() -> None:
    stored = days(MONDAY, 7)
    stored[MONDAY] = summary(MONDAY, worn_s=9000, shortfall="worn for 31 % of the window, 60 % are needed")
    stored[MONDAY + timedelta(days=1)] = summary(MONDAY, worn_s=0, shortfall="not worn")
    stored[MONDAY + timedelta(days=2)] = summary(MONDAY, so_far=True)
    stored[MONDAY + timedelta(days=3)] = summary(MONDAY, plan_version=None, window_s=0, elapsed_s=0, worn_s=0)
    del stored[MONDAY + timedelta(days=4)]
    assert reasons(period(stored)) == [
        LeftOut.TOO_LITTLE_WORN, LeftOut.NOTHING_RECORDED, LeftOut.NOT_OVER, LeftOut.NO_PLAN,
        LeftOut.NOTHING_RECORDED, LeftOut.NO_WINDOW, LeftOut.NO_WINDOW,
    ]  # fmt: skip
    around = period(days(TODAY, 1), first=TODAY)
    assert reasons(around)[-1] is LeftOut.NOT_OVER
    assert reasons(period({}, first=TODAY + timedelta(days=1))) == [LeftOut.NOT_COME] * 7


def test_marked_days_are_left_out_of_figures_and_of_coverage() -> None:
    ill = [MONDAY, MONDAY + timedelta(days=1)]
    stored = days(MONDAY - timedelta(days=28), 28) | days(MONDAY, 5)
    stored |= {day: summary(day, shifts=900, worn_s=20_000) for day in ill}
    assert period(stored).measures[0].trend.recent == pytest.approx(71.2, abs=0.1)
    shown = period(stored, {day: mark(day) for day in ill})
    assert reasons(shown)[:3] == [LeftOut.NOT_REPRESENTATIVE, LeftOut.NOT_REPRESENTATIVE, None]
    assert shown.recent.days[0].mark == mark(MONDAY)
    assert (len(shown.recent.counted), shown.recent.coverage) == (3, 1.0)
    assert shown.measures[0].trend.recent == pytest.approx(10.5, abs=0.5)
    assert shown.measures[0].trend.verdict is Verdict.WITHIN_NOISE


def test_windows_without_a_record_lower_the_coverage() -> None:
    stored = days(MONDAY, 5)
    del stored[MONDAY]
    shown = period(stored)
    assert shown.recent.coverage == pytest.approx(0.8)
    assert (shown.recent.elapsed_s, shown.before.coverage) == (5 * 28_800, 0.0)


def test_what_depends_on_the_plans_angle_is_not_compared_over_a_change_of_it() -> None:
    stored = days(MONDAY - timedelta(days=28), 35)
    assert all(one.comparable for one in period(stored).measures)
    stored |= {
        day: replace(one, plan_angle_deg=10, plan_version=1) for day, one in days(date(2026, 10, 26), 28).items()
    }
    shown = period(stored)
    assert (shown.before.plan_angles, shown.recent.plan_angles) == ((10,), (12,))
    assert (shown.before.plan_versions, shown.recent.plan_versions) == ((1,), (2,))
    assert [one.measure.key for one in shown.measures if not one.comparable] == ["slouched_share"]
