"""The motor and what it does to the sensor: samples are held while it runs and for 500 ms after."""

HELD_AFTER_MS = 500
RETRY_MS = 1000


class Motor:
    """Plays patterns at the wearer's strength. `ok` says whether the haptic chip answers."""

    def __init__(self, chip) -> None:  # type: ignore[no-untyped-def]
        self._chip = chip
        self.ok = False
        self._retry_at = 0
        self._held_until = 0

    @property
    def running(self) -> bool:
        """Whether the motor ran when it was last polled."""
        return bool(self._chip.running)

    def poll(self, now_ms: int) -> bool:
        """Look after the chip; True while samples are held."""
        try:
            if not self.ok and now_ms >= self._retry_at:
                self._chip.start()
                self.ok = True
            if self._chip.poll():
                self._held_until = now_ms + HELD_AFTER_MS
        except OSError:
            self._fail(now_ms)
        return now_ms < self._held_until

    def play(self, pattern: int, now_ms: int, settings: "tuple[int, ...]") -> bool:
        """Start a pattern; False when the chip does not answer."""
        try:
            if not self.ok:
                self._chip.start()
                self.ok = True
            self._chip.play(pattern, settings[1], settings[2])
        except OSError:
            self._fail(now_ms)
            return False
        self._held_until = now_ms + HELD_AFTER_MS
        return True

    def _fail(self, now_ms: int) -> None:
        self.ok = False
        self._chip.running = False
        self._retry_at = now_ms + RETRY_MS
