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
from collections.abc import Iterable, Sequence
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
from server.summaries.floors import shortfall
from server.summaries.painting import SECOND_MS, Painted
from server.summaries.types import CODE, NOT_WORN, DayEpisode, DayReminder

DAYS: Final = 7
"""How many days before today are looked at."""
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
    so_far: bool = False
    """More of the other plan's window is to come."""
    representative: bool = True
    zone: str | None = None
    """By which the other plan would have gone on the day; None: by its own."""


@dataclass(frozen=True)
class DayUnderPlan:
    """A day's figures under the other plan. Seconds; `window_s` is the window so far; `withheld` by reason."""

    date: date
    so_far: bool
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
    worn_then_s: int
    """Worn within the window of the plan in force."""
    slouched_then_s: int
    """Slouched within it, by the angle of that plan."""
    representative: bool
    """False: somebody has said that the day is not."""
    simulated: bool

    @property
    def counts(self) -> bool:
        """Whether the day counts for the means: it is over, enough of its window was worn, and nobody has said that it
        is not representative."""
        return not self.so_far and self.representative and shortfall(self.worn_s, self.window_s, self.window_s) is None

    @property
    def slouched_share(self) -> float | None:
        """Slouched share of worn time under the other plan, 0 to 1; None when too little of the window was worn."""
        enough = shortfall(self.worn_s, self.window_s, self.window_s) is None
        return _share(self.slouched_s, self.worn_s) if enough else None

    @property
    def slouched_then_share(self) -> float | None:
        """The same by the plan in force, in its window."""
        return None if self.slouched_share is None else _share(self.slouched_then_s, self.worn_then_s)


@dataclass(frozen=True)
class Preview:
    """Days under another plan, in order of time; only those on which the clip was worn in the plan's window."""

    days: tuple[DayUnderPlan, ...]

    @property
    def counted(self) -> tuple[DayUnderPlan, ...]:
        """The days that the means are made of."""
        return tuple(day for day in self.days if day.counts)

    @property
    def given_a_day(self) -> tuple[float, float] | None:
        """Reminders a day, from the fewest to the most in the mean; None without days that count."""
        given = mean(day.given for day in self.counted)
        most = mean(day.given_most for day in self.counted)
        return None if given is None or most is None else (given, most)

    @property
    def recorded_a_day(self) -> float | None:
        """Reminders a day that were given, in the mean; None without days that count."""
        return mean(day.recorded for day in self.counted)

    @property
    def slouched_share(self) -> float | None:
        """Slouched share of worn time under the other plan, 0 to 1, over the days that count; None without one."""
        return _share(sum(day.slouched_s for day in self.counted), sum(day.worn_s for day in self.counted))

    @property
    def slouched_then_share(self) -> float | None:
        """The same by the plans in force, in their windows."""
        return _share(sum(day.slouched_then_s for day in self.counted), sum(day.worn_then_s for day in self.counted))

    @property
    def off_by(self) -> float | None:
        """By how many reminders a day the replay of the plan in force differs from what was recorded, in the mean; None
        when there is no day to compare."""
        return mean(abs(day.replayed - day.recorded) for day in self.counted if day.replayed is not None)


def mean(values: Iterable[float]) -> float | None:
    """The mean; None of nothing."""
    known = list(values)
    return sum(known) / len(known) if known else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def preview(days: Sequence[PreviewedDay], plan: messages.Plan) -> Preview:
    """What `days`, in order of time, would have been under `plan`. Raises ZoneInfoNotFoundError."""
    under, before = Reminders(plan), dict[int, Reminders]()
    seconds = [painted.begins_ms for day in days for painted in (day.painted, day.own)]
    began_ms = min((int(begins[0]) for begins in seconds if len(begins)), default=0)
    found = []
    for day in days:
        codes = rejudge(day.painted.codes, day.painted.sagittal, plan)
        worn = _worn(codes)
        if not worn:
            continue
        due = _run(under, day.painted, codes, day.zone or plan.zone, began_ms)
        given = sum(one.reason == "given" for one in due)
        again = _cut_short(day, plan, due) if plan.mode == "train" else 0
        found.append(
            DayUnderPlan(
                date=day.date,
                so_far=day.so_far,
                worn_s=worn,
                window_s=len(codes),
                slouched_s=_slouched(codes),
                given=given,
                given_most=given + again,
                withheld=dict(Counter(one.reason for one in due if one.reason != "given")),
                recorded=sum(one.reason == "given" and _inside(day.own, one.utc_ms) for one in day.reminders),
                replayed=_replayed(day, before, began_ms),
                worn_then_s=_worn(day.own.codes),
                slouched_then_s=_slouched(day.own.codes),
                representative=day.representative,
                simulated=day.painted.simulated,
            )
        )
    return Preview(tuple(found))


def _worn(codes: NDArray[np.uint8]) -> int:
    return int((~np.isin(codes, _NOT_WORN)).sum())


def _slouched(codes: NDArray[np.uint8]) -> int:
    return int((codes == CODE["slouched"]).sum())


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
