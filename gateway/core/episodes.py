"""Since when a category has held, and the slouches that lasted: episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol

from .categories import BEND_MS, Labels, Posture
from .frames import FRAME_MS, HOP_MS, HOPS
from .lookback import Recent, View
from .types import EpisodeOut, Thresholds
from .wear import BACK, Finding

code = protocol.category
records = protocol.records

FLOOR_MS: Final = 3000
"""A shorter slouch is no episode. It is the least dwell of a plan, so that a reminder has its episode, unless somebody
was reminded while bent down."""

PASSING_MDEG: Final = 5000
"""Who goes so far beyond the angle and is back before it is an episode, has moved: stood up, sat down, reached."""
DEEP_MDEG: Final = 20_000
DEEP_MS: Final = 8000
"""Who goes so far beyond the angle and is up again within so long has bent, too: picked something up, tied a shoe."""

_REASONS: Final = {
    code.UPRIGHT: records.END_RECOVERED,
    code.LEANING_BACK: records.END_RECOVERED,
    code.PAUSED: records.END_PAUSED,
    code.LOST: records.END_LOST,
    code.NOT_WORN: records.END_NOT_WORN,
}


@dataclass(frozen=True)
class Late:
    """Found at hop `at`: since `since_ms` it was `after`, where it had been judged `before`."""

    at: int
    since_ms: int
    before: int
    after: int


class EpisodeTracker:
    """Follows the runs of equal categories; carries the open one over the cuts."""

    def __init__(self) -> None:
        self._category = -1
        self._since = 0
        self._sum = self._count = self._peak = 0  # sagittal millidegrees of the open slouch, not below recovery
        self._versions = (0, 0)
        self._recent = Recent()
        self._broken = False
        self._told: list[EpisodeOut] = []  # those that a late finding may still touch

    def break_run(self) -> None:
        """The next hop begins a new run whatever its category: its reference is another."""
        self._broken = True
        self._recent = Recent()

    def step(
        self,
        posture: Posture,
        labels: Labels,
        thresholds: Thresholds,
        calibration_version: int,
        findings: Sequence[Finding],
    ) -> tuple[NDArray[np.int64], list[EpisodeOut], list[Late]]:
        """(H,) milliseconds since when each hop's category has held, the episodes that ended, and the categories that
        turned out to have begun before they were judged."""
        category = labels.category
        changes = np.flatnonzero(np.diff(category, prepend=self._category))
        starts = changes.tolist()
        if self._broken and (not starts or starts[0]):
            starts.insert(0, 0)
        self._broken = False
        since = np.full(len(category), self._since, dtype=np.int64)
        episodes: list[EpisodeOut] = []
        lates: list[Late] = []
        columns = (posture.sagittal, posture.usable, posture.shaken, labels.fast, labels.passing, labels.rest)
        self._gather(posture, slice(0, starts[0] if starts else len(category)), thresholds)
        for k, start in enumerate(starts):
            stop = starts[k + 1] if k + 1 < len(starts) else len(category)
            hop = posture.first + start
            begun = self._begin(labels, self._recent.view(columns, start), thresholds, hop, start, findings)
            if begun < hop * HOP_MS and self._category > code.UNCALIBRATED and category[start] > code.UNCALIBRATED:
                # Where nothing is left of what was judged before, nothing may be left of its seconds either.
                from_ms = begun if begun > self._since else begun - begun % FRAME_MS
                lates.append(Late(hop, from_ms, self._category, int(category[start])))
            if self._category == code.SLOUCHED:
                passed = self._passed(hop, int(category[start]), begun, thresholds)
                episodes += [] if passed else self._end(int(category[start]), begun)
                lates += passed
            self._category, self._since = int(category[start]), begun
            self._sum = self._count = 0
            self._peak = -180_000
            self._versions = (thresholds.plan_version, calibration_version)
            since[start:stop] = begun
            self._gather(posture, slice(start, stop), thresholds)
        self._recent.advance(columns)
        return since, episodes, lates

    def _begin(
        self, labels: Labels, view: View, thresholds: Thresholds, hop: int, at: int, findings: Sequence[Finding]
    ) -> int:
        """When the category of a hop, index `at` of these labels, began; not before the category before it."""
        category = int(labels.category[at])
        if category == code.LOST and labels.lost[at]:
            return (hop + 1 - HOPS) * HOP_MS
        if category == code.NOT_WORN and self._category >= code.NOT_WORN:
            found = [finding.since for finding in findings if finding.at <= hop]
            return max(found[-1] * HOP_MS, self._since) if found else hop * HOP_MS
        if self._category <= code.UNCALIBRATED or category <= code.UNCALIBRATED:
            return hop * HOP_MS
        if category == code.MOVING:
            return max((hop + view.movement_began(gate=not labels.passing[at])) * HOP_MS, self._since)
        if self._category == code.MOVING:
            return max(self._after_moving(labels, view, thresholds, hop, at), self._since)
        if category == code.UPRIGHT and self._category == code.SLOUCHED:
            return max((hop + 1 - max(int(labels.below[at]), 1)) * HOP_MS, self._since)
        if category == code.SLOUCHED:
            return self._slouch(view, thresholds, hop, 0)
        return hop * HOP_MS

    def _after_moving(self, labels: Labels, view: View, thresholds: Thresholds, hop: int, at: int) -> int:
        """When a movement ended, and with it began what follows."""
        category, bent = int(labels.category[at]), int(labels.bent[at])
        if bent >= BEND_MS // HOP_MS:
            ended = view.movement_ended(passing=False)
            return (hop + (ended or 1 - bent)) * HOP_MS
        ended = view.posture_began(view.movement_ended())
        if category == code.SLOUCHED:
            return max(self._slouch(view, thresholds, hop, ended), (hop + ended) * HOP_MS)
        if category == code.UPRIGHT:
            ended = view.slouch_ended(ended, round(thresholds.angle_deg * 1000))
        return (hop + ended) * HOP_MS

    @staticmethod
    def _slouch(view: View, thresholds: Thresholds, hop: int, ended: int) -> int:
        """When the angle was crossed, on the line between the middles of two hops."""
        angle, recovery = round(thresholds.angle_deg * 1000), round(thresholds.recovery_deg * 1000)
        first, before = view.slouch_began(ended, angle, recovery)
        begun = (hop + first) * HOP_MS
        if before is None:
            return begun
        return begun - HOP_MS // 2 + round(HOP_MS * (angle - before) / (view.sagittal(first) - before))

    def _gather(self, posture: Posture, part: slice, thresholds: Thresholds) -> None:
        if self._category != code.SLOUCHED or part.stop <= part.start:
            return
        angles = posture.sagittal[part]
        angles = angles[posture.usable[part] & (angles >= round(thresholds.recovery_deg * 1000))]
        if len(angles):
            self._sum += int(angles.sum())
            self._count += len(angles)
            self._peak = max(self._peak, int(angles.max()))

    def _end(self, following: int, end_ms: int) -> list[EpisodeOut]:
        end_ms = max(end_ms, self._since)
        if end_ms - self._since < FLOOR_MS or not self._count:
            return []
        ended = EpisodeOut(
            start_ms=self._since,
            rev=1,
            end_ms=end_ms,
            plan_version=self._versions[0],
            calibration_version=self._versions[1],
            peak_deg=self._peak / 1000,
            mean_deg=self._sum / self._count / 1000,
            end_reason=_REASONS.get(following, records.END_MOVED),
        )
        self._told = [told for told in self._told if told.end_ms > end_ms - 2 * BACK * HOP_MS] + [ended]
        return [ended]

    def not_worn(self, finding: Finding) -> list[EpisodeOut]:
        """The clip was not worn after all: tells the episodes of that time again, ending where the clip came off, or
        without length when no slouch is left. The open one ends there, too, whatever follows."""
        off_ms = finding.since * HOP_MS
        again = []
        if self._category > code.NOT_WORN:
            begun = max(off_ms, self._since)
            if self._category == code.SLOUCHED:
                again += self._end(code.NOT_WORN, begun)
            self._category, self._since = code.NOT_WORN, begun
        for k, told in enumerate(self._told):
            left = off_ms if off_ms - told.start_ms >= FLOOR_MS else told.start_ms
            if told.end_ms > off_ms and told.end_ms != left:
                self._told[k] = replace(told, rev=told.rev + 1, end_ms=left, end_reason=records.END_NOT_WORN)
                again.append(self._told[k])
        return again

    def _passed(self, hop: int, following: int, end_ms: int, thresholds: Thresholds) -> list[Late]:
        """A slouch that is over before it was an episode was none: a movement through the angle, or a fidget."""
        beyond = self._peak - round(thresholds.angle_deg * 1000)
        floor_ms = DEEP_MS if beyond >= DEEP_MDEG else FLOOR_MS
        if following <= code.UNCALIBRATED or following == code.SLOUCHED or end_ms - self._since >= floor_ms:
            return []
        from_ms = self._since - self._since % FRAME_MS
        return [Late(hop, from_ms, code.SLOUCHED, code.MOVING if beyond >= PASSING_MDEG else code.UPRIGHT)]

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {
            "category": self._category,
            "since": self._since,
            "sum": self._sum,
            "count": self._count,
            "peak": self._peak,
            "versions": self._versions,
            "recent": self._recent.state(),
            "broken": self._broken,
            "told": [astuple(told) for told in self._told],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> EpisodeTracker:
        """A tracker that goes on where `state` was taken."""
        new = cls()
        new._category, new._since = state["category"], state["since"]
        new._sum, new._count, new._peak = state["sum"], state["count"], state["peak"]
        new._versions = (state["versions"][0], state["versions"][1])
        new._recent, new._broken = Recent.from_state(state["recent"]), state["broken"]
        new._told = [EpisodeOut(*told) for told in state["told"]]
        return new
