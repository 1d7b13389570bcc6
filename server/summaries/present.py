"""Many days in figures at once, for lists: from stored days, which are carried on to now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, Engine, select

from server.store.engine import reading
from server.store.tables import daily, stale_day
from server.summaries.day import DayInputs, build_day, until_ms
from server.summaries.floors import shortfall
from server.summaries.painting import SECOND_MS
from server.summaries.prescribed import plan_of_day, prescribed
from server.summaries.service import day_view, read_summary
from server.summaries.types import ALGO, DaySummary
from server.summaries.zone_history import zones_of
from server.summaries.zones import Zones

Days = dict[tuple[int, date], DaySummary]


def present_days(
    engine: Engine, patient_ids: Iterable[int], now_ms: int, *, behind_ms: int = 0
) -> dict[int, DaySummary]:
    """The present local day of each of these patients, as `days_in_figures`; who does not exist is missing. A stored
    day that is out of date is taken as well when it was made less than `behind_ms` ago: every minute of wearing puts
    all days of a list out of date until they are made again. Up to GRACE_MS nothing is called lost for that."""
    with reading(engine) as connection:
        zones = zones_of(connection, patient_ids)
        wanted = [(patient_id, one.day_at(now_ms)) for patient_id, one in zones.items()]
        found, rest = _stored(connection, zones, wanted, now_ms, behind_ms)
    return {patient_id: summary for (patient_id, _), summary in (found | _made(engine, rest, now_ms)).items()}


def days_in_figures(engine: Engine, patient_id: int, days: Iterable[date], now_ms: int) -> dict[date, DaySummary]:
    """These local days of a patient, the same figures as `day_view` gives at `now_ms`, made from epochs only where what
    is stored is out of date. Empty for a patient who does not exist."""
    with reading(engine) as connection:
        zones = zones_of(connection, [patient_id])
        wanted = [(patient_id, day) for day in days if zones]
        found, rest = _stored(connection, zones, wanted, now_ms)
    return {day: summary for (_, day), summary in (found | _made(engine, rest, now_ms)).items()}


def _made(engine: Engine, wanted: Iterable[tuple[int, date]], now_ms: int) -> Days:
    return {(patient_id, day): day_view(engine, patient_id, day, now_ms).summary for patient_id, day in wanted}


def _stored(
    connection: Connection,
    zones: dict[int, Zones],
    wanted: list[tuple[int, date]],
    now_ms: int,
    behind_ms: int = 0,
) -> tuple[Days, list[tuple[int, date]]]:
    """What can be told from stored days, and what must be made from epochs."""
    keys = [(patient_id, day.isoformat()) for patient_id, day in wanted]
    columns = daily.c
    stored = {
        (row.patient_id, row.date): row
        for row in connection.execute(
            select(columns.patient_id, columns.date, columns.algo, columns.computed_ms, columns.body_json).where(
                columns.patient_id.in_({one for one, _ in keys}), columns.date.in_({day for _, day in keys})
            )
        )
    }
    stale = {
        (row.patient_id, row.date)
        for row in connection.execute(
            select(stale_day.c.patient_id, stale_day.c.date).where(
                stale_day.c.patient_id.in_({one for one, _ in keys}), stale_day.c.date.in_({day for _, day in keys})
            )
        )
    }
    plans = prescribed(connection, {patient_id for patient_id, _ in keys})
    found: Days = {}
    rest = []
    for key, (patient_id, day) in zip(keys, wanted, strict=True):
        row = stored.get(key)
        start_ms, end_ms = zones[patient_id].bounds(day)
        # A day that was made before it began was made with the plan of that time.
        unusable = row is not None and (row.algo != ALGO or row.computed_ms < start_ms)
        just_made = row is not None and 0 <= now_ms - row.computed_ms < behind_ms
        if unusable or (key in stale and not just_made):
            rest.append((patient_id, day))
        elif row is not None:
            found[patient_id, day] = carry_on(read_summary(row.body_json), now_ms)
        else:  # whatever is recorded marks its day, so nothing is
            plan = plan_of_day(plans.get(patient_id, []), frozenset(), end_ms)
            inputs = DayInputs(patient_id, zones[patient_id], day, plan, {}, (), (), (), 0)
            found[patient_id, day] = build_day(inputs, now_ms).summary
    return found, rest


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
