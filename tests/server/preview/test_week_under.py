"""The last days under another plan, from the store: which days, by whose windows, in which zone, and at what cost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select

from server.access.rules import AccessRules
from server.ingest.enrolment import enrol_gateway
from server.plans.types import InvalidPlanError
from server.preview.service import MOST_DAYS, week_under
from server.store import UnknownPatientError, reading, writing
from server.store.tables import metadata
from server.summaries.marks import mark_day
from server.summaries.service import day_view
from server.summaries.travel import set_zone
from tests.server.conftest import CLIPS, GATEWAY, SLOUCHED, TODAY, UPRIGHT, Clinic

MORNING = [(60, UPRIGHT), (40, SLOUCHED), (200, UPRIGHT), (30, SLOUCHED), (50, UPRIGHT)]
"""From 9:00: with a window of eight hours enough for a day to count."""
YESTERDAY, EARLIER, BEFORE_THE_WEEK = (TODAY - timedelta(days=back) for back in (1, 2, 8))
FIELDS: dict[str, object] = {"angle_deg": 12, "dwell_s": 90}


@pytest.fixture
def worn(engine: Engine) -> Clinic:
    """One patient, worn on two days, today so far, and on a day too long ago."""
    clinic = Clinic(engine, AccessRules())
    enrol_gateway(engine, GATEWAY, name="Desk", now_ms=0)
    clinic.add_person("mara", "Mara Lindqvist")
    clinic.add_patient("Ada Keller", "mara", clip=CLIPS[0])
    clinic.give_plan("Ada Keller", "mara", age_ms=9 * 86_400_000, seed=41, angle_deg=12, dwell_s=90)
    for number, day in enumerate((BEFORE_THE_WEEK, EARLIER, YESTERDAY, TODAY)):
        clinic.measure(CLIPS[0], day, MORNING, until_ms=clinic.now_ms - 60_000, seed=number + 1)
    return clinic


def under(clinic: Clinic, **fields: object) -> Any:
    return week_under(clinic.engine, 1, {**FIELDS, **fields}, clinic.now_ms)


def test_the_days_worn_of_the_last_seven_and_today_so_far(worn: Clinic) -> None:
    found = under(worn)
    assert [(day.date, day.so_far, day.counts) for day in found.days] == [
        (EARLIER, False, True),
        (YESTERDAY, False, True),
        (TODAY, True, False),
    ]
    for day in found.days:
        summary = day_view(worn.engine, 1, day.date, worn.now_ms).summary
        assert (day.worn_then_s, day.slouched_then_s) == (summary.worn_s, summary.seconds["slouched"])
        assert (day.worn_s, day.window_s, day.recorded) == (summary.worn_s, summary.elapsed_s, summary.reminders_given)
        assert day.simulated
    low, high = found.given_a_day
    assert found.recorded_a_day == sum(day.recorded for day in found.days[:2]) / 2
    assert 0 < low <= high
    assert found.slouched_share == pytest.approx(70 / 380, abs=0.03)


def test_each_plan_goes_by_its_own_window(worn: Clinic) -> None:
    found = under(worn, start="10:00", end="11:00")
    assert [(day.window_s, day.worn_s) for day in found.days] == [(3600, 3600)] * 3
    assert all(day.worn_then_s == 380 * 60 for day in found.days[:2])
    assert not found.days[-1].so_far, "its window has ended, that of the plan in force has not"
    whole = under(worn)
    assert [day.recorded for day in found.days] == [day.recorded for day in whole.days]
    weekend = under(worn, days=[5, 6])
    assert (weekend.days, weekend.given_a_day, weekend.off_by) == ((), None, None)


def test_a_steeper_angle_reminds_less_and_tracking_never(worn: Clinic) -> None:
    assert under(worn, angle_deg=40).given_a_day[0] < under(worn).given_a_day[0]
    track = under(worn, mode="track")
    assert track.given_a_day == (0, 0)
    assert all(day.withheld["track_mode"] > 0 for day in track.days)


def test_without_a_seed_it_is_the_patients_own(worn: Clinic) -> None:
    some = {"fraction_pct": 40, "repeat_s": 300}
    worn.add_patient("Ben Okafor", "mara", clip=CLIPS[1])
    for _ in range(2):  # somebody else's, under a higher number
        worn.give_plan("Ben Okafor", "mara", seed=0)
    given = {seed: [day.given for day in under(worn, seed=seed, **some).days] for seed in (0, 41)}
    assert given[0] != given[41]
    assert [day.given for day in under(worn, **some).days] == given[41]


def test_a_day_goes_by_the_zone_that_was_lived_in(worn: Clinic) -> None:
    before = under(worn).days
    with writing(worn.engine) as db:
        noon = worn.now_ms - 3_600_000
        set_zone(db, 1, "America/New_York", start_ms=noon, author_id=worn.people["mara"], now_ms=worn.now_ms)
    after = under(worn).days
    assert after[:2] == before[:2]


def test_a_day_that_is_not_representative_does_not_count(worn: Clinic) -> None:
    with writing(worn.engine) as db:
        mark_day(db, 1, EARLIER, representative=False, reason="ill", author_id=worn.people["mara"], now_ms=worn.now_ms)
    found = under(worn)
    assert [day.date for day in found.counted] == [YESTERDAY]
    assert found.recorded_a_day == found.days[1].recorded


def test_one_transaction_and_nothing_written(worn: Clinic) -> None:
    def counts() -> list[int]:
        with reading(worn.engine) as db:
            return [db.scalar(select(func.count()).select_from(table)) or 0 for table in metadata.sorted_tables]

    before = counts()
    begun: list[object] = []
    event.listen(worn.engine, "begin", begun.append)
    assert under(worn, angle_deg=9).days
    assert len(begun) == 1
    assert counts() == before


def test_what_can_be_no_plan_and_who_is_nobody(worn: Clinic) -> None:
    with pytest.raises(InvalidPlanError):
        under(worn, angle_deg=99)
    with pytest.raises(UnknownPatientError):
        week_under(worn.engine, 2, FIELDS, worn.now_ms)
    with pytest.raises(ValueError, match="days"):
        week_under(worn.engine, 1, FIELDS, worn.now_ms, days=MOST_DAYS + 1)
    assert week_under(worn.engine, 1, FIELDS, worn.now_ms, days=0).days[0].date == date(2026, 3, 25)
