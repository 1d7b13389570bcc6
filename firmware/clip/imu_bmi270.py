"""Driver of the BMI270 inertial sensor over I2C (register map: Bosch datasheet BST-BMI270-DS000), in place of the LSM6DSOX.

100 Hz, FIFO without headers; the ranges are those of `wire.clip_status`. A frame of the FIFO is 12 bytes, gyroscope first: two
words of the driver's interface. INT1 rises when four samples wait; nothing listens to it today.

After each reset the chip wants 8 KB of configuration. They are Bosch's and are not part of this project: `start` reads them from
the file `bmi270_config.bin` on the flash, and without it the sensor counts as missing. Bosch publishes them as an array in the C
source of its sensor driver (`bmi270_config_file`).
"""

import time

from .wire import clip_status as ranges
from .wire.base import const

CONFIG_FILE = "bmi270_config.bin"
BURST_WORDS = const(32)
_WHO_IS_IT = const(0x24)
_SDO_LOW = const(0x68)  # address by the level of pin SDO
_SDO_HIGH = const(0x69)

_WORD = const(6)
_FRAME = const(12)
_FIFO_SIZE = const(2048)
_CHUNK = const(128)  # of the configuration, in one write

_CHIP_ID = const(0x00)
_INTERNAL_STATUS = const(0x21)
_TEMPERATURE_0 = const(0x22)  # 2 bytes, and FIFO_LENGTH in the next 2
_FIFO_DATA = const(0x26)
_ACC_CONF = const(0x40)
_ACC_RANGE = const(0x41)
_GYR_CONF = const(0x42)
_GYR_RANGE = const(0x43)
_FIFO_WTM_0 = const(0x46)
_FIFO_CONFIG_0 = const(0x48)
_FIFO_CONFIG_1 = const(0x49)
_INT1_IO_CTRL = const(0x53)
_INT_MAP_DATA = const(0x58)
_INIT_CTRL = const(0x59)
_INIT_ADDR_0 = const(0x5B)
_INIT_DATA = const(0x5E)
_PWR_CONF = const(0x7C)
_PWR_CTRL = const(0x7D)
_CMD = const(0x7E)

_RESET = const(0xB6)
_FLUSH = const(0xB0)
_RESET_MS = const(2)
_INIT_OK = const(1)
_INIT_TRIES = const(10)
_INIT_MS = const(15)
_ACC_100HZ = const(0xA8)  # averaging filter of its own for this rate
_GYR_100HZ_LOW_NOISE = const(0xE8)
_ACC_8G = const(0x02)
_GYR_2000DPS = const(0x00)
_KEEP_NEWEST = const(0x00)
_BOTH_WITHOUT_HEADER = const(0xC0)
_WATERMARK = const(48)
_INT1_PUSH_PULL_HIGH = const(0x0A)
_WATERMARK_TO_INT1 = const(0x02)
_ACC_GYR_TEMPERATURE = const(0x0E)


class ImuError(OSError):
    """The chip answers, but it is not a BMI270 or has not taken its configuration."""


class Bmi270:
    """One sensor. `overrun` is set by `level` when the FIFO was full, until its reader clears it."""

    rate_mhz = 100000
    acc_lsb_ug = ranges.ACC_LSB_UG
    gyro_lsb_udps = 61035  # 2000 deg/s over 32768
    saturated = 32760

    def __init__(self, i2c) -> None:  # type: ignore[no-untyped-def]
        self._i2c = i2c
        self._address = _SDO_LOW
        self._one = bytearray(1)
        self._two = bytearray(2)
        self.buffer = bytearray(BURST_WORDS * _WORD)
        self._view = memoryview(self.buffer)
        self._status = bytearray(4)
        self.overrun = False

    def start(self) -> None:
        """Find the chip, reset it, configure it and set it up; takes about 0.3 s. Raises OSError when no chip answers or there is no
        file of its configuration, ImuError when it is another chip or refuses the file."""
        self._find()
        self._write(_CMD, _RESET)
        time.sleep_ms(_RESET_MS)  # type: ignore[attr-defined]
        self._write(_PWR_CONF, 0)  # no power saving: it would stop the upload
        time.sleep_ms(_RESET_MS)  # type: ignore[attr-defined]
        self._write(_INIT_CTRL, 0)
        self._upload()
        self._write(_INIT_CTRL, 1)
        self._await_configured()
        self._write(_ACC_CONF, _ACC_100HZ)
        self._write(_ACC_RANGE, _ACC_8G)
        self._write(_GYR_CONF, _GYR_100HZ_LOW_NOISE)
        self._write(_GYR_RANGE, _GYR_2000DPS)
        self._write(_FIFO_CONFIG_0, _KEEP_NEWEST)
        self._write(_FIFO_CONFIG_1, _BOTH_WITHOUT_HEADER)
        self._write(_FIFO_WTM_0, _WATERMARK)
        self._write(_INT1_IO_CTRL, _INT1_PUSH_PULL_HIGH)
        self._write(_INT_MAP_DATA, _WATERMARK_TO_INT1)
        self._write(_PWR_CTRL, _ACC_GYR_TEMPERATURE)
        self._write(_CMD, _FLUSH)
        self.overrun = False

    def _find(self) -> None:
        for address in (_SDO_LOW, _SDO_HIGH):
            self._address = address
            try:
                who = self._i2c.readfrom_mem(address, _CHIP_ID, 1)[0]
            except OSError:
                continue
            if who == _WHO_IS_IT:
                return
            raise ImuError("0x%02x" % who)
        raise OSError(19)

    def _upload(self) -> None:
        at = 0  # in words of 16 bits
        with open(CONFIG_FILE, "rb") as file:
            while True:
                count = file.readinto(self._view[:_CHUNK])
                if not count:
                    return
                self._two[0] = at & 0x0F
                self._two[1] = at >> 4
                self._i2c.writeto_mem(self._address, _INIT_ADDR_0, self._two)
                self._i2c.writeto_mem(self._address, _INIT_DATA, self._view[:count])
                at += count // 2

    def _await_configured(self) -> None:
        for _ in range(_INIT_TRIES):
            time.sleep_ms(_INIT_MS)  # type: ignore[attr-defined]
            if self._i2c.readfrom_mem(self._address, _INTERNAL_STATUS, 1)[0] & 0x0F == _INIT_OK:
                return
        raise ImuError(CONFIG_FILE)

    def _write(self, register: int, value: int) -> None:
        self._one[0] = value
        self._i2c.writeto_mem(self._address, register, self._one)

    def level(self) -> int:
        """Number of words that wait in the FIFO, two a sample. Raises OSError."""
        self._i2c.readfrom_mem_into(self._address, _TEMPERATURE_0, self._status)
        length = self._status[2] | (self._status[3] & 0x3F) << 8
        if length > _FIFO_SIZE - _FRAME:
            self.overrun = True
        return length // _FRAME * 2

    def read(self, words: int) -> int:
        """Burst at most BURST_WORDS of `words` waiting words into `buffer`; their number. Raises OSError."""
        count = min(words, BURST_WORDS)
        if count:
            self._i2c.readfrom_mem_into(self._address, _FIFO_DATA, self._view[: count * _WORD])
        return count

    def decode(self, words: int, sink) -> int:  # type: ignore[no-untyped-def]
        """Hand every sample of the first `words` words of `buffer` to `sink.sample(ax, ay, az, gx, gy, gz)` (raw LSB), after the
        temperature that `level` saw to `sink.temperature(whole deg C)`; the number of samples."""
        celsius = self._status[1]
        if celsius != 0x80:  # it has not measured yet
            celsius = celsius - 256 if celsius & 0x80 else celsius
            sink.temperature(23 + (celsius >> 1))  # 1/512 K, 0 at 23 deg C
        buf = self.buffer
        at = 0
        for _ in range(words // 2):
            gx = buf[at] | buf[at + 1] << 8
            gy = buf[at + 2] | buf[at + 3] << 8
            gz = buf[at + 4] | buf[at + 5] << 8
            ax = buf[at + 6] | buf[at + 7] << 8
            ay = buf[at + 8] | buf[at + 9] << 8
            az = buf[at + 10] | buf[at + 11] << 8
            at += _FRAME
            gx = gx - 65536 if gx & 0x8000 else gx
            gy = gy - 65536 if gy & 0x8000 else gy
            gz = gz - 65536 if gz & 0x8000 else gz
            ax = ax - 65536 if ax & 0x8000 else ax
            ay = ay - 65536 if ay & 0x8000 else ay
            az = az - 65536 if az & 0x8000 else az
            sink.sample(ax, ay, az, gx, gy, gz)
        return words // 2
