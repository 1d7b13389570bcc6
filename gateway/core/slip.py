"""Does the clip still sit as it was calibrated?

Handling raises the question: a hand on the clip, or time in which it was not worn. So a lean or a slouch that nobody's
hand began is never called a slip, however long it lasts. A clip that slides by itself leaves no such trace: it is only
suspected, when the person walks otherwise than before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .categories import Posture
from .frames import HOP_MS
from .slip_question import Question
from .types import SLIP_SUSPECTED, SLIPPED, FindingKind, FindingOut
from .usual_place import Angles, UsualPlace, median
from .walking_offset import WalkingOffset
from .wear import BLOCK, BREATH, SLANTED_DEG, STROLL

REST: Final = BLOCK // 2
WALK: Final = BLOCK * 6 // 10
"""Hops of a block that make it one at rest, or of walking."""
BOUT: Final = 2
"""Blocks, 20 s."""
BEFORE: Final = 3
"""Blocks at rest that tell where the person sat before a hand came."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Block:
    """One that has ended before hop `stop`: the mean angles at rest and of walking, if it was of that kind."""

    stop: int
    rest: Angles | None
    walk: Angles | None
    off: bool
    handled: bool


class SlipGate:
    """Follows how the clip sits, in the wear gate's blocks; says nothing more after a slip until it is calibrated."""

    def __init__(self) -> None:
        self._begun = np.zeros((8, 0), dtype=np.int64)  # hops of the block that is not whole
        self._place = UsualPlace()
        self._walking = WalkingOffset()
        self._bout: list[Angles] = []
        self._usual_until = 0  # hop up to which the person walked as usual, or since which there is a calibration
        self._recent: list[int] = []  # lateral angles of the newest blocks at rest
        self._question: Question | None = None
        self._slipped = False
        self._suspected = False

    def calibrated(self, hop: int) -> None:
        """From this hop on it sits as it was calibrated. How the person sits and walks is still known."""
        self._begun = self._begun[:, :0]
        self._bout, self._recent = [], []
        self._usual_until = hop
        self._question = None
        self._slipped = self._suspected = False
        self._walking.forget_others()

    def skip(self) -> None:
        """Time was passed over: begin blocks anew."""
        self._begun = self._begun[:, :0]
        self._bout, self._recent = [], []

    def step(
        self, posture: Posture, handled: Bools, weights: Sequence[int], *, measured: bool
    ) -> tuple[list[FindingOut], int | None]:
        """What was found, and the hop from which the calibration does not hold any more.

        handled: (H,); weights: the wear gate's, of each block that these hops bring to an end; measured: whether there
        are angles that may be used.
        """
        found: list[FindingOut] = []
        for block in self._whole(posture, handled, weights, measured=measured):
            if self._slipped:
                continue
            self._ask(block)
            one = self._take(block) if measured else None
            if one is not None:
                found.append(one)
                if one.kind == SLIPPED:
                    self._slipped = True
                    return found, block.stop
        return found, None

    def _take(self, block: _Block) -> FindingOut | None:
        suspected = self._follow_bout(block)
        if block.rest is not None and self._question is None:
            self._place.add(block.rest)
            self._recent = [*self._recent, block.rest[1]][-BEFORE:]
        return self._answer(block) or suspected

    def _ask(self, block: _Block) -> None:
        if block.off:
            self._question = Question(block.stop, None)
            self._recent = []
        elif block.handled:
            before = self._question.before if self._question else median(self._recent) if self._recent else None
            self._question = Question(block.stop, before)

    def _answer(self, block: _Block) -> FindingOut | None:
        question = self._question
        if question is None or block.off or block.handled:
            return None
        if block.rest is not None:
            question.rest(block.rest, self._place.beside(block.rest))
        elif block.walk is not None:
            difference = self._walking.difference(block.walk)
            if difference is not None:
                question.walk(block.walk, difference)
        if not question.end_block():
            return None
        self._question = None
        return None if question.moved is None else _finding(SLIPPED, block.stop, question.since, question.moved)

    def _follow_bout(self, block: _Block) -> FindingOut | None:
        """Gather a bout of walking; what its end brings to light."""
        if block.walk is not None:
            self._bout.append(block.walk)
            return None
        bout, self._bout = self._bout, []
        if len(bout) < BOUT or self._question is not None:
            return None
        differs = self._walking.add((median([walk[0] for walk in bout]), median([walk[1] for walk in bout])))
        if differs is None or self._suspected:
            if not self._walking.differing:
                self._usual_until = block.stop
            return None
        self._suspected = True
        return _finding(SLIP_SUSPECTED, block.stop, self._usual_until, differs)

    def _whole(self, posture: Posture, handled: Bools, weights: Sequence[int], *, measured: bool) -> Iterator[_Block]:
        fit = posture.usable & ~posture.not_worn & (posture.tilt < SLANTED_DEG * 1000) & measured
        rest, walk = fit & ~posture.moving, fit & posture.moving
        sagittal, lateral = posture.sagittal, posture.lateral
        new = (rest, sagittal * rest, lateral * rest, walk, sagittal * walk, lateral * walk, posture.not_worn, handled)
        carried = self._begun.shape[1] or posture.first % BLOCK
        before = self._begun if self._begun.shape[1] else np.zeros((8, carried), dtype=np.int64)
        columns = np.concatenate((before, np.stack(new, dtype=np.int64)), axis=1)
        whole = columns.shape[1] // BLOCK
        self._begun = columns[:, whole * BLOCK :].copy()
        stop = posture.first - carried
        sums = columns[:, : whole * BLOCK].reshape(8, whole, BLOCK).sum(axis=2).T.tolist()
        for (rests, leant, tipped, walks, forward, right, off, hand), weight in zip(sums, weights, strict=True):
            stop += BLOCK
            yield _Block(
                stop,
                (leant // rests, tipped // rests) if rests >= REST and weight <= BREATH else None,
                (forward // walks, right // walks) if walks >= WALK and weight <= STROLL else None,
                off > 0,
                hand > 0,
            )

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {
            "rows": self._begun.T.tolist(),
            "place": self._place.state(),
            "walking": self._walking.state(),
            "bout": self._bout,
            "usual_until": self._usual_until,
            "recent": self._recent,
            "question": self._question.state() if self._question else None,
            "slipped": self._slipped,
            "suspected": self._suspected,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SlipGate:
        """A gate that goes on where `state` was taken."""
        new = cls()
        new._begun = np.array(state["rows"], dtype=np.int64).reshape(-1, 8).T
        new._place = UsualPlace.from_state(state["place"])
        new._walking = WalkingOffset.from_state(state["walking"])
        new._bout = [(forward, right) for forward, right in state["bout"]]
        new._usual_until = int(state["usual_until"])
        new._recent = list(state["recent"])
        new._question = Question.from_state(state["question"]) if state["question"] else None
        new._slipped, new._suspected = bool(state["slipped"]), bool(state["suspected"])
        return new


def _finding(kind: FindingKind, at: int, since: int, difference: Angles) -> FindingOut:
    forward, right = difference
    return FindingOut(at * HOP_MS, since * HOP_MS, kind, round(float(np.hypot(forward, right)) / 1000, 1))
