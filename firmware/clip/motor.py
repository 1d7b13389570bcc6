"""The motor and what it does to the sensor: samples are held while it runs and for 500 ms after."""

from .wire.base import const

HELD_AFTER_MS = 500
RETRY_MS = 1000
_LONGEST_MS = const(5000)  # no pattern lasts this long: a chip that still says so is stuck


class Motor:
    """Plays patterns at the wearer's strength. `ok` says whether the haptic chip answers, `running` whether the motor ran when it
    was last polled."""

    def __init__(self, chip) -> None:  # type: ignore[no-untyped-def]
        self._chip = chip
        self.ok = False
        self.running = False
        self._retry_at = 0
        self._held_until = 0
        self._stuck_at = 0

    def poll(self, now_ms: int) -> bool:
        """Look after the chip; True while samples are held."""
        chip = self._chip
        try:
            if not self.ok and now_ms >= self._retry_at:
                chip.start()
                self.ok = True
            self.running = chip.poll()
            if self.running and now_ms >= self._stuck_at:
                self._fail(now_ms)
                chip.off()
        except OSError:
            self._fail(now_ms)
        if self.running:
            self._held_until = now_ms + HELD_AFTER_MS
        return now_ms < self._held_until

    def play(self, pattern: int, now_ms: int, settings: "tuple[int, ...]") -> bool:
        """Start a pattern, at the second try if need be; False when the chip does not answer. Raises ValueError for an unknown
        pattern."""
        for _ in range(2):
            try:
                if not self.ok:
                    self._chip.start()
                    self.ok = True
                self._chip.play(pattern, settings[1], settings[2])
            except OSError:
                self._fail(now_ms)
            else:
                self.running = True
                self._held_until = now_ms + HELD_AFTER_MS
                self._stuck_at = now_ms + _LONGEST_MS
                return True
        return False

    def _fail(self, now_ms: int) -> None:
        self.ok = self.running = self._chip.running = False
        self._retry_at = now_ms + RETRY_MS
