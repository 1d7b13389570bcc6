"""The reminder policy over judgements that are already there: the clip's own file, fed as a clip would feed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol
from firmware.clip.reminder import Policy
from gateway.core import Judgements

TICK_MS: Final = 40
"""The policy's tick on the clip."""

RENEWAL_MS: Final = 2000
"""How often a lease brings the newest angle."""

LocalMinute = Callable[[int], int]
"""Minutes of the patient's local time since Monday, 29 December 1969, 00:00 at a clip time in ms; -1 when that is not
known."""


_FIRST_MONDAY: Final = date(1969, 12, 29).toordinal()


@dataclass(frozen=True)
class Told:
    """A reminder record of the policy, clip times in ms; codes of `protocol.records`."""

    start_ms: int
    rev: int
    judge: int
    since_ms: int
    angle_deg: float
    reason: int
    response: int
    response_ms: int

    def fields(self, plan_version: int, calibration_version: int) -> dict[str, Any]:
        """As `protocol.records.parse` would give it."""
        return {
            "kind": protocol.records.REMINDER,
            "judge": self.judge,
            "rev": self.rev,
            "start_ms": self.start_ms,
            "plan": plan_version,
            "calibration": calibration_version,
            "since_ms": self.since_ms,
            "angle": round(self.angle_deg * 10),
            "reason": self.reason,
            "response": self.response,
            "response_ms": self.response_ms,
        }


def unknown_time(clip_ms: int) -> int:
    """For a recording of unknown date: window, quiet hours and silent days are not enforced."""
    del clip_ms
    return -1


def local_time(start_utc_ms: int, zone: str) -> LocalMinute:
    """The local time of a clip that was booted at `start_utc_ms`. Raises ZoneInfoNotFoundError."""
    info = ZoneInfo(zone)

    def minute(clip_ms: int) -> int:
        local = datetime.fromtimestamp((start_utc_ms + clip_ms) / 1000, info)
        return (local.toordinal() - _FIRST_MONDAY) * 1440 + local.hour * 60 + local.minute

    return minute


class Reminding:
    """Runs a policy along the core's judgements; call `run` with each stretch of them, then `end`."""

    def __init__(self, policy: Policy, local_minute: LocalMinute = unknown_time) -> None:
        self._policy = policy
        self._minute = local_minute
        self._state = (protocol.category.LOST, -1)
        self._renewed = -1
        self._angle = 0
        self._now = 0

    def run(self, judgements: Judgements) -> Iterator[Told]:
        """What the policy decides during these judgements."""
        columns = judgements.columns
        if not columns.shape[1]:
            return
        category, since, judged_to = columns[:3]
        news = (np.diff(category, prepend=self._state[0]) != 0) | (np.diff(since, prepend=self._state[1]) != 0)
        if self._policy.plan.trigger == protocol.plan.DOSE:  # each angle weighs in it
            renewed = judged_to // RENEWAL_MS
            news |= np.diff(renewed, prepend=self._renewed) != 0
            self._renewed = int(renewed[-1])
        for at in np.flatnonzero(news).tolist():
            yield from self._until(columns, int(judged_to[at]))
            self._state = (int(category[at]), int(since[at]))
            self._judge(columns, at)
            self._tick(int(judged_to[at]))
            yield from self._take()
        yield from self._until(columns, int(judged_to[-1]) + 1)
        self._judge(columns, -1)

    def _until(self, columns: NDArray[np.int64], stop_ms: int) -> Iterator[Told]:
        """Ticks that matter before `stop_ms`, while the judgement stays as it is."""
        while (due := self._policy.due_ms()) >= 0:
            now = max(-(-due // TICK_MS) * TICK_MS, self._now + TICK_MS)
            if now >= stop_ms:
                return
            at = int(np.searchsorted(columns[2], now, side="right")) - 1
            if at >= 0:
                self._judge(columns, at)  # a lease renewal brings the newest angle
            self._tick(now)
            yield from self._take()

    def _judge(self, columns: NDArray[np.int64], at: int) -> None:
        if columns[5, at]:
            self._angle = round(int(columns[3, at]) / 100)
        self._policy.judge(*self._state, self._angle, protocol.records.JUDGE_GATEWAY)

    def _tick(self, now: int) -> None:
        self._now = max(now, self._now)
        self._policy.tick(self._now, self._minute(self._now))

    def end(self, at_ms: int) -> Iterator[Told]:
        """The clip is taken off: an open response is closed."""
        self._policy.judge(protocol.category.NOT_WORN, at_ms, 0, protocol.records.JUDGE_GATEWAY)
        yield from self._take()

    def _take(self) -> Iterator[Told]:
        while (record := self._policy.take_record()) is not None:
            start, rev, judge, since, angle, reason, response, response_ms = record
            yield Told(start, rev, judge, since, angle / 10, reason, response, response_ms)
