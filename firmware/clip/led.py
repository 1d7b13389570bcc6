"""The light: short flashes, seldom, because each costs a little of the day.

It speaks by itself only if the wearer has switched it on in the settings; while a gateway may be paired, and after a press of the
button, it does so anyway.
"""

from .wire.base import const

FLASH_MS = const(20)
_PAIRING_MS = const(240)
_UPDATE_MS = const(2000)
_LOW_MS = const(5000)


class Led:
    """`pin` takes a level when called; None on a board without a light. `on` says whether it is lit."""

    def __init__(self, pin) -> None:  # type: ignore[no-untyped-def]
        self._pin = pin
        self._flashed = 0
        self.on = False

    def step(self, now_ms: int, wanted: int, pairing: bool, low: bool, update: bool) -> None:
        """Flash when it is time; whoever calls ends the flash after FLASH_MS with `off`. `wanted` is the wearer's setting."""
        if pairing:
            period = _PAIRING_MS
        elif not wanted:
            return
        elif low:
            period = _LOW_MS
        elif update:
            period = _UPDATE_MS
        else:
            return
        if now_ms - self._flashed >= period:
            self.flash(now_ms)

    def flash(self, now_ms: int) -> None:
        """Flash once, now."""
        if self._pin is not None:
            self._flashed = now_ms
            self.on = True
            self._pin(1)

    def off(self) -> None:
        """Be dark."""
        if self.on:
            self.on = False
            self._pin(0)
