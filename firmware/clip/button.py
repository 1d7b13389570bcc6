"""What the wearer means by the button: a pure state machine over its level.

Contacts bounce for less than a round of 40 ms; a level that has changed is believed at once and then for 60 ms.
"""

from .wire.base import const

NONE = const(0)
SHORT = const(1)
DOUBLE = const(2)
LONG = const(3)
VERY_LONG = const(4)
HELD_LONG = const(5)  # still held: released now, it will have been LONG
HELD_VERY_LONG = const(6)  # the same of VERY_LONG

LONG_MS = const(2000)
VERY_LONG_MS = const(6000)
_STUCK_MS = const(20000)  # nobody holds a button for this long
_AGAIN_MS = const(400)  # a second press this soon after the first makes it double
_BOUNCE_MS = const(60)


class Button:
    """A button that is held when it is first seen, as at boot, means nothing until it has been let go; nor does one that is stuck."""

    def __init__(self) -> None:
        self._down = True
        self._since = 0
        self._means = NONE  # if it were let go now
        self._waiting = False  # a short press, for a second one

    def step(self, pressed: bool, now_ms: int) -> int:
        """Look at its level, every round; what is meant now."""
        held = now_ms - self._since
        if pressed != self._down and held >= _BOUNCE_MS:
            self._down = pressed
            self._since = now_ms
            if pressed:
                self._means = SHORT
                return NONE
            return self._released()
        if self._down:
            return self._held(held)
        if self._waiting and held >= _AGAIN_MS:
            self._waiting = False
            return SHORT
        return NONE

    def _released(self) -> int:
        means = self._means
        if means == SHORT:
            self._waiting = not self._waiting
            return NONE if self._waiting else DOUBLE
        self._waiting = False
        return means

    def _held(self, held: int) -> int:
        if self._means == SHORT and held >= LONG_MS:
            self._means = LONG
            return HELD_LONG
        if self._means == LONG and held >= VERY_LONG_MS:
            self._means = VERY_LONG
            return HELD_VERY_LONG
        if held >= _STUCK_MS:
            self._means = NONE
        return NONE
