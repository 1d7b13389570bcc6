"""Local days: no gap, no overlap, whatever the clocks of a zone do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.summaries.calendar import UnknownZoneError, local_date, local_day, local_instant

HOUR = 3_600_000
ZONES = st.sampled_from(sorted(available_timezones()))
# Zones with half hours, quarter hours, changes at midnight, dates that were skipped, and half-hour changes.
ODD = st.sampled_from(
    [
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "America/Sao_Paulo",
        "America/Havana",
        "Asia/Beirut",
        "Africa/Cairo",
        "Pacific/Apia",
        "Pacific/Chatham",
        "Pacific/Kwajalein",
        "America/Asuncion",
        "Europe/Berlin",
        "Antarctica/Troll",
    ]
)
DAYS = st.dates(date(1971, 1, 1), date(2037, 12, 30))


@given(ZONES | ODD, DAYS)
def test_days_follow_one_another_and_hold_their_own_instants(zone: str, day: date) -> None:
    start, end = local_day(zone, day)
    next_start, _ = local_day(zone, day + timedelta(days=1))
    assert end == next_start
    assert start <= end <= start + 48 * HOUR
    if start < end:
        assert local_date(zone, start) == day
        assert local_date(zone, end - 1) == day
    assert local_date(zone, start - 1) < day


@given(ODD, st.integers(0, 2_140_000_000_000))
def test_every_instant_lies_in_the_day_of_its_date(zone: str, utc_ms: int) -> None:
    start, end = local_day(zone, local_date(zone, utc_ms))
    assert start <= utc_ms < end


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 6, 1), 24),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Havana", date(2026, 3, 8), 23),  # midnight does not exist
        ("America/Havana", date(2026, 11, 1), 25),  # midnight comes twice
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # midnight does not exist
        ("America/Sao_Paulo", date(2018, 2, 17), 25),  # the last hour comes twice
        ("Pacific/Apia", date(2011, 12, 30), 0),  # the date was skipped
        ("Pacific/Apia", date(2011, 12, 31), 24),
        ("Pacific/Apia", date(2011, 12, 29), 24),
    ],
)
def test_the_length_of_a_day(zone: str, day: date, hours: float) -> None:
    start, end = local_day(zone, day)
    assert (end - start) / HOUR == hours


def test_a_reading_of_the_clock_that_is_skipped_or_comes_twice() -> None:
    def utc(year: int, month: int, day: int, hour: int, minute: int) -> int:
        return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)

    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    assert local_instant("Europe/Berlin", spring, 150) == utc(2026, 3, 29, 1, 0)
    assert local_instant("Europe/Berlin", spring, 150, last=True) == utc(2026, 3, 29, 1, 0)
    assert local_instant("Europe/Berlin", autumn, 150) == utc(2026, 10, 25, 0, 30)
    assert local_instant("Europe/Berlin", autumn, 150, last=True) == utc(2026, 10, 25, 1, 30)
    assert local_instant("Europe/Berlin", autumn, 9 * 60) == utc(2026, 10, 25, 8, 0)
    assert local_instant("Asia/Kolkata", autumn, 1440) == utc(2026, 10, 25, 18, 30)


@pytest.mark.parametrize(
    "zone", ["", "Berlin", "../etc/passwd", "Europe", "Europe/Berlin\x00", "x" * 300, "/etc/localtime"]
)
def test_an_unknown_zone_is_named(zone: str) -> None:
    with pytest.raises(UnknownZoneError):
        local_day(zone, date(2026, 1, 1))
