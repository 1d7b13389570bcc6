"""When the samples were: the sensor's own rate measured against the clip's clock.

The FIFO says how many samples came, not when. The newest sample of a read is at most one period old; the stream's clock
is nudged so that this stays true, and the period is measured over long windows without a gap. Clip times come in halves of
16 bits, so that a 32-bit chip makes no big integer of them.
"""

from .wire.base import const

_WINDOW_MS = const(20000)
_GAP_US = const(200000)  # a nudge beyond this means that samples were lost
_HALVES_MAX = const(15)  # of a window's length: its microseconds stay below 2**30
_PERIOD_SLACK = const(20)  # per cent that the measured period may differ from the nominal one


class Timebase:
    """Follows the sensor of a StreamBuilder."""

    def __init__(self, builder) -> None:  # type: ignore[no-untyped-def]
        self._builder = builder
        self._nominal_us = builder.period_us
        self._slack_us = builder.period_us * _PERIOD_SLACK // 100
        self._placed = False
        self._from_low = self._from_high = 0
        self._count = 0

    def restart(self) -> None:
        """Forget the past: the sensor was started, or samples are missing before the next."""
        self._placed = False

    def before(self, words: int, low: int, high: int) -> None:
        """Call before the `words` that waited in the FIFO at clip time `high << 16 | low`, ms, are fed to the builder."""
        if self._placed:
            return
        builder = self._builder
        # Half a period is the mean age of the newest sample; the builder names the one before the first to come.
        back_us = -(builder.period_us // 2) - words // 2 * builder.period_us
        at = low + back_us // 1000
        past = high
        if at < 0:
            at += 0x10000
            past -= 1
        if past < 0:
            at = past = 0
        builder.place(at, past, back_us % 1000)
        self._placed = True
        self._from_low = low
        self._from_high = high
        self._count = 0

    def after(self, samples: int, low: int, high: int) -> bool:
        """Call after they were fed; they were `samples`. False when the clock was so far off that samples must have been
        lost: the next will be placed anew."""
        builder = self._builder
        age = builder.offset_us(low)
        if age < -_GAP_US or age > _GAP_US:
            self._placed = False
            return False
        if age < 0:
            builder.shift(age)
        elif age >= builder.period_us:
            builder.shift(age - builder.period_us)
        self._count += samples
        elapsed = min(high - self._from_high, _HALVES_MAX) * 0x10000 + low - self._from_low
        if elapsed >= _WINDOW_MS:
            measured = (elapsed * 1000 + self._count // 2) // self._count if self._count else 0
            if abs(measured - self._nominal_us) < self._slack_us:
                # One sample more or less at either end is 0.05 % of a window; half of it is smoothed away.
                builder.period_us = (builder.period_us + measured) // 2
            self._from_low = low
            self._from_high = high
            self._count = 0
        return True
