"""The demonstration always has a working morning to show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from server.demo import zone

moments = st.datetimes(datetime(2024, 1, 1), datetime(2034, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


@given(moments)
def test_somewhere_it_is_mid_morning(now: datetime) -> None:
    there = now.astimezone(ZoneInfo(zone.choose(now, None)))
    assert 9 <= there.hour <= 11


@given(moments)
def test_ones_own_zone_is_kept_in_working_hours(now: datetime) -> None:
    own = "Europe/Berlin"
    here = now.astimezone(ZoneInfo(own)).time()
    chosen = zone.choose(now, own)
    assert (chosen == own) or not zone.EARLIEST <= here <= zone.LATEST


def test_a_late_hour_here_moves_the_clinic() -> None:
    late = datetime(2026, 3, 25, 22, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert zone.choose(late, "Europe/Berlin") != "Europe/Berlin"
    assert zone.choose(late - timedelta(hours=10), "Europe/Berlin") == "Europe/Berlin"
