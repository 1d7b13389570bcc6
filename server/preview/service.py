"""A patient's last days under another plan, from the database. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine

from gateway import messages
from server.plans.service import newest_plan
from server.plans.validating import validate
from server.preview.week import DAYS, Preview, PreviewedDay, preview
from server.store.engine import reading
from server.summaries.day import DayInputs, episodes_of_day, paint_day, windows_of
from server.summaries.marks import marks_between
from server.summaries.service import day_inputs
from server.summaries.zone_history import zones_of_one

MOST_DAYS: Final = 10
"""Before today. The policy's clock goes to 2**30 ms, which is twelve days."""


def week_under(
    engine: Engine, patient_id: int, fields: Mapping[str, object], now_ms: int, *, days: int = DAYS
) -> Preview:
    """The last `days` local days of a patient before today, and today so far, under the plan of `fields` (names of
    `messages.Plan`; without a seed it is the patient's own). It goes by the zone lived in when each day began.

    Raises InvalidPlanError, UnknownPatientError, and ValueError for more than MOST_DAYS.
    """
    if not 0 <= days <= MOST_DAYS:
        raise ValueError(f"from 0 to {MOST_DAYS} days")
    with reading(engine) as connection:
        zones = zones_of_one(connection, patient_id)
        newest = newest_plan(connection, patient_id)
        seed = newest.seed if newest else 0
        plan = validate({"seed": seed, **fields, "version": 1, "zone": zones.at(now_ms)})
        today = zones.day_at(now_ms)
        wanted = [today - timedelta(days=back) for back in range(days, -1, -1)]
        stored = day_inputs(connection, patient_id, wanted)
        marks = marks_between(connection, patient_id, wanted[0], today)
    return preview([_previewed(one, plan, now_ms, representative=one.day not in marks) for one in stored], plan)


def _previewed(inputs: DayInputs, plan: messages.Plan, now_ms: int, *, representative: bool) -> PreviewedDay:
    """A day with the seconds of both plans."""
    zone = inputs.zones.at(inputs.zones.bounds(inputs.day)[0])
    other = replace(inputs, plan=plan.model_copy(update={"zone": zone}))
    own, own_so_far = paint_day(inputs, now_ms)
    alike = windows_of(other.plan, other.zones, other.day) == windows_of(inputs.plan, inputs.zones, inputs.day)
    painted, so_far = (own, own_so_far) if alike else paint_day(other, now_ms)
    episodes = episodes_of_day(inputs, own, now_ms)
    return PreviewedDay(inputs.day, inputs.plan, painted, own, episodes, inputs.reminders, so_far, representative, zone)
