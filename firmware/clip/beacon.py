"""How often the clip says that it is there: often while somebody is likely to look for it, then ever less, never not at
all."""

from .wire.base import const

FAST_US = 250000
_MIDDLE_US = const(546250)
SLOW_US = 1285000
FAST_MS = 30000  # after a boot, the end of a connection, a press of the button, and as long as a gateway may be paired
MIDDLE_MS = 300000


class Beacon:
    """Advertising on `gatt`, from the beginning on. Intervals are some that phones and computers listen for well."""

    def __init__(self, gatt) -> None:  # type: ignore[no-untyped-def]
        self._gatt = gatt
        self._since = 0
        self._wanted = True
        self._interval = 0  # in force, 0 for silence

    def hasten(self, now: int) -> None:
        """Somebody may be looking for the clip from now on."""
        self._since = now

    def on(self, now: int) -> None:
        """Be found and connectable; say so again, because the stack stops by itself when a central connects."""
        self._wanted = True
        self._interval = 0
        self.step(now)

    def off(self) -> None:
        """Be found no more."""
        self._wanted = False
        self._interval = 0
        self._gatt.stop_advertising()

    def step(self, now: int) -> None:
        """Take the interval that the time asks for."""
        if not self._wanted:
            return
        quiet = now - self._since
        interval = FAST_US if quiet < FAST_MS else _MIDDLE_US if quiet < MIDDLE_MS else SLOW_US
        if interval != self._interval and self._gatt.advertise(interval):
            self._interval = interval
