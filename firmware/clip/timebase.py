"""When the samples were: the sensor's own rate measured against the clip's clock.

The FIFO says how many samples came, not when. The newest sample of a read is at most one period old; the stream's clock
is nudged so that this stays true, and the period is measured over long windows without a gap.
"""

_WINDOW_MS = 20000
_GAP_US = 200000  # a nudge beyond this means that samples were lost
_PERIOD_SLACK = 20  # per cent that the measured period may differ from the nominal one


class Timebase:
    """Follows the sensor of a StreamBuilder."""

    def __init__(self, builder) -> None:  # type: ignore[no-untyped-def]
        self._builder = builder
        self._nominal_us = builder.period_us
        self._placed = False
        self._from_ms = 0
        self._count = 0

    def restart(self) -> None:
        """Forget the past: the sensor was (re)started."""
        self._placed = False
        self._builder.period_us = self._nominal_us

    def before(self, waiting: int, now_ms: int) -> bool:
        """Call before the `waiting` samples that were in the FIFO at `now_ms` are fed to the builder, so that the newest
        will lie within one period before `now_ms`. Returns False when samples are missing before them."""
        builder = self._builder
        period = builder.period_us
        if not self._placed:
            self._place(waiting, now_ms)
            return True
        behind = builder.offset_us(now_ms & 0xFFFF) - waiting * period
        if behind < -_GAP_US or behind > _GAP_US:
            self._place(waiting, now_ms)
            return False
        if behind < 0:
            builder.shift(behind)
        elif behind >= period:
            builder.shift(behind - period)
        self._count += waiting
        elapsed = now_ms - self._from_ms
        if elapsed >= _WINDOW_MS:
            measured = (elapsed * 1000 + self._count // 2) // self._count if self._count else 0
            if abs(measured - self._nominal_us) * 100 < self._nominal_us * _PERIOD_SLACK:
                # One sample more or less at either end is 0.05 % of a window; half of it is smoothed away.
                builder.period_us = (builder.period_us + measured) // 2
            self._from_ms = now_ms
            self._count = 0
        return True

    def _place(self, waiting: int, now_ms: int) -> None:
        period = self._builder.period_us
        newest_us = (now_ms % 1000) * 1000 - period // 2 - waiting * period
        base = now_ms - now_ms % 1000 + newest_us // 1000
        base = max(base, 0)
        self._builder.place(base & 0xFFFF, base >> 16, newest_us % 1000)
        self._placed = True
        self._from_ms = now_ms
        self._count = 0
