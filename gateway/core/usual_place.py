"""Where this person's postures lie at rest, and how far a posture lies beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

Angles = tuple[int, int]
"""Sagittal and lateral, millidegrees."""

KNOWN: Final = 60
"""Blocks at rest after which the person is known, 10 minutes."""
LOW_MDEG: Final = -35_000
HIGH_MDEG: Final = 40_000
"""Sagittal range of a person who is not known yet: the posed slouches of 45 people go to 39 degrees."""
INNER_LOW_MDEG: Final = -15_000
INNER_HIGH_MDEG: Final = 25_000
"""Nobody's range is taken for narrower."""
TAIL_PERCENT: Final = 2
MARGIN_MDEG: Final = 4000


class UsualPlace:
    """Counts of postures at rest, in whole degrees."""

    def __init__(self) -> None:
        self._sagittal = Histogram(-60, 60)
        self._lateral = Histogram(-45, 45)

    def add(self, angles: Angles) -> None:
        """A posture at rest, with the clip as it was calibrated."""
        self._sagittal.add(angles[0])
        self._lateral.add(angles[1])

    def beside(self, angles: Angles) -> Angles:
        """How far a posture lies beyond the person's sagittal range, and from the person's lateral middle."""
        low, high, middle = LOW_MDEG, HIGH_MDEG, 0
        if self._sagittal.total >= KNOWN:
            low = min(self._sagittal.percentile(TAIL_PERCENT) - MARGIN_MDEG, INNER_LOW_MDEG)
            high = max(self._sagittal.percentile(100 - TAIL_PERCENT) + MARGIN_MDEG, INNER_HIGH_MDEG)
            middle = self._lateral.percentile(50)
        sagittal, lateral = angles
        return sagittal - min(max(sagittal, low), high), lateral - middle

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {"sagittal": self._sagittal.counts, "lateral": self._lateral.counts}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> UsualPlace:
        """One that goes on where `state` was taken."""
        new = cls()
        new._sagittal.restore(state["sagittal"])
        new._lateral.restore(state["lateral"])
        return new


class Histogram:
    """Counts of millidegrees in whole degrees from `low` to `high`; what lies beyond counts at the ends."""

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.counts = [0] * (high - low + 1)
        self.total = 0

    def add(self, millidegrees: int) -> None:
        """Count a value."""
        place = min(max((millidegrees + 500) // 1000 - self.low, 0), len(self.counts) - 1)
        self.counts[place] += 1
        self.total += 1

    def percentile(self, percent: int) -> int:
        """The least whole degree, in millidegrees, up to which at least so many percent lie; `low` when empty."""
        below = 0
        for place, count in enumerate(self.counts):
            below += count
            if below * 100 >= self.total * percent:
                return (self.low + place) * 1000
        return (self.low + len(self.counts) - 1) * 1000

    def restore(self, counts: Sequence[int]) -> None:
        """Take counts that were kept. Raises ValueError for another range's."""
        if len(counts) != len(self.counts):
            raise ValueError("counts of another range")
        self.counts = list(counts)
        self.total = sum(counts)


def median(values: Sequence[int]) -> int:
    """The middle value; of an even count the lower of the two in the middle. Raises IndexError for no values."""
    return sorted(values)[(len(values) - 1) // 2]
