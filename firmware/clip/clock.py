"""The clip's time: milliseconds since boot from ticks that wrap, and UTC once a gateway has said it."""

from .wire.base import const

_TICKS_MASK = const((1 << 30) - 1)  # ticks_ms wraps at 2**30 on the board; longer periods are multiples of it
_MONDAY_MINUTES = const(3 * 1440)  # 1970-01-01 was a Thursday


class Clock:
    """Counts from its making. `now` must be called at least every six days, which the application does every 40 ms."""

    def __init__(self, ticks_ms) -> None:  # type: ignore[no-untyped-def]
        self._ticks_ms = ticks_ms
        self._last = ticks_ms() & _TICKS_MASK
        self._now = 0
        self._utc_at_boot: "int | None" = None
        self._offset_min = 0

    def now(self) -> int:
        """Milliseconds since boot."""
        ticks = self._ticks_ms() & _TICKS_MASK
        self._now += (ticks - self._last) & _TICKS_MASK
        self._last = ticks
        return self._now

    def since(self, ticks: int) -> int:
        """Clip time of a value of ticks_ms taken within the last six days."""
        now = self.now()
        return now - int((self._last - ticks) & _TICKS_MASK)

    def set_utc(self, clip_ms: int, utc_ms: int, offset_min: int) -> None:
        """Take the gateway's word: it was `utc_ms` at `clip_ms`; the patient's zone is `offset_min` ahead of UTC."""
        self._utc_at_boot = utc_ms - clip_ms
        self._offset_min = offset_min

    @property
    def utc_known(self) -> bool:
        """Whether a gateway has set the time since boot."""
        return self._utc_at_boot is not None

    def local_minute(self, now_ms: int) -> int:
        """Minutes of the patient's local time since Monday, 29 December 1969, 00:00; -1 while UTC is unknown."""
        if self._utc_at_boot is None:
            return -1
        return (self._utc_at_boot + now_ms) // 60000 + self._offset_min + _MONDAY_MINUTES
