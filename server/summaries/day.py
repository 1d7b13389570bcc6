"""A local day from what is stored of it: pure, no clock, no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway import messages
from server.store.epoch_blob import NO_ANGLE, Rows
from server.summaries.calendar import local_day, local_instant
from server.summaries.episodes import Told, merge_episodes
from server.summaries.floors import shortfall
from server.summaries.painting import MINUTE_MS, SECOND_MS, Painted, paint
from server.summaries.types import (
    CODE,
    NOT_WORN,
    DayEpisode,
    DayEvent,
    DayReminder,
    DaySummary,
    DayView,
    Stripe,
    TracePoint,
)

GRACE_MS: Final = 120_000
"""A minute is told after its end and needs time to travel: seconds younger than this are not called lost before they
have had the chance to arrive."""

_NOT_WORN_CODES: Final = [CODE[name] for name in NOT_WORN]


@dataclass(frozen=True)
class DayInputs:
    """Everything stored that concerns a local day. `rows` per clip reach at least from a minute before the day to its
    end; episodes from some hours before it."""

    patient_id: int
    zone: str
    day: date
    plan: messages.Plan | None
    rows: Mapping[str, Rows]
    episodes: Sequence[Told]
    reminders: Sequence[DayReminder]
    events: Sequence[DayEvent]
    unplaced: int


@dataclass(frozen=True)
class _Window:
    start_ms: int
    end_ms: int
    until_ms: int


def build_day(inputs: DayInputs, now_ms: int) -> DayView:
    """The day as it stands at `now_ms`. Raises UnknownZoneError."""
    day_start, day_end = local_day(inputs.zone, inputs.day)
    window = _window(inputs, now_ms)
    span = (window.start_ms, window.until_ms) if window else (day_start, day_start)
    painted = paint(inputs.rows, *span)
    episodes = _episodes(inputs.episodes, day_start, day_end, painted)
    reminders = tuple(sorted(inputs.reminders, key=lambda reminder: reminder.utc_ms))
    return DayView(
        _summary(inputs, window, painted, episodes=episodes, reminders=reminders),
        inputs.plan,
        _stripes(painted),
        _trace(painted),
        episodes,
        reminders,
        tuple(sorted(inputs.events, key=lambda event: event.utc_ms)),
        inputs.unplaced,
    )


def window_of(plan: messages.Plan | None, zone: str, day: date) -> tuple[int, int] | None:
    """[start, end) of a plan's window on a local date, UTC milliseconds; None on a day without one."""
    if plan is None or day.weekday() not in plan.days:
        return None
    start = local_instant(zone, day, _minutes(plan.start))
    end = local_instant(zone, day, _minutes(plan.end), last=True)
    # A window inside an hour that the clocks skip, or on a date that a zone skips, is empty.
    return (start, end) if start < end else None


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _window(inputs: DayInputs, now_ms: int) -> _Window | None:
    found = window_of(inputs.plan, inputs.zone, inputs.day)
    if found is None:
        return None
    start, end = found
    ends = [rows["utc_ms"][rows["utc_ms"] < end].max(initial=start - MINUTE_MS) for rows in inputs.rows.values()]
    heard = int(max(ends, default=start - MINUTE_MS)) + MINUTE_MS
    until = min(end, max(heard, now_ms - GRACE_MS, start))
    return _Window(start, end, until - (until - start) % SECOND_MS)


def _summary(
    inputs: DayInputs,
    window: _Window | None,
    painted: Painted,
    *,
    episodes: Sequence[DayEpisode],
    reminders: Sequence[DayReminder],
) -> DaySummary:
    day_start, day_end = local_day(inputs.zone, inputs.day)
    counts = np.bincount(painted.codes, minlength=len(messages.CATEGORIES))
    seconds = {name: int(counts[code]) for name, code in CODE.items()}
    elapsed = len(painted.codes)
    worn = elapsed - sum(seconds[name] for name in NOT_WORN)
    window_s = (window.end_ms - window.start_ms) // SECOND_MS if window else 0
    p10, p50, p90 = _percentiles(painted)
    return DaySummary(
        patient_id=inputs.patient_id,
        date=inputs.day.isoformat(),
        zone=inputs.zone,
        day_start_ms=day_start,
        day_end_ms=day_end,
        plan_version=inputs.plan.version if inputs.plan else None,
        window_start_ms=window.start_ms if window else None,
        window_end_ms=window.end_ms if window else None,
        until_ms=window.until_ms if window else None,
        window_s=window_s,
        elapsed_s=elapsed,
        so_far=window is not None and window.until_ms < window.end_ms,
        seconds=seconds,
        worn_s=worn,
        shortfall="no plan yet" if inputs.plan is None else shortfall(worn, elapsed, window_s),
        p10=p10,
        p50=p50,
        p90=p90,
        shifts=painted.shifts,
        episodes=sum(episode.in_window for episode in episodes),
        reminders_due=len(reminders),
        reminders_given=sum(reminder.given for reminder in reminders),
        reminders_withheld=dict(Counter(reminder.reason for reminder in reminders if not reminder.given)),
        responses=dict(Counter(reminder.response for reminder in reminders if reminder.given)),
        plan_versions=painted.plan_versions,
        calibration_versions=painted.calibration_versions,
        clips=painted.clips,
        simulated=painted.simulated,
    )


def _worn_angles(painted: Painted) -> NDArray[np.bool_]:
    worn: NDArray[np.bool_] = ~np.isin(painted.codes, _NOT_WORN_CODES) & (painted.sagittal != NO_ANGLE)
    return worn


def _percentiles(painted: Painted) -> tuple[float | None, float | None, float | None]:
    """P10, P50, P90 of the two-second means of worn time; each second carries the mean of its two."""
    angles = painted.sagittal[_worn_angles(painted)]
    if not len(angles):
        return None, None, None
    p10, p50, p90 = (round(float(value), 1) for value in np.percentile(angles, (10, 50, 90)))
    return p10, p50, p90


def _stripes(painted: Painted) -> tuple[Stripe, ...]:
    codes = painted.codes
    if not len(codes):
        return ()
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    return tuple(
        Stripe(
            painted.start_ms + start * SECOND_MS, painted.start_ms + end * SECOND_MS, messages.CATEGORIES[codes[start]]
        )
        for start, end in pairwise(edges)
    )


def _trace(painted: Painted) -> tuple[TracePoint, ...]:
    minutes = -(-len(painted.codes) // 60)
    angles = np.full(minutes * 60, np.nan, dtype=np.float32)
    angles[: len(painted.codes)] = np.where(_worn_angles(painted), painted.sagittal, np.nan)
    angles = np.sort(angles.reshape(minutes, 60), axis=1)  # what is not a number sorts last
    counts = np.count_nonzero(~np.isnan(angles), axis=1)
    told = np.flatnonzero(counts)
    angles, counts = angles[told], counts[told]
    row = np.arange(len(told))
    median = (angles[row, (counts - 1) // 2] + angles[row, counts // 2]) / 2
    columns = (
        painted.start_ms + told * MINUTE_MS,
        median,
        angles[:, 0],
        angles[row, counts - 1],
    )
    return tuple(TracePoint(*point) for point in zip(*(column.tolist() for column in columns), strict=True))


def _episodes(told: Sequence[Told], day_start: int, day_end: int, painted: Painted) -> tuple[DayEpisode, ...]:
    def second(utc_ms: int) -> int:
        return (utc_ms - painted.start_ms) // SECOND_MS

    def in_window(utc_ms: int) -> bool:
        return 0 <= second(utc_ms) < len(painted.codes)

    def watched(utc_ms: int) -> bool:
        return not in_window(utc_ms) or bool(painted.by_gateway[second(utc_ms)])

    return tuple(
        DayEpisode(
            episode.start_ms,
            episode.end_ms,
            episode.peak_deg,
            round(episode.mean_deg, 1),
            episode.end_reason,
            episode.judge,
            episode.plan,
            in_window(episode.start_ms),
            episode.simulated,
        )
        for episode in merge_episodes(told, watched)
        if day_start <= episode.start_ms < day_end
    )
