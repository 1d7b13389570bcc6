"""The LiPo's charge from its voltage, over a divider of two equal resistors on an ADC pin.

The voltage is a mean of several readings, smoothed; the charge that is shown goes one way and turns only when the curve says so
by a margin, so that load and noise do not make it go up and down.
"""

from .wire.base import const

_LOW_PCT = const(15)
_LOW_END_PCT = const(25)
_PERIOD_MS = const(30000)
_DIVIDER = const(2)
_READINGS = const(8)
_SMOOTHING = const(4)  # the newest measurement's part of the voltage is one in so many
_RISE_PCT = const(5)  # what it takes to turn: up on a charger
_FALL_PCT = const(2)  # and down again
_CELL_MV = const(2500)  # less than any cell that the regulator can still run from: there is no divider

# Open-circuit voltage of a single LiPo cell at 20 deg C, mV, for 0, 10 .. 100 % (typical discharge curve).
_CURVE_MV = (3300, 3600, 3680, 3730, 3770, 3800, 3850, 3910, 3980, 4070, 4180)


def percent(millivolts: int) -> int:
    """Charge in per cent, on straight lines between the points of the curve."""
    if millivolts <= _CURVE_MV[0]:
        return 0
    for i in range(10):
        low, high = _CURVE_MV[i], _CURVE_MV[i + 1]
        if millivolts < high:
            return 10 * i + 10 * (millivolts - low) // (high - low)
    return 100


class Battery:
    """`millivolts` is 0 and `percent` 100 until a cell has been measured, and where none can be (`adc` None). `low` from 15 % until it
    has been charged to 25 %; whoever keeps it over a restart sets it."""

    def __init__(self, adc) -> None:  # type: ignore[no-untyped-def]
        self._adc = adc
        self.millivolts = 0
        self.percent = 100
        self.low = False
        self._sum = 0
        self._rising = False
        self._next_ms = 0

    def poll(self, now_ms: int, loaded: bool) -> bool:
        """Measure now and then, but not while the motor pulls the voltage down (`loaded`); True once when the charge has become
        low."""
        if self._adc is None or loaded or now_ms < self._next_ms:
            return False
        self._next_ms = now_ms + _PERIOD_MS
        total = 0
        for _ in range(_READINGS):
            total += self._adc.read_uv() // 1000
        measured = min(total * _DIVIDER // _READINGS, 0xFFFF)
        if measured < _CELL_MV:
            return False
        if self.millivolts:
            self._sum += measured - self.millivolts
            self.millivolts = self._sum // _SMOOTHING
            self._follow(percent(self.millivolts))
        else:
            self.millivolts = measured
            self._sum = measured * _SMOOTHING
            self.percent = percent(measured)
        if self.low:
            self.low = self.percent < _LOW_END_PCT
            return False
        self.low = self.percent <= _LOW_PCT
        return self.low

    def _follow(self, now: int) -> None:
        if now - self.percent >= _RISE_PCT:
            self._rising = True
        elif self.percent - now >= _FALL_PCT:
            self._rising = False
        if (now > self.percent) == self._rising:
            self.percent = now
