"""When the samples were: the sensor's own rate measured against the clip's clock.

The FIFO says how many samples came, not when. The newest sample of a read is at most one period old; the stream's clock
is nudged so that this stays true, and the period is measured over long windows without a gap.
"""

from .wire.base import const

_WINDOW_MS = const(20000)
_GAP_US = const(200000)  # a nudge beyond this means that samples were lost
_PERIOD_SLACK = const(20)  # per cent that the measured period may differ from the nominal one


class Timebase:
    """Follows the sensor of a StreamBuilder."""

    def __init__(self, builder) -> None:  # type: ignore[no-untyped-def]
        self._builder = builder
        self._nominal_us = builder.period_us
        self._placed = False
        self._from_ms = 0
        self._count = 0

    def restart(self) -> None:
        """Forget the past: the sensor was started, or samples are missing before the next."""
        self._placed = False

    def before(self, words: int, now_ms: int) -> None:
        """Call before the `words` that waited in the FIFO at `now_ms` are fed to the builder."""
        if self._placed:
            return
        builder = self._builder
        # Half a period is the mean age of the newest sample; the builder names the one before the first to come.
        newest_us = (now_ms % 1000) * 1000 - builder.period_us // 2 - words // 2 * builder.period_us
        base = max(now_ms - now_ms % 1000 + newest_us // 1000, 0)
        builder.place(base & 0xFFFF, base >> 16, newest_us % 1000)
        self._placed = True
        self._from_ms = now_ms
        self._count = 0

    def after(self, samples: int, now_ms: int) -> bool:
        """Call after they were fed; they were `samples`. False when the clock was so far off that samples must have been
        lost: the next will be placed anew."""
        builder = self._builder
        age = builder.offset_us(now_ms & 0xFFFF)
        if age < -_GAP_US or age > _GAP_US:
            self._placed = False
            return False
        if age < 0:
            builder.shift(age)
        elif age >= builder.period_us:
            builder.shift(age - builder.period_us)
        self._count += samples
        elapsed = now_ms - self._from_ms
        if elapsed >= _WINDOW_MS:
            measured = (elapsed * 1000 + self._count // 2) // self._count if self._count else 0
            if abs(measured - self._nominal_us) * 100 < self._nominal_us * _PERIOD_SLACK:
                # One sample more or less at either end is 0.05 % of a window; half of it is smoothed away.
                builder.period_us = (builder.period_us + measured) // 2
            self._from_ms = now_ms
            self._count = 0
        return True
