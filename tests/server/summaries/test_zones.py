"""Days of people who travel: they follow one another without gap or overlap, and past days stay as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import messages
from server.summaries.calendar import local_date, local_day
from server.summaries.day import window_of, windows_of
from server.summaries.zones import Zones

HOUR = 3_600_000
BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"
ODD = st.sampled_from(
    [
        "Europe/Berlin",
        "Asia/Tokyo",
        "Asia/Kathmandu",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "America/Havana",
        "Pacific/Honolulu",
        "Pacific/Kiritimati",
        "Pacific/Apia",
        "Pacific/Pago_Pago",
        "Pacific/Chatham",
        "Africa/Cairo",
        "Etc/GMT+12",
    ]
)
FIRST = date(2011, 12, 1)  # Apia skips the 30th of that month


def utc(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


@st.composite
def journeys(draw: st.DrawFn) -> Zones:
    """Up to five changes of zone within weeks, some of them within a day."""
    gaps = draw(st.lists(st.integers(1, 60 * 24 * 9), max_size=5))
    at, changes = utc(2011, 12, 10) + draw(st.integers(0, 20 * 24 * 60)) * 60_000, []
    for gap in gaps:
        changes.append((at, draw(ODD)))
        at += gap * 60_000
    return Zones(draw(ODD), tuple(changes))


@given(journeys())
def test_days_follow_one_another_without_gap_or_overlap(zones: Zones) -> None:
    days = [FIRST + timedelta(days=number) for number in range(90)]
    bounds = [zones.bounds(day) for day in days]
    for (start, end), (next_start, _) in pairwise(bounds):
        assert start <= end == next_start


@given(journeys(), st.integers(utc(2011, 12, 1), utc(2012, 2, 20)))
def test_every_instant_lies_in_the_day_that_it_is_told_to_lie_in(zones: Zones, instant: int) -> None:
    start, end = zones.bounds(zones.day_at(instant))
    assert start <= instant < end


@given(journeys(), st.integers(utc(2011, 12, 1), utc(2012, 2, 20)), ODD)
def test_a_change_of_zone_leaves_the_days_before_it_as_they_were(zones: Zones, at: int, zone: str) -> None:
    kept = tuple(change for change in zones.changes if change[0] < at)
    before, after = Zones(zones.first, kept), Zones(zones.first, (*kept, (at, zone)))
    day = before.day_at(at)
    for back in range(1, 40):
        assert after.bounds(day - timedelta(days=back)) == before.bounds(day - timedelta(days=back))
    assert after.bounds(day)[0] == before.bounds(day)[0]


@given(ODD, st.dates(date(2005, 1, 1), date(2037, 1, 1)), st.integers(0, 2_140_000_000_000))
def test_who_stays_has_the_days_of_their_zone(zone: str, day: date, instant: int) -> None:
    assert Zones(zone).bounds(day) == local_day(zone, day)
    start, end = local_day(zone, local_date(zone, instant))
    assert Zones(zone).day_at(instant) == local_date(zone, instant) or not start <= instant < end


def test_a_flight_from_berlin_to_tokyo_and_back() -> None:
    # Leaves on Tuesday at 12:00 in Berlin (20:00 in Tokyo); back a week later at 10:00 in Tokyo (2:00 in Berlin).
    there, back = utc(2026, 11, 24, 11), utc(2026, 12, 1, 1)
    zones = Zones(BERLIN, ((there, TOKYO), (back, BERLIN)))
    assert zones.bounds(date(2026, 11, 23)) == local_day(BERLIN, date(2026, 11, 23))
    assert zones.bounds(date(2026, 11, 24)) == (utc(2026, 11, 23, 23), utc(2026, 11, 24, 15))  # 16 hours
    assert zones.bounds(date(2026, 11, 25)) == local_day(TOKYO, date(2026, 11, 25))
    assert zones.bounds(date(2026, 12, 1)) == (utc(2026, 11, 30, 15), utc(2026, 12, 1, 23))  # 32 hours
    assert zones.bounds(date(2026, 12, 2)) == local_day(BERLIN, date(2026, 12, 2))
    assert zones.within(*zones.bounds(date(2026, 11, 24))) == ((utc(2026, 11, 23, 23), BERLIN), (there, TOKYO))
    assert (zones.at(there - 1), zones.at(there), zones.at(back)) == (BERLIN, TOKYO, BERLIN)


def test_over_the_date_line_a_date_comes_once_and_may_be_skipped() -> None:
    # Eastwards: at 12:00 on Wednesday in Tokyo it is 17:00 on Tuesday in Honolulu.
    east = Zones(TOKYO, ((utc(2026, 11, 25, 3), "Pacific/Honolulu"),))
    assert east.day_at(utc(2026, 11, 25, 4)) == date(2026, 11, 25)  # the rest of Tuesday there is Wednesday still
    start, end = east.bounds(date(2026, 11, 25))
    assert (start, end) == (utc(2026, 11, 24, 15), utc(2026, 11, 26, 10))  # 43 hours
    # Westwards: at 1:00 on Tuesday in Pago Pago it is 2:00 on Wednesday in Kiritimati.
    west = Zones("Pacific/Pago_Pago", ((utc(2026, 11, 24, 10, 30), "Pacific/Kiritimati"),))
    assert west.day_at(utc(2026, 11, 24, 10, 29)) == date(2026, 11, 23)
    assert west.day_at(utc(2026, 11, 24, 10, 30)) == date(2026, 11, 25)
    start, end = west.bounds(date(2026, 11, 24))
    assert start == end == utc(2026, 11, 24, 10, 30)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kathmandu", date(2026, 10, 4), 24),
    ],
)
def test_the_length_of_a_day(zone: str, day: date, hours: float) -> None:
    start, end = Zones(zone).bounds(day)
    assert (end - start) / HOUR == hours


def test_a_midnight_that_comes_twice_begins_the_day_once() -> None:
    # St John's, 29 October 2006: at 0:01 the clocks went back to 23:01 of the day before.
    zones = Zones("America/St_Johns")
    assert zones.day_at(utc(2006, 10, 29, 2, 45)) == date(2006, 10, 29)
    assert local_date("America/St_Johns", utc(2006, 10, 29, 2, 45)) == date(2006, 10, 28)


def test_the_window_follows_the_plans_zone_as_the_clip_does() -> None:
    plan = messages.Plan(version=1, start="09:00", end="17:00", days=(0, 1, 2, 3, 4), zone=BERLIN)
    zones = Zones(BERLIN, ((utc(2026, 11, 24, 11), TOKYO),))
    # Tuesday ends at 24:00 in Tokyo, 16:00 in Berlin: the window's last hour is Wednesday's.
    assert windows_of(plan, zones, date(2026, 11, 24)) == ((utc(2026, 11, 24, 8), utc(2026, 11, 24, 15)),)
    assert windows_of(plan, zones, date(2026, 11, 25)) == (
        (utc(2026, 11, 24, 15), utc(2026, 11, 24, 16)),
        (utc(2026, 11, 25, 8), utc(2026, 11, 25, 15)),
    )
    # Friday's last hour comes on Saturday in Tokyo.
    assert windows_of(plan, zones, date(2026, 11, 28)) == ((utc(2026, 11, 27, 15), utc(2026, 11, 27, 16)),)
    assert windows_of(plan, zones, date(2026, 11, 29)) == ()
    anew = plan.model_copy(update={"version": 2, "zone": TOKYO})
    assert windows_of(anew, zones, date(2026, 11, 25)) == ((utc(2026, 11, 25, 0), utc(2026, 11, 25, 8)),)
    assert windows_of(None, zones, date(2026, 11, 25)) == ()


@given(journeys(), ODD, st.sampled_from([("09:00", "17:00"), ("00:00", "24:00"), ("02:10", "02:50")]))
def test_each_second_of_every_window_lies_in_exactly_one_day(zones: Zones, zone: str, hours: tuple[str, str]) -> None:
    plan = messages.Plan(version=1, start=hours[0], end=hours[1], days=(0, 1, 2, 4, 6), zone=zone)
    days = [FIRST + timedelta(days=number) for number in range(80)]
    found = [span for day in days for span in windows_of(plan, zones, day)]
    assert all(end <= start for (_, end), (start, _) in pairwise(found))
    told = [window for day in days[5:-5] if (window := window_of(plan, day))]
    inside = sum(end - start for start, end in told)
    low, high = told[0][0], told[-1][1]
    assert inside == sum(max(0, min(end, high) - max(start, low)) for start, end in found)
