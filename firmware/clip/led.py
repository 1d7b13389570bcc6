"""The light: short flashes, seldom, because each costs a little of the day.

It speaks by itself only if the wearer has switched it on in the settings; while a gateway may be paired, and after a press of the
button, it does so anyway.
"""

from .wire.base import const

FLASH_MS = const(20)
_PAIRING_MS = const(240)
_UPDATE_MS = const(2000)
_LOW_MS = const(5000)


def period_ms(on: int, pairing: bool, low: bool, update: bool) -> int:
    """Time from flash to flash, 0 for none; `on` is the wearer's setting."""
    if pairing:
        return _PAIRING_MS
    if not on:
        return 0
    return _LOW_MS if low else _UPDATE_MS if update else 0


class Led:
    """`pin` takes a level when called; None on a board without a light."""

    def __init__(self, pin) -> None:  # type: ignore[no-untyped-def]
        self._pin = pin
        self._flashed = 0
        self.lit = False

    def step(self, now_ms: int, period: int) -> None:
        """Flash when it is time; whoever calls ends the flash after FLASH_MS with `off`."""
        if period and now_ms - self._flashed >= period:
            self.flash(now_ms)

    def flash(self, now_ms: int) -> None:
        """Flash once, now."""
        if self._pin is not None:
            self._flashed = now_ms
            self.lit = True
            self._pin(1)

    def off(self) -> None:
        """Be dark."""
        if self.lit:
            self.lit = False
            self._pin(0)
