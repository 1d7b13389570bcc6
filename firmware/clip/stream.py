"""From inertial samples to stream packets. The span from raw sample to finished packet allocates nothing.

Every fourth sample of the sensor gives one stream sample: the orientation then, and |a| - 1 g averaged over the four.
A packet closes after 400 ms, when the motor flag changes, or when it is full; the packet in which a clip second ends
carries that second's trailer.
"""

from .wire import clip_stream as stream
from .wire.base import const, isqrt

_TAKE = const(4)  # sensor samples to a stream sample
_LOW_PASS = const(5)  # shift of the one-pole low-pass: 104 Hz / (2 pi 2**5) = 0.52 Hz
_CLIP = const(8191)  # of a high-passed axis, LSB: its square stays below 2**26


class HighPass:
    """Root mean square of a vector above 0.5 Hz: each axis minus its one-pole low-pass."""

    def __init__(self) -> None:
        self._sx = self._sy = self._sz = 0
        self._low = self._high = 0  # sum of squares, in 16-bit halves
        self._count = 0
        self._primed = False

    def update(self, x: int, y: int, z: int) -> None:
        """One sample, raw LSB."""
        if not self._primed:
            self._primed = True
            self._sx = x << _LOW_PASS
            self._sy = y << _LOW_PASS
            self._sz = z << _LOW_PASS
        dx = x - (self._sx >> _LOW_PASS)
        dy = y - (self._sy >> _LOW_PASS)
        dz = z - (self._sz >> _LOW_PASS)
        self._sx += dx
        self._sy += dy
        self._sz += dz
        dx = -_CLIP if dx < -_CLIP else _CLIP if dx > _CLIP else dx
        dy = -_CLIP if dy < -_CLIP else _CLIP if dy > _CLIP else dy
        dz = -_CLIP if dz < -_CLIP else _CLIP if dz > _CLIP else dz
        low = self._low + dx * dx + dy * dy + dz * dz
        self._high += low >> 16
        self._low = low & 0xFFFF
        self._count += 1

    def take(self) -> int:
        """RMS in LSB since the last call, and start again; 0 without samples."""
        n = self._count
        if not n:
            return 0
        mean = (self._high // n << 16) + ((self._high % n << 16) + self._low) // n
        self._low = self._high = self._count = 0
        return isqrt(mean)


class StreamBuilder:
    """Builds packets in `buffer` and hands each finished one to `sink.packet(buffer, length)`.

    Before that, `sink.orientation(builder)` sees every stream sample: orientation in `fusion`, `acc_mg`, `low` and `high`
    (halves of its clip time), `running` and `held`. `max_samples` follows the MTU. The application keeps `running` (the motor runs)
    and `held` (it runs, or ran less than 500 ms ago).
    """

    def __init__(self, fusion, imu, sink) -> None:  # type: ignore[no-untyped-def]
        self.fusion = fusion
        self._sink = sink
        self._acc_lsb_ug = imu.acc_lsb_ug
        self._gyro_lsb_udps = imu.gyro_lsb_udps
        self._saturation = imu.saturated
        self.buffer = bytearray(stream.PACKET_SIZE)
        self.max_samples = stream.PACKET_SAMPLES
        self.period_us = 1000000000 // imu.rate_mhz
        self.running = False
        self.held = False
        self.gap = False
        self.acc_mg = 0
        self.celsius = 25
        self.seq = 0
        # Clip time of the newest sensor sample: milliseconds in 16-bit halves, and microseconds.
        self.low = self.high = 0
        self._us = 0
        self.gyro_rms = 0  # of the last full clip second, 0.1 deg/s
        self.acc_rms = 0  # and mg
        self._gyro = HighPass()
        self._acc = HighPass()
        self._taken = 0
        self._norms = 0
        self._n = 0
        self._first_low = self._first_high = 0
        self._age_us = 0
        self._flags = 0
        self._packet_held = False
        self._into_second_us = 0
        self._second_over = False  # a clip second ended since the last stream sample
        self._trailer_due = False
        self._motor_cs = 0  # of the last full clip second, 1/100 s
        self._saturated_before = 0
        self._saturated = 0
        self._samples = 0
        self._motor_samples = 0

    def place(self, low: int, high: int, us: int) -> None:
        """Say when the newest sample was, ms in 16-bit halves and us: the next is one period later."""
        self.low = low
        self.high = high
        self._us = us
        # 2**16 is 536 more than whole thousands.
        self._into_second_us = (high % 1000 * 536 + low) % 1000 * 1000 + us
        self._second_over = False

    def offset_us(self, now_low: int) -> int:
        """How long before `now_low` (low half of the clip's ms) the newest sample was; within +-32 s."""
        ms = (now_low - self.low) & 0xFFFF
        if ms & 0x8000:
            ms -= 65536
        return ms * 1000 - self._us

    def shift(self, us: int) -> None:
        """Move the clock of the samples: a sample goes on, or the sensor's own rate is followed."""
        self._into_second_us += us
        us += self._us
        low = self.low + us // 1000
        self._us = us % 1000
        if low > 0xFFFF:
            low -= 0x10000
            self.high += 1
        elif low < 0:
            low += 0x10000
            self.high -= 1
        self.low = low

    def temperature(self, celsius: int) -> None:
        """The chip's temperature, whole deg C."""
        self.celsius = celsius

    def sample(self, ax: int, ay: int, az: int, gx: int, gy: int, gz: int) -> None:
        """One sensor sample, raw LSB."""
        self.shift(self.period_us)
        if self._into_second_us >= 1000000:
            self._into_second_us -= 1000000
            self._end_second()
        self.fusion.update(ax, ay, az, gx, gy, gz)
        self._gyro.update(gx, gy, gz)
        self._acc.update(ax, ay, az)
        top = self._saturation
        self._samples += 1
        if (
            ax > top
            or ax < -top
            or ay > top
            or ay < -top
            or az > top
            or az < -top
            or gx > top
            or gx < -top
            or gy > top
            or gy < -top
            or gz > top
            or gz < -top
        ):
            self._saturated += 1
        if self.running:
            self._motor_samples += 1
        # A quarter of each axis keeps the sum of squares below 2**28; four of them make the mean in LSB again.
        ax >>= 2
        ay >>= 2
        az >>= 2
        self._norms += isqrt(ax * ax + ay * ay + az * az)
        self._taken += 1
        if self._taken == _TAKE:
            self.acc_mg = (self._norms * self._acc_lsb_ug + 500) // 1000 - 1000
            self._taken = 0
            self._norms = 0
            self._take()

    def _take(self) -> None:
        self._sink.orientation(self)
        step = self.period_us * _TAKE
        if self._n and (self.held != self._packet_held or self.gap):
            self._close()
        if not self._n:
            self._first_low = self.low
            self._first_high = self.high
            self._age_us = 0
            self._flags = (stream.FLAG_MOTOR if self.held else 0) | (stream.FLAG_GAP if self.gap else 0)
            self._packet_held = self.held
            self.gap = False
        else:
            self._age_us += step
        if not self.fusion.settled:
            self._flags |= stream.FLAG_UNSETTLED
        fusion = self.fusion
        at = stream.HEADER_SIZE + self._n * stream.SAMPLE_SIZE
        stream.pack_sample(self.buffer, at, fusion.w, fusion.x, fusion.y, fusion.z, stream.compand(self.acc_mg))
        self._n += 1
        if self._second_over:
            self._second_over = False
            self._trailer_due = True
        if self._n >= self.max_samples or self._age_us + step >= stream.PACKET_MS * 1000:
            self._close()

    def _end_second(self) -> None:
        self._second_over = True
        self.gyro_rms = self._gyro.take() * self._gyro_lsb_udps // 100000
        self.acc_rms = self._acc.take() * self._acc_lsb_ug // 1000
        self._motor_cs = self._motor_samples * 100 // self._samples if self._samples else 0
        self._saturated_before = self._saturated
        self._samples = self._motor_samples = self._saturated = 0

    def close(self) -> None:
        """Send what there is, because the samples that follow do not go on from it."""
        if self._n:
            self._close()
        self._taken = self._norms = 0

    def _close(self) -> None:
        length = stream.HEADER_SIZE + self._n * stream.SAMPLE_SIZE
        if self._trailer_due:
            self._trailer_due = False
            self._flags |= stream.FLAG_TRAILER
            stream.pack_trailer(
                self.buffer,
                length,
                stream.log_code(self.gyro_rms),
                stream.log_code(self.acc_rms),
                self._saturated_before,
                self._motor_cs,
                self.celsius,
            )
            length += stream.TRAILER_SIZE
        stream.pack_header(self.buffer, self._flags, self._n, self.seq, self._first_low, self._first_high)
        self.seq = (self.seq + 1) & 0xFFFF
        self._n = 0
        self._sink.packet(self.buffer, length)
