"""After somebody has handled the clip: does it sit as before? The minutes that follow answer it, 10 s by 10 s.

A wearer leans to a side and comes back; a clip that was moved shows every posture, and walking, beside the place where
this person's lie.
"""

from __future__ import annotations

from typing import Any, Final

from .usual_place import Angles, median

ENOUGH: Final = 5
"""Blocks of evidence, 50 s."""
PER_ONE: Final = 5
"""Blocks beside the usual place that outweigh one at it."""
SETTLED: Final = 2
"""One block at the usual place says that it sits as before, unless as many as this lie beside it. What a hand has moved
shows at once; a lean comes later."""
OPEN: Final = 60
"""Blocks, 10 minutes; a question that was not answered by then is dropped."""
ASIDE_MDEG: Final = 5000
NEAR_MDEG: Final = 4000
SLIP_MDEG: Final = 6000
"""Median of the evidence: a step of 8 degrees must be found, and people sit a few degrees askew."""
AT_REST: Final = 2
"""Blocks at rest, with a breath, that must be among the evidence: a bag walks too."""
STEP_MDEG: Final = 4000
"""Against the posture just before: what was there already the hand has not brought about."""
STRIDE_MDEG: Final = 8000
"""Sagittal difference of walking; it varies more than the lateral one."""


class Question:
    """Open since hop `since`, when the clip had been handled or taken off.

    before: lateral angle at rest just before, None when the clip was off or that is not known.
    """

    def __init__(self, since: int, before: int | None) -> None:
        self.since = since
        self.before = before
        self.moved: Angles | None = None
        """The answer: sagittal and lateral difference of a clip that was moved; None when it sits as before."""
        self._blocks = 0
        self._near = 0
        self._rests = 0  # among those aside
        self._aside: list[tuple[int, int, int]] = []  # sagittal and lateral difference, lateral angle

    def rest(self, angles: Angles, beside: Angles) -> None:
        """A block at rest, and how far it lies beside the usual place."""
        self._rests += self._weigh(beside, angles[1], 1)

    def walk(self, angles: Angles, difference: Angles) -> None:
        """A block of walking, and how it differs from the person's own."""
        self._weigh(difference, angles[1], STRIDE_MDEG)

    def _weigh(self, difference: Angles, lateral: int, sagittal_least: int) -> bool:
        """Take a block in; whether it lies aside."""
        forward, right = difference
        if abs(forward) >= sagittal_least or abs(right) >= ASIDE_MDEG:
            self._aside.append((forward if abs(forward) >= sagittal_least else 0, right, lateral))
            return True
        self._near += abs(right) <= NEAR_MDEG
        return False

    def end_block(self) -> bool:
        """A block has ended, with evidence or without; whether the question is answered or, after long, dropped."""
        self._blocks += 1
        aside = len(self._aside)
        if self._rests >= AT_REST and aside + self._near >= ENOUGH and aside >= PER_ONE * self._near:
            self.moved = self._judge()
        return self.moved is not None or aside < SETTLED * self._near or self._blocks >= OPEN

    def _judge(self) -> Angles | None:
        forward, right, lateral = (median([row[k] for row in self._aside]) for k in range(3))
        aside = abs(right) >= SLIP_MDEG
        if aside and self.before is not None:
            step = lateral - self.before
            aside = abs(step) >= STEP_MDEG and step * right > 0
        return (forward, right) if aside or forward else None

    def state(self) -> list[Any]:
        """All that `from_state` needs, as JSON."""
        return [self.since, self.before, self._blocks, self._near, self._rests, self._aside]

    @classmethod
    def from_state(cls, state: list[Any]) -> Question:
        """One that goes on where `state` was taken."""
        new = cls(state[0], state[1])
        new._blocks, new._near, new._rests = state[2], state[3], state[4]
        new._aside = [(forward, right, lateral) for forward, right, lateral in state[5]]
        return new
