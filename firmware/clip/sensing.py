"""Polls the sensor, keeps it alive, and feeds the stream builder."""

from .stream import StreamBuilder
from .timebase import Timebase

RETRY_MS = 1000


class Sensing:
    """`ok` says whether the sensor answers; `lost` and `back` of `sink` are called when that changes."""

    def __init__(self, imu, fusion, sink) -> None:  # type: ignore[no-untyped-def]
        self._imu = imu
        self._sink = sink
        self.builder = StreamBuilder(fusion, imu, sink)
        self._timebase = Timebase(self.builder)
        self.ok = False
        self._told = True
        self._retry_at = 0

    def poll(self, now_ms: int) -> None:
        """Read what waits. An I2C error is reported and the sensor started again, every second until it answers."""
        try:
            if not self.ok:
                if now_ms < self._retry_at:
                    return
                self._start(now_ms)
            self.read(now_ms & 0xFFFF, now_ms >> 16)
        except OSError:
            self._retry_at = now_ms + RETRY_MS
            if self.ok or self._told:
                self.ok = self._told = False
                self.builder.close()
                self._sink.imu_lost(now_ms)

    def _start(self, now_ms: int) -> None:
        self._imu.start()
        self.builder.fusion.reset()
        self.builder.gap = True
        self._timebase.restart()
        if not self._told:
            self._sink.imu_back(now_ms)
        self.ok = self._told = True

    def read(self, low: int, high: int) -> None:
        """Read what waits at clip time `high << 16 | low`, ms; the halves keep a 32-bit chip from making big integers. What the
        bus does apart, it allocates nothing. Raises OSError."""
        imu = self._imu
        words = imu.level()
        if imu.overrun:
            imu.overrun = False
            self._gap()
        if not words:
            return
        self._timebase.before(words, low, high)
        samples = 0
        while words:
            count = imu.read(words)
            samples += imu.decode(count, self.builder)
            words -= count
        if not self._timebase.after(samples, low, high):
            self._gap()

    def _gap(self) -> None:
        self.builder.close()
        self.builder.gap = True
        self._timebase.restart()
