"""Today so far, held against a plain count of the seconds that were put in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gateway import messages
from gateway.face import today
from gateway.face.today import Day, SoFar, Window

BERLIN = ZoneInfo("Europe/Berlin")
NOON = round(datetime(2026, 11, 24, 12, tzinfo=BERLIN).timestamp() * 1000)
START, END = today.day_of(NOON, BERLIN)
CODE = {name: format(i, "x") for i, name in enumerate(messages.CATEGORIES)}
BOOT = "00000000000000b1"


def minute(at_ms: int, codes: str, *, judge: str = "gateway", rev: int = 1, boot: str = BOOT) -> dict[str, Any]:
    return {
        "kind": "epoch",
        "boot": boot,
        "start_ms": (at_ms - START) // 60_000 * 60_000,
        "utc_ms": at_ms,
        "judge": judge,
        "rev": rev,
        "codes": codes,
    }


def reminder(at_ms: int, reason: str = "given", rev: int = 1) -> dict[str, Any]:
    start = at_ms - START
    return {"kind": "reminder", "boot": BOOT, "start_ms": start, "utc_ms": at_ms, "rev": rev, "reason": reason}


def of(*records: dict[str, Any]) -> Day:
    day = Day(START, END)
    for record in records:
        day.add(record)
    return day


@given(
    told=st.dictionaries(
        st.integers(0, 119),
        st.tuples(st.text("0123456789a", min_size=60, max_size=60), st.text("0123456789a", min_size=60, max_size=60)),
        max_size=12,
    ),
    order=st.randoms(use_true_random=False),
)
def test_it_counts_what_was_put_in_whatever_the_order(told: dict[int, tuple[str, str]], order: Any) -> None:
    first = START + 9 * 3_600_000
    records = []
    seconds: list[str] = []
    for at, (gateway, clip) in told.items():
        when = first + at * 60_000
        records += [minute(when, gateway, rev=2), minute(when, "a" * 60, rev=1), minute(when, clip, judge="clip")]
        seconds += [b if a == CODE["lost"] else a for a, b in zip(gateway, clip, strict=True)]
    order.shuffle(records)
    now = first + 2 * 3_600_000
    found = of(*records, *records).so_far(now, Window(first, now + 3_600_000))
    off = {CODE["paused"], CODE["lost"], CODE["not_worn"]}
    assert found == SoFar(7200, sum(c not in off for c in seconds), seconds.count(CODE["slouched"]), 0, planned=True)


def test_outside_the_window_and_the_day_nothing_counts() -> None:
    window = Window(START + 9 * 3_600_000, START + 17 * 3_600_000)
    upright = CODE["upright"] * 60
    day = of(
        minute(START + 8 * 3_600_000, upright),
        minute(START - 30_000, upright, boot="a" * 16),
        minute(END, upright, boot="b" * 16),
        minute(START + 10 * 3_600_000, upright) | {"utc_ms": None},
        reminder(START - 1),
        {"kind": "unreadable", "clip": "c" * 16, "journal_id": 4},
    )
    assert day.so_far(START + 10 * 3_600_000, window) == SoFar(3600, 0, 0, 0, planned=True)
    assert day.so_far(END, window).elapsed_s == 8 * 3600
    assert day.so_far(START, window).elapsed_s == 0
    assert day.so_far(START + 120_000, None).worn_s == 30


def test_without_a_window_the_day_counts_from_its_first_minute() -> None:
    at = START + 20 * 3_600_000
    found = of(minute(at, CODE["slouched"] * 60)).so_far(at + 90_000, None)
    assert found == SoFar(90, 60, 60, 0, planned=False)
    assert of().so_far(at, None) == SoFar(0, 0, 0, 0, planned=False)


def test_reminders_that_were_given() -> None:
    at = START + 3_600_000
    day = of(reminder(at), reminder(at + 1000), reminder(at + 1000, "cap", rev=2), reminder(at + 2000, "snoozed"))
    assert day.so_far(END, None).reminders == 1


def test_days_have_the_length_of_their_zone() -> None:
    def hours(year: int, month: int, day: int) -> float:
        start, end = today.day_of(round(datetime(year, month, day, 12, tzinfo=UTC).timestamp() * 1000), BERLIN)
        return (end - start) / 3_600_000

    assert [hours(2026, 3, 29), hours(2026, 10, 25), hours(2026, 11, 24)] == [23, 25, 24]


def test_the_plans_window() -> None:
    plan = messages.Plan(version=1, days=(0, 1), start="09:30", end="24:00", zone="Europe/Berlin")
    window = today.window_of(plan, NOON, BERLIN)
    assert window == Window(START + 9 * 3_600_000 + 1_800_000, END)
    assert today.window_of(plan, NOON + 2 * 86_400_000, BERLIN) is None


def test_words() -> None:
    told = today.in_words(SoFar(3600 * 3, 3600 * 2, 3600, 2, planned=True))
    assert told == [
        "worn 2 h 00 min of 3 h 00 min so far (67 % of the plan's hours)",
        "slouched 50 % of the time worn; 2 reminders",
    ]
    told = today.in_words(SoFar(3600, 600, 600, 1, planned=False))
    assert told[1] == "too little worn for a share of slouched time; 1 reminder"
    assert today.in_words(SoFar(0, 0, 0, 0, planned=True)) == ["the plan's hours have not begun"]
    assert "no reminders" in today.in_words(SoFar(60, 0, 0, 0, planned=False))[1]
