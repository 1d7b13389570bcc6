"""The LiPo's charge from its voltage, over a divider of two equal resistors on an ADC pin."""

from .wire.base import const

_LOW_PCT = const(15)
_LOW_END_PCT = const(25)
_PERIOD_MS = const(30000)
_DIVIDER = const(2)

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
    """`millivolts` is 0 and `percent` 100 on a board without the divider (`adc` None)."""

    def __init__(self, adc) -> None:  # type: ignore[no-untyped-def]
        self._adc = adc
        self.millivolts = 0
        self.percent = 100
        self._next_ms = 0
        self._low = False

    def poll(self, now_ms: int) -> bool:
        """Measure now and then; True once when the charge has become low."""
        if self._adc is None or now_ms < self._next_ms:
            return False
        self._next_ms = now_ms + _PERIOD_MS
        self.millivolts = min(self._adc.read_uv() * _DIVIDER // 1000, 0xFFFF)
        self.percent = percent(self.millivolts)
        if self._low:
            self._low = self.percent < _LOW_END_PCT
            return False
        self._low = self.percent <= _LOW_PCT
        return self._low
