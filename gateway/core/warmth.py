"""The clip's temperature beside the samples: a body keeps it warm, and off the body it cools for minutes.

Off the body a sensor loses 0.4 (SD 0.2) deg C a minute in the first five minutes (doi 10.1186/s12874-022-01633-6).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from .types import Trailer

BLOCKS: Final = 30
"""Blocks of 10 s that are remembered, 5 minutes."""
FALL_C: Final = 2
"""A fall within 5 minutes that is more than the last digit of a whole degree."""
TREND: Final = 12
"""Blocks over which the temperature must still fall, 2 minutes."""
STEADY: Final = 18
WARM_C: Final = 29
"""As warm as this only on a body, or in a room that is warmer than offices are."""


class Warmth:
    """The temperature at the end of each block of clip time."""

    def __init__(self) -> None:
        self._trailers: deque[tuple[float, int]] = deque()
        self._blocks: deque[int | None] = deque(maxlen=BLOCKS)

    def add(self, trailers: Iterable[Trailer]) -> None:
        """Take trailers; they may run ahead of the blocks."""
        self._trailers.extend((trailer.t_ms, trailer.celsius) for trailer in trailers)

    def end_block(self, end_ms: int) -> None:
        """A block has ended: it has the temperature of its last trailer."""
        newest = None
        while self._trailers and self._trailers[0][0] < end_ms:
            newest = self._trailers.popleft()[1]
        self._blocks.append(newest)

    def forget(self, before_ms: int) -> None:
        """Time was passed over."""
        while self._trailers and self._trailers[0][0] < before_ms:
            self._trailers.popleft()
        self._blocks.clear()

    @property
    def cooling(self) -> bool:
        """Whether the clip has cooled markedly within 5 minutes, and still does."""
        now = self._blocks[-1] if self._blocks else None
        if now is None:
            return False
        known = [celsius for celsius in self._blocks if celsius is not None]
        before = self._blocks[-1 - TREND] if len(self._blocks) > TREND else None
        return max(known) - now >= FALL_C and now < (max(known) if before is None else before)

    @property
    def steady(self) -> bool:
        """Whether the clip has kept a body's warmth for 3 minutes."""
        known = [celsius for celsius in list(self._blocks)[-STEADY:] if celsius is not None]
        return len(known) == STEADY and min(known) >= WARM_C and max(known) - min(known) <= 1 and known[-1] >= known[0]

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs, as JSON."""
        return {"trailers": list(self._trailers), "blocks": list(self._blocks)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Warmth:
        """A thermometer that goes on where `state` was taken."""
        new = cls()
        new._trailers.extend((t_ms, celsius) for t_ms, celsius in state["trailers"])
        new._blocks.extend(state["blocks"])
        return new
