"""What a day is told as. Times are UTC milliseconds, durations seconds, angles degrees from the reference posture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from gateway import messages

ALGO: Final = 4
"""Version of the code that makes a summary; raise it and every stored day is made again."""

CODE: Final = {name: code for code, name in enumerate(messages.CATEGORIES)}
"""Category code of each name."""

NOT_WORN: Final = ("paused", "lost", "not_worn")
"""Categories of seconds that are not worn time; all others are."""
_NOT_WORN_CODES: Final = frozenset(CODE[name] for name in NOT_WORN)


@dataclass(frozen=True)
class DaySummary:
    """The figures of one local day, over the window of the plan in force.

    `zones` are the zones lived in, (UTC ms, zone from then on), the first from the start of the day; `zone` is the
    last. `windows` are the parts of the plan's windows that lie in the day, [start, end): one, unless the patient lives
    in another zone than the plan's; `window_start_ms` and `window_end_ms` are the first start and the last end.

    `seconds` has every category (names of `messages.CATEGORIES`) and adds up to `elapsed_s`, the seconds of the windows
    up to `until_ms`; for a finished day that is all of them. A day without a window has no seconds. `shortfall` says in
    words what is missing for the figures to be shown; None when they may be. When it is not None, show coverage and
    time by category only.
    """

    patient_id: int
    date: str
    zone: str
    zones: tuple[tuple[int, str], ...]
    day_start_ms: int
    day_end_ms: int
    plan_version: int | None
    plan_angle_deg: int | None
    """The angle beyond which the plan in force calls a second slouched."""
    plan_zone: str | None
    windows: tuple[tuple[int, int], ...]
    window_start_ms: int | None
    window_end_ms: int | None
    until_ms: int | None
    window_s: int
    elapsed_s: int
    so_far: bool
    seconds: dict[str, int]
    worn_s: int
    shortfall: str | None
    p10: float | None
    p50: float | None
    p90: float | None
    shifts: int
    breaks: int
    """Times of moving about for a while, see `server.summaries.stillness`."""
    longest_still_s: int
    longest_still_start_ms: int | None
    longest_still_cut: bool
    """Whether the longest still bout ends where nothing was seen, so that it may have been longer."""
    episodes: int
    reminders_due: int
    reminders_given: int
    reminders_withheld: dict[str, int]
    """By reason; only reasons that occurred."""
    responses: dict[str, int]
    """Of the reminders given, by response (names of `messages.Reminder.response`); only those that occurred."""
    plan_versions: tuple[int, ...]
    """Versions that the day's epochs were judged with; 0 stands for "none set yet"."""
    calibration_versions: tuple[int, ...]
    clips: tuple[str, ...]
    simulated: bool
    algo: int = ALGO

    @property
    def enough(self) -> bool:
        """Whether the day reaches the floor of coverage for showing its figures."""
        return self.shortfall is None

    @property
    def coverage(self) -> float | None:
        """Worn share of the window so far, 0 to 1; None without a window."""
        return self.worn_s / self.elapsed_s if self.elapsed_s else None

    @property
    def slouched_share(self) -> float | None:
        """Slouched share of worn time, 0 to 1; None when nothing was worn."""
        return self.seconds["slouched"] / self.worn_s if self.worn_s else None

    @property
    def shifts_per_hour(self) -> float | None:
        """Shifts an hour of worn time; None when nothing was worn."""
        return self.shifts * 3600 / self.worn_s if self.worn_s else None

    @property
    def breaks_per_hour(self) -> float | None:
        """Breaks an hour of worn time; None when nothing was worn."""
        return self.breaks * 3600 / self.worn_s if self.worn_s else None

    @property
    def spread(self) -> float | None:
        """P90 - P10 of inclination, degrees; None without angles."""
        return None if self.p90 is None or self.p10 is None else round(self.p90 - self.p10, 1)

    @property
    def response_rate(self) -> float | None:
        """Share of answered reminders that were followed within 10 s; None when none was answered or ran out."""
        known = sum(count for response, count in self.responses.items() if response != "open")
        return self.responses.get("prompt", 0) / known if known else None


class Stripe(NamedTuple):
    """A run of seconds of one category, from `start_ms` to before `end_ms`."""

    start_ms: int
    end_ms: int
    category: str


class TracePoint(NamedTuple):
    """A minute of inclination: median, lowest and highest two-second sagittal mean. Minutes without angles are left
    out."""

    start_ms: int
    median_deg: float
    low_deg: float
    high_deg: float


@dataclass(frozen=True)
class DayEpisode:
    """A slouch as the judges together tell it. `judge` is gateway, clip or both."""

    start_ms: int
    end_ms: int
    peak_deg: float
    mean_deg: float
    end_reason: str
    judge: str
    plan: int
    in_window: bool
    simulated: bool


@dataclass(frozen=True)
class DayReminder:
    """A reminder that was due at `utc_ms`, for a slouch since `since_ms` (UTC).

    `response_ms` is the time from the reminder to the response, None while there is none.
    """

    utc_ms: int
    since_ms: int
    angle_deg: float
    reason: str
    response: str
    response_ms: int | None
    judge: str
    plan: int
    simulated: bool

    @property
    def given(self) -> bool:
        """Whether the motor ran."""
        return self.reason == "given"


@dataclass(frozen=True)
class DayEvent:
    """Something else that happened on a clip (`messages.EventKind`)."""

    utc_ms: int
    clip: str
    kind: str
    value: int


@dataclass(frozen=True)
class HourDetail:
    """A local hour of the clock, 0 to 23: its seconds by category code. One that comes twice counts as one."""

    hour: int
    seconds: tuple[int, ...]

    @property
    def told_s(self) -> int:
        """Seconds of the windows that lie in it."""
        return sum(self.seconds)

    @property
    def worn_s(self) -> int:
        """Seconds on the body."""
        return sum(count for code, count in enumerate(self.seconds) if code not in _NOT_WORN_CODES)


@dataclass(frozen=True)
class DayDetail:
    """Hours in which the day has a window, in order; and seconds of worn time by inclination in whole degrees,
    rising."""

    hours: tuple[HourDetail, ...]
    angles: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class DayView:
    """Everything the day page shows. Episodes, reminders and events are those of the whole local day, in order of time;
    stripes (they cover the windows up to `until_ms` without a gap) and trace are those of the windows."""

    summary: DaySummary
    plan: messages.Plan | None
    stripes: tuple[Stripe, ...]
    trace: tuple[TracePoint, ...]
    episodes: tuple[DayEpisode, ...]
    reminders: tuple[DayReminder, ...]
    events: tuple[DayEvent, ...]
    unplaced: int
    """Records of this patient, of any day, that could not be placed in time."""
    look_inside: Callable[[], DayDetail] = field(repr=False, compare=False)

    @cached_property
    def detail(self) -> DayDetail:
        """The day's inside, made when it is asked for: it is stored, no page of the day shows it."""
        return self.look_inside()
