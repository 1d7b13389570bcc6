"""Polls the sensor, keeps it alive, and feeds the stream builder."""

from .stream import StreamBuilder
from .timebase import Timebase
from .wire.base import const

RETRY_MS = 1000
_SILENT_MS = const(1000)  # it samples every 10 ms: one that has nothing for this long was reset, or is not there
_FIFO_WORDS = const(512)
_GLITCHES = const(3)  # rounds in a row in which a transfer fails before the sensor counts as lost


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
        self._heard_at = 0
        self._glitches = 0

    def poll(self, now_ms: int) -> None:
        """Read what waits. A transfer that fails once or twice costs what it carried; a sensor that goes on failing, or has
        nothing to say, is reported once and started again, every second, until it has something to say."""
        try:
            if not self.ok:
                if now_ms < self._retry_at:
                    return
                self._start()
                self._heard_at = now_ms
            if self.read(now_ms & 0xFFFF, now_ms >> 16):
                self._heard_at = now_ms
                self._glitches = 0
                if not self._told:
                    self._told = True
                    self._sink.imu_back(now_ms)
            elif now_ms - self._heard_at >= _SILENT_MS:
                self._lose(now_ms)
        except OSError:
            self._glitches += 1
            if self.ok and self._glitches < _GLITCHES:
                self._gap()
            else:
                self._lose(now_ms)

    def _lose(self, now_ms: int) -> None:
        self._retry_at = now_ms + RETRY_MS
        if self.ok:
            self.ok = False
            self.builder.close()
        if self._told:
            self._told = False
            self._sink.imu_lost(now_ms)

    def _start(self) -> None:
        self._imu.start()
        self.builder.fusion.reset()
        self.builder.gap = True
        self._timebase.restart()
        self.ok = True

    def read(self, low: int, high: int) -> bool:
        """Read what waits at clip time `high << 16 | low`, ms, and whether anything did; the halves keep a 32-bit chip from making
        big integers. What the bus does apart, it allocates nothing. Raises OSError."""
        imu = self._imu
        words = imu.level()
        if imu.overrun:
            imu.overrun = False
            self._gap()
        if not words:
            return False
        if words > _FIFO_WORDS:
            raise OSError(5)  # noise: there is no room for so many
        self._timebase.before(words, low, high)
        samples = 0
        while words:
            count = imu.read(words)
            samples += imu.decode(count, self.builder)
            words -= count
        if not self._timebase.after(samples, low, high):
            self._gap()
        return True

    def _gap(self) -> None:
        self.builder.close()
        self.builder.gap = True
        self._timebase.restart()
