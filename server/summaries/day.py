"""A local day from what is stored of it: pure, no clock, no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np

from gateway import messages
from server.store.epoch_blob import Rows
from server.summaries.calendar import local_date, local_instant
from server.summaries.detail import detail_of
from server.summaries.episodes import Told, merge_episodes
from server.summaries.floors import shortfall
from server.summaries.painting import LOST, MINUTE_MS, SECOND_MS, Painted, paint
from server.summaries.stillness import stillness
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
from server.summaries.zones import Zones

GRACE_MS: Final = 120_000
"""A minute is told after its end and needs time to travel: seconds younger than this are not called lost before they
have had the chance to arrive."""

Span = tuple[int, int]
"""[start, end), UTC ms."""

_DAY_MIN: Final = 1440
_BEYOND: Final = 1000
"""Larger than any angle, degrees."""


@dataclass(frozen=True)
class DayInputs:
    """Everything stored that concerns a local day. `rows` per clip reach at least from a minute before the day to its
    end; episodes from some hours before it."""

    patient_id: int
    zones: Zones
    day: date
    plan: messages.Plan | None
    rows: Mapping[str, Rows]
    episodes: Sequence[Told]
    reminders: Sequence[DayReminder]
    events: Sequence[DayEvent]
    unplaced: int


@dataclass(frozen=True)
class _Window:
    """The windows of a day, and how far they have come."""

    spans: tuple[Span, ...]
    until_ms: int | None

    @property
    def whole_s(self) -> int:
        return sum(end - start for start, end in self.spans) // SECOND_MS

    def so_far(self) -> tuple[Span, ...]:
        until = self.until_ms
        return () if until is None else tuple((start, min(end, until)) for start, end in self.spans if start < until)

    def holds(self, utc_ms: int) -> bool:
        return any(start <= utc_ms < end for start, end in self.spans)


def build_day(inputs: DayInputs, now_ms: int) -> DayView:
    """The day as it stands at `now_ms`. Raises UnknownZoneError."""
    window = _window(inputs, now_ms)
    painted = paint(inputs.rows, window.so_far())
    episodes = _episodes(inputs, window, painted)
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
        partial(detail_of, painted, inputs.zones.within(*inputs.zones.bounds(inputs.day))),
    )


def paint_day(inputs: DayInputs, now_ms: int) -> tuple[Painted, bool]:
    """The seconds of the windows of `inputs.plan`, as far as they have come at `now_ms`, and whether more is to come.
    Raises UnknownZoneError."""
    window = _window(inputs, now_ms)
    painted = paint(inputs.rows, window.so_far())
    return painted, len(painted.codes) < window.whole_s


def episodes_of_day(inputs: DayInputs, painted: Painted, now_ms: int) -> tuple[DayEpisode, ...]:
    """The episodes that begin in the day, as the judges together tell them. `painted` as `paint_day` gives it."""
    return _episodes(inputs, _window(inputs, now_ms), painted)


def outside_windows(inputs: DayInputs, now_ms: int) -> tuple[Stripe, ...]:
    """What was recorded in the rest of the local day, up to `now_ms`, in order of time; nothing of what was not."""
    day_start, day_end = inputs.zones.bounds(inputs.day)
    edges = [day_start, *(edge for span in _window(inputs, now_ms).spans for edge in span), day_end]
    until = min(day_end, now_ms)
    rest = [
        (start, start + (min(end, until) - start) // SECOND_MS * SECOND_MS)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if start < min(end, until)
    ]
    lost = messages.CATEGORIES[LOST]
    return tuple(stripe for stripe in _stripes(paint(inputs.rows, rest)) if stripe.category != lost)


def window_of(plan: messages.Plan, day: date) -> Span | None:
    """A plan's window on a local date of the plan's own zone, by which the clip goes; None on a day without one.
    Raises UnknownZoneError."""
    if day.weekday() not in plan.days:
        return None
    start = local_instant(plan.zone, day, _minutes(plan.start))
    end_min = _minutes(plan.end)
    # A reading that comes twice ends a window when it comes last; 24:00 is where the next day begins, the first time.
    end = local_instant(plan.zone, day, end_min, last=end_min < _DAY_MIN)
    # A window inside an hour that the clocks skip, or on a date that a zone skips, is empty.
    return (start, end) if start < end else None


def windows_of(plan: messages.Plan | None, zones: Zones, day: date) -> tuple[Span, ...]:
    """What of a plan's windows lies in a local day of the patient, in order of time. One, as a rule; for a patient who
    has travelled without a new plan it may be parts of two. Raises UnknownZoneError."""
    day_start, day_end = zones.bounds(day)
    if plan is None or day_start == day_end:
        return ()
    first = local_date(plan.zone, day_start) - timedelta(days=1)
    last = local_date(plan.zone, day_end - 1) + timedelta(days=1)
    found: list[Span] = []
    for number in range((last - first).days + 1):
        window = window_of(plan, first + timedelta(days=number))
        if window is None:
            continue
        start, end = max(window[0], day_start), min(window[1], day_end)
        if found and start <= found[-1][1]:
            start = found.pop()[0]
        if start < end:
            found.append((start, end))
    return tuple(found)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _window(inputs: DayInputs, now_ms: int) -> _Window:
    spans = windows_of(inputs.plan, inputs.zones, inputs.day)
    if not spans:
        return _Window((), None)
    start, end = spans[0][0], spans[-1][1]
    ends = [rows["utc_ms"][rows["utc_ms"] < end].max(initial=start - MINUTE_MS) for rows in inputs.rows.values()]
    heard = int(max(ends, default=start - MINUTE_MS)) + MINUTE_MS
    return _Window(spans, until_ms((start, end), heard, now_ms))


def until_ms(window: Span, heard_ms: int, now_ms: int) -> int:
    """Up to when a window is told of, when it was heard of up to `heard_ms`: whole seconds, those whose middle lies
    before then, as they are painted."""
    start, end = window
    until = min(end, max(heard_ms, now_ms - GRACE_MS, start))
    return start - (start + SECOND_MS // 2 - until) // SECOND_MS * SECOND_MS


def _summary(
    inputs: DayInputs,
    window: _Window,
    painted: Painted,
    *,
    episodes: Sequence[DayEpisode],
    reminders: Sequence[DayReminder],
) -> DaySummary:
    day_start, day_end = inputs.zones.bounds(inputs.day)
    zones = inputs.zones.within(day_start, day_end)
    plan, spans = inputs.plan, window.spans
    counts = np.bincount(painted.codes, minlength=len(messages.CATEGORIES))
    seconds = {name: int(counts[code]) for name, code in CODE.items()}
    elapsed = len(painted.codes)
    worn = elapsed - sum(seconds[name] for name in NOT_WORN)
    window_s = window.whole_s
    p10, p50, p90 = _percentiles(painted)
    still = stillness(painted.codes, painted.begins_ms, painted.shifted)
    return DaySummary(
        patient_id=inputs.patient_id,
        date=inputs.day.isoformat(),
        zone=zones[-1][1],
        zones=zones,
        day_start_ms=day_start,
        day_end_ms=day_end,
        plan_version=plan.version if plan else None,
        plan_angle_deg=plan.angle_deg if plan else None,
        plan_zone=plan.zone if plan else None,
        windows=spans,
        window_start_ms=spans[0][0] if spans else None,
        window_end_ms=spans[-1][1] if spans else None,
        until_ms=window.until_ms,
        window_s=window_s,
        elapsed_s=elapsed,
        so_far=elapsed < window_s,
        seconds=seconds,
        worn_s=worn,
        shortfall="no plan yet" if plan is None else shortfall(worn, elapsed, window_s),
        p10=p10,
        p50=p50,
        p90=p90,
        shifts=painted.shifts,
        breaks=still.breaks,
        longest_still_s=still.longest_s,
        longest_still_start_ms=still.longest_start_ms,
        longest_still_cut=still.cut,
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


def _percentiles(painted: Painted) -> tuple[float | None, float | None, float | None]:
    """P10, P50, P90 of the two-second means of worn time; each second carries the mean of its two."""
    angles = painted.sagittal[painted.angled]
    if not len(angles):
        return None, None, None
    p10, p50, p90 = (round(float(value), 1) for value in np.percentile(angles, (10, 50, 90)))
    return p10, p50, p90


def _stripes(painted: Painted) -> tuple[Stripe, ...]:
    codes, begins = painted.codes, painted.begins_ms
    if not len(codes):
        return ()
    change = (np.diff(codes) != 0) | (np.diff(begins) != SECOND_MS)
    edges = [0, *(np.flatnonzero(change) + 1).tolist(), len(codes)]
    return tuple(
        Stripe(int(begins[start]), int(begins[end - 1]) + SECOND_MS, messages.CATEGORIES[codes[start]])
        for start, end in pairwise(edges)
    )


def _trace(painted: Painted) -> tuple[TracePoint, ...]:
    worn = np.flatnonzero(painted.angled)
    if not len(worn):
        return ()
    begins = painted.begins_ms
    whole = begins[-1] - begins[0] == (len(begins) - 1) * SECOND_MS  # one window, as a rule
    minute, second = np.divmod(worn if whole else (begins[worn] - begins[0]) // SECOND_MS, 60)
    new = np.append(True, minute[1:] != minute[:-1])
    row = np.cumsum(new) - 1
    angles = np.full((row[-1] + 1, 60), _BEYOND, dtype=np.int16)
    angles[row, second] = painted.sagittal[worn]
    angles.sort(axis=1)  # what is no angle sorts last
    counts = np.diff(np.flatnonzero(new), append=len(worn))
    row = np.arange(len(angles))
    middle = angles[row, (counts - 1) // 2] + angles[row, counts // 2]
    columns = (begins[0] + minute[new] * MINUTE_MS, middle / 2, angles[:, 0] * 1.0, angles[row, counts - 1] * 1.0)
    return tuple(map(TracePoint, *(column.tolist() for column in columns)))


def _episodes(inputs: DayInputs, window: _Window, painted: Painted) -> tuple[DayEpisode, ...]:
    day_start, day_end = inputs.zones.bounds(inputs.day)

    def watched(utc_ms: int) -> bool:
        second = int(np.searchsorted(painted.begins_ms, utc_ms, side="right")) - 1
        told = second >= 0 and utc_ms < painted.begins_ms[second] + SECOND_MS
        return not told or bool(painted.by_gateway[second])

    return tuple(
        DayEpisode(
            episode.start_ms,
            episode.end_ms,
            episode.peak_deg,
            round(episode.mean_deg, 1),
            episode.end_reason,
            episode.judge,
            episode.plan,
            window.holds(episode.start_ms),
            episode.simulated,
        )
        for episode in merge_episodes(inputs.episodes, watched)
        if day_start <= episode.start_ms < day_end
    )
