"""Many patients' present days at once, for a list of them: from stored days, which are carried on to now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Engine, select, tuple_

from server.store.engine import reading
from server.store.tables import daily, stale_day
from server.summaries.day import DayInputs, build_day, until_ms
from server.summaries.floors import shortfall
from server.summaries.painting import SECOND_MS
from server.summaries.prescribed import plan_of_day, prescribed
from server.summaries.service import day_view, read_summary
from server.summaries.types import ALGO, DaySummary
from server.summaries.zone_history import zones_of


def present_days(engine: Engine, patient_ids: Iterable[int], now_ms: int) -> dict[int, DaySummary]:
    """The present local day of each of these patients, the same figures as `day_view` gives at `now_ms`. Made from
    epochs only where what is stored is out of date. One who does not exist is missing."""
    with reading(engine) as connection:
        zones = zones_of(connection, patient_ids)
        days = {patient_id: one.day_at(now_ms) for patient_id, one in zones.items()}
        keys = [(patient_id, day.isoformat()) for patient_id, day in days.items()]
        stored = {
            row.patient_id: row
            for row in connection.execute(
                select(daily.c.patient_id, daily.c.algo, daily.c.computed_ms, daily.c.body_json).where(
                    tuple_(daily.c.patient_id, daily.c.date).in_(keys)
                )
            )
        }
        stale = set(
            connection.scalars(
                select(stale_day.c.patient_id).where(tuple_(stale_day.c.patient_id, stale_day.c.date).in_(keys))
            )
        )
        plans = prescribed(connection, days.keys() - stored.keys())
    found: dict[int, DaySummary] = {}
    for patient_id, day in days.items():
        row = stored.get(patient_id)
        start_ms, end_ms = zones[patient_id].bounds(day)
        # A day that was made before it began was made with the plan of that time.
        if patient_id in stale or (row is not None and (row.algo != ALGO or row.computed_ms < start_ms)):
            found[patient_id] = day_view(engine, patient_id, day, now_ms).summary
        elif row is not None:
            found[patient_id] = carry_on(read_summary(row.body_json), now_ms)
        else:  # whatever is recorded marks its day, so nothing is
            plan = plan_of_day(plans.get(patient_id, []), frozenset(), end_ms)
            inputs = DayInputs(patient_id, zones[patient_id], day, plan, {}, (), (), (), 0)
            found[patient_id] = build_day(inputs, now_ms).summary
    return found


def carry_on(summary: DaySummary, now_ms: int) -> DaySummary:
    """A day told so far as it stands at `now_ms`, when nothing was recorded since: what has passed is lost."""
    start, end, until = summary.window_start_ms, summary.window_end_ms, summary.until_ms
    if not summary.so_far or start is None or end is None or until is None:
        return summary
    now_until = until_ms((start, end), until, now_ms)
    added = sum(max(0, min(stop, now_until) - max(first, until)) for first, stop in summary.windows) // SECOND_MS
    elapsed = summary.elapsed_s + added
    still_start = summary.longest_still_start_ms
    ends_here = still_start is not None and still_start + summary.longest_still_s * SECOND_MS == until
    cut_now = ends_here and added > 0 and any(first < until < stop for first, stop in summary.windows)
    return replace(
        summary,
        until_ms=now_until,
        elapsed_s=elapsed,
        so_far=elapsed < summary.window_s,
        seconds={**summary.seconds, "lost": summary.seconds["lost"] + added},
        shortfall=shortfall(summary.worn_s, elapsed, summary.window_s),
        longest_still_cut=summary.longest_still_cut or cut_now,
    )
