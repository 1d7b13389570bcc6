"""Driver of the LSM6DSOX inertial sensor over I2C (register map: ST datasheet DS12814).

104 Hz, FIFO in continuous mode; the ranges are those of `wire.clip_status`: +-2000 deg/s, because a sensor that is cut has lost
its orientation, and its noise is the same in every range. The FIFO holds tagged words of 7 bytes, one for the gyroscope and one
for the accelerometer each sample, and now and then one for the chip's temperature. `read` bursts whole words into one
preallocated buffer; `decode` turns them into samples without allocating.
"""

from .wire import clip_status as ranges
from .wire.base import const

BURST_WORDS = const(32)
_WHO_IS_IT = const(0x6C)
_SDO_LOW = const(0x6A)  # address by the level of pin SDO
_SDO_HIGH = const(0x6B)

_WORD = const(7)
_TAG_GYRO = const(1)
_TAG_ACC = const(2)
_TAG_TEMPERATURE = const(3)

_FIFO_CTRL3 = const(0x09)
_FIFO_CTRL4 = const(0x0A)
_WHO_AM_I = const(0x0F)
_CTRL1_XL = const(0x10)
_CTRL2_G = const(0x11)
_CTRL3_C = const(0x12)
_FIFO_STATUS1 = const(0x3A)
_FIFO_DATA_OUT_TAG = const(0x78)

_RESET = const(0x01)
_BDU_AND_INCREMENT = const(0x44)
_XL_104HZ_8G = const(0x4C)
_G_104HZ_2000DPS = const(0x4C)
_FIFO_BOTH_104HZ = const(0x44)
_FIFO_BYPASS = const(0x00)
_FIFO_CONTINUOUS = const(0x16)  # with the temperature at 1.6 Hz
_FIFO_OVERRUN = const(0x40)


class ImuError(OSError):
    """The chip answers, but it is not an LSM6DSOX."""


class Lsm6dsox:
    """One sensor. `overrun` is set by `read` when the FIFO has dropped words, until its reader clears it."""

    rate_mhz = 104000
    acc_lsb_ug = ranges.ACC_LSB_UG
    gyro_lsb_udps = ranges.GYRO_LSB_UDPS
    saturated = 32760

    def __init__(self, i2c) -> None:  # type: ignore[no-untyped-def]
        self._i2c = i2c
        self._address = _SDO_LOW
        self._one = bytearray(1)
        self.buffer = bytearray(BURST_WORDS * _WORD)
        self._view = memoryview(self.buffer)
        self._status = bytearray(2)
        self.overrun = False
        self._have = 0
        self._slot = 0
        self._ax = self._ay = self._az = 0
        self._gx = self._gy = self._gz = 0

    def start(self) -> None:
        """Find the chip, reset and set it up. Raises OSError when no chip answers, ImuError when it is another."""
        self._find()
        self._write(_CTRL3_C, _RESET)
        self._write(_CTRL3_C, _BDU_AND_INCREMENT)
        self._write(_FIFO_CTRL4, _FIFO_BYPASS)  # passing through bypass empties the FIFO
        self._write(_CTRL1_XL, _XL_104HZ_8G)
        self._write(_CTRL2_G, _G_104HZ_2000DPS)
        self._write(_FIFO_CTRL3, _FIFO_BOTH_104HZ)
        self._write(_FIFO_CTRL4, _FIFO_CONTINUOUS)
        self._have = 0
        self.overrun = False

    def _find(self) -> None:
        for address in (_SDO_LOW, _SDO_HIGH):
            self._address = address
            try:
                who = self._i2c.readfrom_mem(address, _WHO_AM_I, 1)[0]
            except OSError:
                continue
            if who == _WHO_IS_IT:
                return
            raise ImuError("0x%02x" % who)
        raise OSError(19)

    def _write(self, register: int, value: int) -> None:
        self._one[0] = value
        self._i2c.writeto_mem(self._address, register, self._one)

    def level(self) -> int:
        """Number of words that wait in the FIFO (FIFO_STATUS1 and 2). Raises OSError."""
        self._i2c.readfrom_mem_into(self._address, _FIFO_STATUS1, self._status)
        if self._status[1] & _FIFO_OVERRUN:
            self.overrun = True
        return self._status[0] | (self._status[1] & 3) << 8

    def read(self, words: int) -> int:
        """Burst at most BURST_WORDS of `words` waiting words into `buffer`; their number. Raises OSError."""
        count = min(words, BURST_WORDS)
        if count:
            self._i2c.readfrom_mem_into(self._address, _FIFO_DATA_OUT_TAG, self._view[: count * _WORD])
        return count

    def decode(self, words: int, sink) -> int:  # type: ignore[no-untyped-def]
        """Hand every complete sample of the first `words` words of `buffer` to `sink.sample(ax, ay, az, gx, gy, gz)` (raw
        LSB) and every temperature to `sink.temperature(whole deg C)`; the number of samples."""
        buf = self.buffer
        at = 0
        samples = 0
        for _ in range(words):
            tag = buf[at] >> 3
            if buf[at] & 6 != self._slot:
                # Another time slot: what is missing of the one before will not come.
                self._slot = buf[at] & 6
                self._have = 0
            x = buf[at + 1] | buf[at + 2] << 8
            y = buf[at + 3] | buf[at + 4] << 8
            z = buf[at + 5] | buf[at + 6] << 8
            at += _WORD
            x = x - 65536 if x & 0x8000 else x
            y = y - 65536 if y & 0x8000 else y
            z = z - 65536 if z & 0x8000 else z
            if tag == _TAG_ACC:
                self._ax = x
                self._ay = y
                self._az = z
                self._have |= 1
            elif tag == _TAG_GYRO:
                self._gx = x
                self._gy = y
                self._gz = z
                self._have |= 2
            elif tag == _TAG_TEMPERATURE:
                sink.temperature(25 + (x >> 8))
            if self._have == 3:
                self._have = 0
                samples += 1
                sink.sample(self._ax, self._ay, self._az, self._gx, self._gy, self._gz)
        return samples
