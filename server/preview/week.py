"""Some days under another plan, and how far such a replay can be believed: pure.

The postures are those that were held then. What a wearer would have done under the other plan nobody knows, in two ways
that the figures say:

* A slouch that ended because of a reminder might have gone on without it. It is counted again as one that would have
  become due (`given_most`), where its angle would have counted.
* The replay sees seconds and whole degrees, the clip saw more. How much that matters is measured: the plan that was in
  force is replayed too, and compared with the reminders that were really given (`replayed`, `recorded`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from gateway import messages
from server.preview.rejudging import rejudge
from server.preview.reminding import Due, Reminders
from server.summaries.painting import SECOND_MS, Painted
from server.summaries.types import CODE, NOT_WORN, DayEpisode, DayReminder

_NOT_WORN: Final = [CODE[name] for name in NOT_WORN]
_FIRST_MONDAY: Final = date(1969, 12, 29).toordinal()
_ANSWERED: Final = ("prompt", "later")


@dataclass(frozen=True)
class PreviewedDay:
    """One day. `painted` holds the seconds of the other plan's window; `recorded` is what was told of the day."""

    date: date
    plan: messages.Plan | None
    """In force on the day."""
    painted: Painted
    own: Painted
    """The seconds of the window of the plan in force."""
    episodes: Sequence[DayEpisode]
    reminders: Sequence[DayReminder]


@dataclass(frozen=True)
class DayUnderPlan:
    """A day's figures under the other plan. Seconds; `withheld` by reason."""

    date: date
    worn_s: int
    window_s: int
    slouched_s: int
    given: int
    given_most: int
    withheld: dict[str, int]
    recorded: int
    """Reminders that were given that day, within the window of the plan in force."""
    replayed: int | None
    """Reminders that a replay of the plan in force gives; None without a plan."""


@dataclass(frozen=True)
class Preview:
    """Days under another plan, in order of time; only those on which the clip was worn in the plan's window."""

    days: tuple[DayUnderPlan, ...]

    @property
    def given_a_day(self) -> tuple[float, float] | None:
        """Reminders a day, from the fewest to the most in the mean; None without days."""
        if not self.days:
            return None
        count = len(self.days)
        return sum(day.given for day in self.days) / count, sum(day.given_most for day in self.days) / count

    @property
    def off_by(self) -> float | None:
        """By how many reminders a day the replay of the plan in force differs from what was recorded, in the mean; None
        when there is no day to compare."""
        apart = [abs(day.replayed - day.recorded) for day in self.days if day.replayed is not None]
        return sum(apart) / len(apart) if apart else None


def preview(days: Sequence[PreviewedDay], plan: messages.Plan) -> Preview:
    """What `days`, in order of time, would have been under `plan`. Raises ZoneInfoNotFoundError."""
    under, before = Reminders(plan), dict[int, Reminders]()
    began_ms = min((int(day.painted.begins_ms[0]) for day in days if len(day.painted.begins_ms)), default=0)
    found = []
    for day in days:
        codes = rejudge(day.painted.codes, day.painted.sagittal, plan)
        worn = int((~np.isin(codes, _NOT_WORN)).sum())
        if not worn:
            continue
        due = _run(under, day.painted, codes, plan.zone, began_ms)
        given = sum(one.reason == "given" for one in due)
        again = _cut_short(day, plan, due) if plan.mode == "train" else 0
        found.append(
            DayUnderPlan(
                date=day.date,
                worn_s=worn,
                window_s=len(codes),
                slouched_s=int((codes == CODE["slouched"]).sum()),
                given=given,
                given_most=given + again,
                withheld=dict(Counter(one.reason for one in due if one.reason != "given")),
                recorded=sum(one.reason == "given" and _inside(day.own, one.utc_ms) for one in day.reminders),
                replayed=_replayed(day, before, began_ms),
            )
        )
    return Preview(tuple(found))


def _replayed(day: PreviewedDay, before: dict[int, Reminders], began_ms: int) -> int | None:
    if day.plan is None:
        return None
    policy = before.setdefault(day.plan.version, Reminders(day.plan))
    due = _run(policy, day.own, day.own.codes, day.plan.zone, began_ms)
    return sum(one.reason == "given" for one in due)


def _run(reminders: Reminders, painted: Painted, codes: NDArray[np.uint8], zone: str, began_ms: int) -> list[Due]:
    """What is due; `second` of each is the index in `painted`."""
    info = ZoneInfo(zone)
    found: list[Due] = []
    edges = [0, *(np.flatnonzero(np.diff(painted.begins_ms) != SECOND_MS) + 1).tolist(), len(codes)]
    for first, last in pairwise(edges):
        if first == last:
            continue
        start_ms = int(painted.begins_ms[first])
        clock = start_ms - began_ms

        def local_minute(at: int, ahead: int = began_ms) -> int:
            local = datetime.fromtimestamp((at + ahead) / 1000, info)
            return (local.toordinal() - _FIRST_MONDAY) * 1440 + local.hour * 60 + local.minute

        stretch = reminders.over(codes[first:last], painted.sagittal[first:last], clock, local_minute)
        found += [Due(one.second + first, one.reason) for one in stretch]
    return found


def _inside(painted: Painted, utc_ms: int) -> bool:
    at = int(np.searchsorted(painted.begins_ms, utc_ms, side="right")) - 1
    return at >= 0 and utc_ms - int(painted.begins_ms[at]) < SECOND_MS


def _cut_short(day: PreviewedDay, plan: messages.Plan, due: Sequence[Due]) -> int:
    """Slouches that a reminder ended before the other plan would have reminded, at angles that count under it."""
    reminded = [one.utc_ms for one in day.reminders if one.reason == "given" and one.response in _ANSWERED]
    counted = [int(day.painted.begins_ms[one.second]) for one in due if one.reason == "given"]
    return sum(
        episode.peak_deg >= plan.angle_deg
        and _inside(day.painted, episode.start_ms)
        and any(episode.start_ms <= at <= episode.end_ms for at in reminded)
        and not any(episode.start_ms <= at <= episode.end_ms for at in counted)
        for episode in day.episodes
    )
