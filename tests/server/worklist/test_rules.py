"""The rules: what is told, from which size on, what it rests on; and that nothing is told of nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.summaries.marks import DayMark
from server.summaries.measures import MEASURES
from server.summaries.periods import LeftOut, build_period
from server.summaries.types import DaySummary
from server.worklist.facts import (
    RECENT_DAYS,
    Change,
    Facts,
    Pain,
    PlanFacts,
    SeatEvent,
    Told,
    Urgent,
    Wear,
    WornDay,
    tell,
)
from server.worklist.flags import Flag, Rule
from server.worklist.rules import DAY_MS, flags_of, spell_of
from tests.server.conftest import TODAY
from tests.server.worklist.stored import day_of

NOW = 1_774_446_420_000
HOUR = 3_600_000
NOTHING = Told(TODAY, (), (), 0, 0, 0, "shifts_per_hour", ())


def told(
    figures: Callable[[int], DaySummary | None], marks: dict[date, DayMark] | None = None, window_s: int = 28_800
) -> Told:
    """The five weeks to yesterday; `figures` gives the day so many days ago, None where nothing is stored."""
    days = {TODAY - timedelta(days=back): figures(back) for back in range(1, 36)}
    period = build_period(
        1,
        (TODAY - timedelta(days=RECENT_DAYS), TODAY - timedelta(days=1)),
        zone="Europe/Berlin",
        today=TODAY,
        stored={day: summary for day, summary in days.items() if summary is not None},
        marks=marks or {},
        absent=lambda _: (LeftOut.NOTHING_RECORDED, window_s) if window_s else (LeftOut.NO_WINDOW, 0),
    )
    return tell(period)


def days_ago(back: int, **figures: Any) -> DaySummary:
    return day_of(TODAY - timedelta(days=back), **figures)


def rules(facts: Facts) -> list[Rule]:
    return [flag.rule for flag in flags_of(facts)]


def only(facts: Facts) -> Flag:
    (flag,) = flags_of(facts)
    return flag


def steady(back: int, rate: float = 30.0, **figures: Any) -> DaySummary:
    return days_ago(back, rate=rate + (back * 7 % 5) - 2, **figures)


# --- changed beyond their own noise ---


def test_a_figure_that_moved_is_told_with_its_size_and_the_days_behind_it() -> None:
    flag = only(Facts(NOW, told(lambda back: steady(back, 14 if back <= 7 else 30))))
    assert (flag.rule, flag.about, flag.behind.count, flag.behind.what) == (
        Rule.CHANGED, "shifts_per_hour:down", 7, "days",
    )  # fmt: skip
    assert isinstance(flag.detail, Change)
    assert (flag.detail.recent_days, flag.detail.before_days) == (7, 28)
    assert flag.size == pytest.approx(16, abs=1)
    assert flag.behind.worn_s == 7 * 7 * 3600
    assert flag.since == TODAY - timedelta(days=7)


def test_what_moved_towards_what_helps_is_good_news() -> None:
    flag = only(Facts(NOW, told(lambda back: steady(back, 45 if back <= 7 else 30))))
    assert (flag.rule, flag.about, flag.is_need) == (Rule.IMPROVED, "shifts_per_hour:up", False)


@pytest.mark.parametrize("moved", [2.0, 16.0])
def test_a_median_that_moved_is_told_either_way(moved: float) -> None:
    facts = Facts(NOW, told(lambda back: steady(back, p50=moved if back <= 7 else 8.0 + back % 3)))
    assert rules(facts) == [Rule.CHANGED]


def test_slouching_under_another_angle_is_not_compared() -> None:
    def day(back: int) -> DaySummary:
        made = steady(back, plan_angle_deg=20 if back <= 7 else 12)
        return replace(made, seconds=made.seconds | {"slouched": 20_000 if back <= 7 else 4000 + 100 * (back % 5)})

    assert rules(Facts(NOW, told(day))) == []
    assert rules(Facts(NOW, told(lambda back: replace(day(back), plan_angle_deg=12)))) == [Rule.CHANGED]


@pytest.mark.parametrize("likeness", [0.0, 0.5])
def test_unchanged_patients_are_seldom_told(likeness: float) -> None:
    """Of those in whom nothing changed, at most one in ten is in the list for it, with days that are skewed and
    resemble their neighbours; seven figures are compared in each."""
    rng = np.random.default_rng(8)
    people, flagged = 60, 0
    for _ in range(people):
        noise = rng.normal(size=(4, 36))
        for place in range(1, 36):
            noise[:, place] = likeness * noise[:, place - 1] + np.sqrt(1 - likeness**2) * noise[:, place]

        def day(back: int, noise: Any = noise) -> DaySummary | None:
            if (TODAY - timedelta(days=back)).weekday() > 4:
                return None
            shifts, still, middle, spread = noise[:, back]
            return days_ago(
                back,
                rate=float(25 * np.exp(0.25 * shifts)),
                longest_still_s=int(2400 * np.exp(0.3 * still)),
                p50=float(6 + 2 * middle),
                p90=float(16 + 2 * spread),
            )

        flagged += bool(told(day, window_s=0).changes)
    assert flagged <= people / 10


# --- wear ---


def test_prescribed_days_without_enough_wear_are_told_and_one_is_not() -> None:
    def without(gone: int) -> Facts:
        return Facts(NOW, told(lambda back: None if back <= gone else steady(back)))

    assert rules(without(1)) == []
    for gone in (2, 9):
        flag = only(without(gone))
        assert (flag.rule, flag.size, flag.behind.count) == (Rule.WEAR, gone, gone)
        assert flag.behind.window_s == gone * 28_800
        assert flag.since == TODAY - timedelta(days=gone)


def test_days_without_a_window_or_left_out_are_not_missed() -> None:
    assert rules(Facts(NOW, told(lambda back: None if back <= 9 else steady(back), window_s=0))) == []
    mark = DayMark(TODAY, False, "ill", None, 0)
    marks = {TODAY - timedelta(days=back): mark for back in range(1, 10)}
    assert rules(Facts(NOW, told(lambda back: None if back <= 9 else steady(back), marks))) == []


def test_one_good_day_does_not_end_a_spell_and_two_do() -> None:
    short = {"worn_s": 3600}
    one = told(lambda back: steady(back, **(short if back in (1, 3, 4) else {})))
    assert only(Facts(NOW, one)).size == 3
    two = told(lambda back: steady(back, **(short if back in (1, 4, 5) else {})))
    assert rules(Facts(NOW, two)) == []


WEARS = st.lists(st.sampled_from([Wear.ENOUGH, Wear.MISSED, Wear.NO_WINDOW, Wear.LEFT_OUT]), max_size=35)


def lived(wears: list[Wear]) -> tuple[WornDay, ...]:
    first = TODAY - timedelta(days=len(wears))
    worn = {Wear.ENOUGH: 25_000, Wear.MISSED: 4000}
    return tuple(
        WornDay(first + timedelta(days=place), wear, worn.get(wear, 0), 28_800 if wear in worn else 0, 0)
        for place, wear in enumerate(wears)
    )


@given(WEARS, st.data())
def test_wearing_less_never_makes_a_spell_smaller(wears: list[Wear], data: st.DataObject) -> None:
    before = spell_of(lived(wears))
    worn = [place for place, wear in enumerate(wears) if wear is Wear.ENOUGH]
    if not worn:
        return
    less = list(wears)
    less[data.draw(st.sampled_from(worn))] = Wear.MISSED
    after = spell_of(lived(less))
    assert (after.missed if after else 0) >= (before.missed if before else 0)


# --- pain ---


def pain(recent: list[int], before: list[int]) -> Facts:
    entries = [Pain(NOW - 10 * HOUR - place * HOUR, level) for place, level in enumerate(recent)]
    entries += [Pain(NOW - 20 * DAY_MS - place * HOUR, level) for place, level in enumerate(before)]
    return Facts(NOW, NOTHING, tuple(entries))


@pytest.mark.parametrize(
    ("recent", "before", "size"),
    [
        ([6, 6], [4, 4], 2),  # two points
        ([4, 4], [3, 3], 1),  # 33 %
        ([5, 5], [4, 4], None),  # 25 %
        ([2, 2], [1, 1], 1),
        ([1, 0], [0, 0], None),  # half a point is less than the scale tells
        ([9], [2, 2], None),  # one hour is no week
        ([9, 9], [2], None),
        ([9, 4, 4], [4, 4, 4], None),  # nor is one among others
        ([2, 2], [6, 6], None),
    ],
)
def test_pain_rose(recent: list[int], before: list[int], size: float | None) -> None:
    found = flags_of(pain(recent, before))
    assert [(flag.rule, flag.size, flag.behind.count) for flag in found] == (
        [] if size is None else [(Rule.PAIN, size, len(recent))]
    )


LEVELS = st.lists(st.integers(0, 10), max_size=6)


@given(LEVELS, LEVELS, st.integers(0, 5))
def test_more_pain_is_never_told_as_less(recent: list[int], before: list[int], place: int) -> None:
    if place >= len(recent) or recent[place] == 10:
        return
    worse = [level + (at == place) for at, level in enumerate(recent)]
    sizes = [max((flag.size for flag in flags_of(pain(levels, before))), default=0.0) for levels in (recent, worse)]
    assert sizes[1] >= sizes[0]


# --- clip and plan ---


def seat(*events: tuple[str, int], clip: str = "c" * 16) -> Facts:
    return Facts(NOW, NOTHING, seat=tuple(SeatEvent(clip, kind, NOW - back * HOUR, 12.4) for kind, back in events))


def test_a_slip_is_told_until_a_calibration_follows() -> None:
    flag = only(seat(("calibrated", 90), ("slipped", 30)))
    assert (flag.rule, flag.size, flag.about) == (Rule.CALIBRATION, 12.4, f"{'c' * 16}:{NOW - 30 * HOUR}")
    assert rules(seat(("slipped", 30), ("calibrated", 2))) == []
    assert rules(seat(("slipped", 29 * 24))) == []
    known = only(seat(("slipped", 30), ("slip_suspected", 3)))
    assert isinstance(known.detail, SeatEvent)
    assert known.detail.kind == "slipped"
    assert rules(seat(("slip_suspected", 30))) == [Rule.CALIBRATION]


def test_much_worn_without_a_calibration_is_told_and_a_slip_says_it_once() -> None:
    facts = Facts(NOW, told(lambda back: steady(back, uncalibrated_s=9000 if back <= 7 else 0)))
    flag = next(flag for flag in flags_of(facts) if flag.rule is Rule.CALIBRATION)
    assert (flag.about, round(flag.size, 2), flag.behind.count) == ("share", 0.36, 7)
    slipped = replace(facts, seat=seat(("slipped", 30)).seat)
    assert rules(slipped) == [Rule.CALIBRATION]  # and nothing of the share slouched, which is told by no calibration
    little = Facts(NOW, told(lambda back: steady(back, uncalibrated_s=3000 if back <= 7 else 0)))
    assert Rule.CALIBRATION not in rules(little)


def test_a_plan_that_waits_for_a_day_and_a_clip_unheard_over_a_weekend_are_told() -> None:
    def waits(hours: int) -> Facts:
        return Facts(NOW, NOTHING, plan=PlanFacts(3, NOW - hours * HOUR, None))

    def silent(hours: int) -> Facts:
        return Facts(NOW, NOTHING, clip="c" * 16, heard_ms=NOW - hours * HOUR)

    assert (rules(waits(23)), rules(waits(24))) == ([], [Rule.PLAN])
    assert (only(waits(60)).about, only(waits(60)).size) == ("3", 2.5)
    assert (rules(silent(71)), rules(silent(72))) == ([], [Rule.UNHEARD])
    assert rules(Facts(NOW, NOTHING, clip="c" * 16)) == []


def test_answers_about_urgent_signs_come_first_and_help_at_once_before_all() -> None:
    answers = (Urgent(1, NOW - HOUR, ("fever", "general"), at_once=False), Urgent(2, NOW, ("saddle",), at_once=True))
    found = flags_of(replace(pain([8, 8], [2, 2]), urgent=answers))
    assert [(flag.rule, flag.about) for flag in found] == [
        (Rule.URGENT, "2"), (Rule.URGENT, "1"), (Rule.PAIN, ""),
    ]  # fmt: skip


# --- all together ---


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Anything that can be known of a patient."""
    ago = st.integers(0, 40 * DAY_MS).map(lambda back: NOW - back)
    keys = st.sampled_from([measure.key for measure in MEASURES])
    size = st.floats(-20, 20, allow_nan=False)
    change = st.builds(
        Change, keys, size, size, size, size, size, st.integers(3, 7), st.integers(8, 28), st.floats(1, 9)
    )
    days = lived(draw(WEARS))
    worn = sum(day.worn_s for day in days[-RECENT_DAYS:])
    known = Told(
        TODAY,
        days,
        tuple(draw(st.lists(change, max_size=3, unique_by=lambda one: one.key))),
        worn,
        worn + 1000,
        draw(st.integers(0, worn)),
        "shifts_per_hour",
        (),
    )
    kinds = st.sampled_from(["slipped", "slip_suspected", "calibrated"])
    return Facts(
        NOW,
        known,
        tuple(draw(st.lists(st.builds(Pain, ago, st.integers(0, 10)), max_size=6))),
        tuple(
            draw(st.lists(st.builds(Urgent, st.integers(1, 9), ago, st.just(("fever",)), st.booleans()), max_size=2))
        ),
        tuple(
            draw(st.lists(st.builds(SeatEvent, st.sampled_from(["a", "b"]), kinds, ago, st.floats(0, 40)), max_size=4))
        ),
        PlanFacts(draw(st.none() | st.integers(1, 9)), draw(ago), None),
        draw(st.none() | st.just("a")),
        draw(st.none() | ago),
    )


@given(facts())
def test_every_flag_rests_on_something_and_is_at_least_as_big_as_its_rule_asks(known: Facts) -> None:
    for flag in flags_of(known):
        assert flag.behind.count > 0
        assert flag.times >= 1
        assert flag.size >= 0
        assert len(flag.about) <= 40
        assert flag.since is None or flag.since < TODAY


def test_nothing_is_told_of_somebody_of_whom_nothing_is_known() -> None:
    assert flags_of(Facts(NOW, NOTHING)) == ()
    assert flags_of(Facts(NOW, told(lambda _: None, window_s=0))) == ()
