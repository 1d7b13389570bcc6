"""The clip's reminder policy over seconds that have been judged: pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from firmware.clip import reminder as policy
from gateway import messages
from server.store.epoch_blob import NO_ANGLE
from server.summaries.types import CODE

REASONS: Final[tuple[str, ...]] = get_args(messages.Reminder.model_fields["reason"].annotation)
"""The policy's reasons by their code: the contract names them in that order."""

_WEIGH_S: Final = 2
"""How often a dose takes the newest angle: as often as a lease brings it."""
_FRESH: Final = policy.records.JUDGE_GATEWAY


@dataclass(frozen=True)
class Due:
    """A reminder that would have been due: when (index of the second), and given or why not."""

    second: int
    reason: str


class Reminders:
    """The policy of one plan, over stretches of seconds in order of time. State goes on from one to the next."""

    def __init__(self, plan: messages.Plan) -> None:
        on_clip = policy.Plan()
        for name, value in plan.on_clip().items():
            setattr(on_clip, name, value)
        self._policy = policy.Policy(on_clip)
        self._dose = plan.trigger == "dose"

    def over(
        self,
        codes: NDArray[np.uint8],
        sagittal: NDArray[np.int8],
        begins_ms: int,
        local_minute: Callable[[int], int],
    ) -> list[Due]:
        """What is due in a stretch of N seconds without a gap. `begins_ms`: where it begins on a clock that never goes
        back, milliseconds below 2**30; `local_minute`: what the policy takes as such, at a time of that clock."""
        due: list[Due] = []
        for first, last in self._stretches(codes):
            since = begins_ms + first * 1000
            self._judge(codes, sagittal, first, since)
            self._tick(since, local_minute, begins_ms, due)
            self._until(codes, sagittal, first, last, begins_ms, local_minute, due)
        end = begins_ms + len(codes) * 1000
        self._policy.judge(CODE["lost"], end, 0, _FRESH)
        self._tick(end, local_minute, begins_ms, due)
        return due

    def _stretches(self, codes: NDArray[np.uint8]) -> list[tuple[int, int]]:
        edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
        return list(pairwise(edges)) if len(codes) else []

    def _until(
        self,
        codes: NDArray[np.uint8],
        sagittal: NDArray[np.int8],
        first: int,
        last: int,
        begins_ms: int,
        local_minute: Callable[[int], int],
        due: list[Due],
    ) -> None:
        """The ticks that matter inside a stretch of one category."""
        if codes[first] != CODE["slouched"]:
            return
        since = begins_ms + first * 1000
        if self._dose:
            weighed = sagittal[first]
            for second, angle in zip(
                range(first + _WEIGH_S, last, _WEIGH_S),
                sagittal[first + _WEIGH_S : last : _WEIGH_S].tolist(),
                strict=True,
            ):
                at = begins_ms + second * 1000
                if angle != weighed:
                    self._judge(codes, sagittal, second, since)
                    weighed = angle
                elif at < self._policy.due_ms():
                    continue  # at the same angle the dose goes on at the same rate
                self._tick(at, local_minute, begins_ms, due)
            return
        after = since
        while 0 <= (at := self._policy.due_ms()) < begins_ms + last * 1000:
            after = max(at, after + 1000)
            if after >= begins_ms + last * 1000:
                return
            self._judge(codes, sagittal, (after - begins_ms) // 1000, since)
            self._tick(after, local_minute, begins_ms, due)

    def _judge(self, codes: NDArray[np.uint8], sagittal: NDArray[np.int8], second: int, since_ms: int) -> None:
        angle = int(sagittal[second])
        self._policy.judge(int(codes[second]), since_ms, 0 if angle == NO_ANGLE else angle * 10, _FRESH)

    def _tick(self, now_ms: int, local_minute: Callable[[int], int], begins_ms: int, due: list[Due]) -> None:
        self._policy.tick(now_ms, local_minute(now_ms))
        while (told := self._policy.take_record()) is not None:
            start_ms, rev, *_, reason, _response, _response_ms = told
            if rev == 1:  # told again, it is its response that is news
                due.append(Due((start_ms - begins_ms) // 1000, REASONS[reason]))
