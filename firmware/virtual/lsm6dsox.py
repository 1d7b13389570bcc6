"""The LSM6DSOX inertial sensor as its I2C master sees it: registers, FIFO and imperfections.

Register numbers and bits, output rates, sensitivities and the FIFO's tagged words follow the datasheet (ST DS12814);
compression, the machine-learning core and the sensor hub are not simulated.
"""

from __future__ import annotations

import errno
from collections import deque
from dataclasses import dataclass

import numpy as np

from .motion import Array, MotionSource

ADDRESS = 0x6A
WHO_AM_I = 0x6C
FIFO_WORDS = 512

_REG_FIFO_CTRL1 = 0x07
_REG_FIFO_CTRL2 = 0x08
_REG_FIFO_CTRL3 = 0x09
_REG_FIFO_CTRL4 = 0x0A
_REG_INT1_CTRL = 0x0D
_REG_INT2_CTRL = 0x0E
_REG_WHO_AM_I = 0x0F
_REG_CTRL1_XL = 0x10
_REG_CTRL2_G = 0x11
_REG_CTRL3_C = 0x12
_REG_CTRL10_C = 0x19
_REG_STATUS = 0x1E
_REG_OUT_TEMP = 0x20
_REG_OUT_GYRO = 0x22
_REG_OUT_ACC = 0x28
_REG_FIFO_STATUS1 = 0x3A
_REG_FIFO_STATUS2 = 0x3B
_REG_TIMESTAMP = 0x40
_REG_FIFO_OUT = 0x78
_FIFO_OUT_SIZE = 7

_DEFAULTS = {_REG_WHO_AM_I: WHO_AM_I, _REG_CTRL3_C: 0x04}
_READ_ONLY = {_REG_WHO_AM_I, *range(0x1A, 0x3C), *range(0x40, 0x44), *range(0x78, 0x7F)}

# Output data rate in Hz by code; 11 is 1.6 Hz for the accelerometer and 6.5 Hz for batching the gyroscope.
_ODR_HZ = {1: 12.5, 2: 26.0, 3: 52.0, 4: 104.0, 5: 208.0, 6: 417.0, 7: 833.0, 8: 1667.0, 9: 3333.0, 10: 6667.0, 11: 1.6}
_ACC_G_LSB = {0: 0.061e-3, 1: 0.488e-3, 2: 0.122e-3, 3: 0.244e-3}  # 2, 16, 4, 8 g
_GYRO_DPS_LSB = {0: 8.75e-3, 1: 17.5e-3, 2: 35e-3, 3: 70e-3}  # 250, 500, 1000, 2000 deg/s
_GYRO_125_DPS_LSB = 4.375e-3
_TEMP_LSB = 256.0
_TIMESTAMP_S = 25e-6

_TAG_GYRO = 0x01
_TAG_ACC = 0x02
_TAG_TEMP = 0x03
_TAG_TIMESTAMP = 0x04
_TEMP_BATCH_HZ = {1: 1.6, 2: 12.5, 3: 52.0}

_MODE_BYPASS = 0
_MODE_FIFO = 1  # stops when full
_BLOCK = 256  # samples asked of the motion source at a time
_VIBRATION_HZ = 175.0


@dataclass(frozen=True)
class Imperfections:
    """How the part differs from the ideal; typical values of the datasheet.

    Noise densities in g and deg/s per root hertz, offsets in g and deg/s, drift in deg/s per kelvin around 25 deg C,
    `rate_error` a fraction of the output data rate.
    """

    acc_noise: float = 70e-6
    gyro_noise: float = 3.8e-3
    acc_bias_g: tuple[float, float, float] = (0.008, -0.006, 0.012)
    gyro_bias_dps: tuple[float, float, float] = (0.4, -0.3, 0.2)
    gyro_drift_dps: float = 0.01
    rate_error: float = 0.004


IDEAL = Imperfections(0.0, 0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0, 0.0)


def _parity(tag: int) -> int:
    return (tag.bit_count()) & 1


class Lsm6dsox:
    """One sensor. Time only comes in through the arguments, in simulated microseconds since the source's start.

    Parameters
    ----------
    motion
        What the sensor feels.
    imperfections
        Noise, bias and rate error; `IDEAL` for none.
    seed
        Of the noise.
    """

    def __init__(self, motion: MotionSource, *, imperfections: Imperfections | None = None, seed: int = 0) -> None:
        self._motion = motion
        self._imperfections = Imperfections() if imperfections is None else imperfections
        self._random = np.random.default_rng(seed)
        self._bursts: list[tuple[float, float, float]] = []
        self._block: tuple[Array, Array, Array] | None = None
        self._converted: tuple[bytes, bytes, bytes] | None = None
        self.overruns = 0
        self.reset(0)

    def reset(self, now_us: int) -> None:
        """Back to the state after power-on."""
        self._registers = bytearray(0x80)
        for register, value in _DEFAULTS.items():
            self._registers[register] = value
        self._fifo: deque[bytes] = deque()
        self._overrun = False
        self._overrun_latched = False
        self._tag_count = 0
        self._last: tuple[bytes, bytes, bytes] = (bytes(6), bytes(6), bytes(2))
        self._fresh = False
        self._stamp_from_us = now_us
        self._restart(now_us)

    # -- the bus

    def read(self, register: int, n: int, now_us: int) -> bytes:
        """`n` bytes from `register` on, at `now_us`. Raises OSError (EIO) beyond the last register."""
        self.advance(now_us)
        if register == _REG_FIFO_OUT:
            return self._read_fifo(n)
        if register + n > len(self._registers):
            raise OSError(errno.EIO, f"register {register:#x} + {n}")
        self._refresh(now_us)
        data = bytes(self._registers[register : register + n])
        if register <= _REG_OUT_ACC < register + n or register <= _REG_OUT_GYRO < register + n:
            self._fresh = False
        if register <= _REG_FIFO_STATUS2 < register + n:
            self._overrun_latched = False
        return data

    def write(self, register: int, data: bytes, now_us: int) -> None:
        """Write `data` from `register` on. Writes to read-only registers have no effect, as on the part."""
        self.advance(now_us)
        for offset, value in enumerate(data):
            self._write_one((register + offset) & 0x7F, value, now_us)

    def _write_one(self, register: int, value: int, now_us: int) -> None:
        if register in _READ_ONLY:
            if register == _REG_TIMESTAMP + 2 and value == 0xAA:
                self._stamp_from_us = now_us
            return
        if register == _REG_CTRL3_C and value & 0x81:
            self.reset(now_us)
            return
        before = self._registers[register]
        self._registers[register] = value
        if register in (_REG_CTRL1_XL, _REG_CTRL2_G, _REG_FIFO_CTRL3) and value != before:
            self._restart(now_us)
        if register == _REG_FIFO_CTRL4 and value & 7 == _MODE_BYPASS:
            self._fifo.clear()
            self._overrun = self._overrun_latched = False

    def _read_fifo(self, n: int) -> bytes:
        out = bytearray()
        while len(out) < n:
            word = self._fifo.popleft() if self._fifo else bytes(_FIFO_OUT_SIZE)
            out += word
        self._overrun = self._overrun and len(self._fifo) >= FIFO_WORDS
        return bytes(out[:n])

    def interrupt(self, pin: int, now_us: int) -> int:
        """Level of INT1 or INT2 (`pin` 1 or 2)."""
        self.advance(now_us)
        enabled = self._registers[_REG_INT1_CTRL if pin == 1 else _REG_INT2_CTRL]
        level = (
            (enabled & 0x08 and self._watermark_reached())
            or (enabled & 0x10 and self._overrun)
            or (enabled & 0x20 and len(self._fifo) >= FIFO_WORDS)
            or (enabled & 0x03 and self._fresh)
        )
        return int(bool(level) ^ bool(self._registers[_REG_CTRL3_C] & 0x20))

    def next_change_us(self, now_us: int) -> int | None:
        """When the next sample comes, None while both sensors are off."""
        self.advance(now_us)
        return round(self._next_us) if self._period_us else None

    # -- state shown in registers

    @property
    def watermark(self) -> int:
        """Words at which the watermark flag rises; 0 switches it off."""
        return self._registers[_REG_FIFO_CTRL1] | (self._registers[_REG_FIFO_CTRL2] & 1) << 8

    def _watermark_reached(self) -> bool:
        return 0 < self.watermark <= len(self._fifo)

    def _refresh(self, now_us: int) -> None:
        registers = self._registers
        n = len(self._fifo)
        registers[_REG_FIFO_STATUS1] = n & 0xFF
        registers[_REG_FIFO_STATUS2] = (
            (n >> 8) & 3
            | self._watermark_reached() << 7
            | self._overrun << 6
            | (n >= FIFO_WORDS) << 5
            | self._overrun_latched << 3
        )
        registers[_REG_STATUS] = 0x07 if self._fresh else 0
        gyro, acc, celsius = self._last
        registers[_REG_OUT_TEMP : _REG_OUT_TEMP + 2] = celsius
        registers[_REG_OUT_GYRO : _REG_OUT_GYRO + 6] = gyro
        registers[_REG_OUT_ACC : _REG_OUT_ACC + 6] = acc
        if registers[_REG_CTRL10_C] & 0x20:
            registers[_REG_TIMESTAMP : _REG_TIMESTAMP + 4] = self._stamp(now_us)

    def _stamp(self, t_us: float) -> bytes:
        return (int((t_us - self._stamp_from_us) * 1e-6 / _TIMESTAMP_S) & 0xFFFFFFFF).to_bytes(4, "little")

    # -- samples

    def vibrate(self, from_us: float, to_us: float, amplitude_g: float) -> None:
        """Let a motor shake the sensor for a while."""
        self._bursts = [burst for burst in self._bursts if burst[1] > from_us - 10e6]
        self._bursts.append((from_us, to_us, amplitude_g))
        self._converted = None

    def _odr_hz(self, register: int) -> float:
        return _ODR_HZ.get(self._registers[register] >> 4, 0.0)

    def _restart(self, now_us: int) -> None:
        """Begin a new run of samples: a rate or a range has changed."""
        rate = max(self._odr_hz(_REG_CTRL1_XL), self._odr_hz(_REG_CTRL2_G))
        self._period_us = 1e6 / (rate * (1 + self._imperfections.rate_error)) if rate else 0.0
        self._origin_us = float(now_us)
        self._index = 0
        self._next_us = self._origin_us + self._period_us
        self._temp_due_us = self._origin_us
        self._block = None
        self._converted = None
        self._block_at = 0

    def advance(self, now_us: int) -> None:
        """Take every sample that is due up to `now_us`."""
        if not self._period_us or now_us < self._next_us:
            return
        n = int((now_us - self._origin_us) / self._period_us) - self._index
        while n > 0:
            taken = min(n, _BLOCK - self._index % _BLOCK)
            self._take(taken)
            n -= taken
        self._next_us = self._origin_us + (self._index + 1) * self._period_us

    def _take(self, n: int) -> None:
        if self._block is None or self._index - self._block_at >= _BLOCK:
            self._block_at = self._index - self._index % _BLOCK
            self._block = self._measure(self._block_at)
            self._converted = None
        if self._converted is None:
            self._converted = self._convert(self._block)
        gyro_raw, acc_raw, temp_raw = self._converted
        start = self._index - self._block_at
        for i in range(start, start + n):
            t_us = self._origin_us + (self._block_at + i + 1) * self._period_us
            at = slice(6 * i, 6 * i + 6)
            self._batch(gyro_raw[at], acc_raw[at], temp_raw[2 * i : 2 * i + 2], t_us)
        self._index += n
        last = start + n - 1
        at = slice(6 * last, 6 * last + 6)
        self._last = (gyro_raw[at], acc_raw[at], temp_raw[2 * last : 2 * last + 2])
        self._fresh = True

    def _convert(self, block: tuple[Array, Array, Array]) -> tuple[bytes, bytes, bytes]:
        """Gyroscope, accelerometer and temperature of a block, in the ranges that are set, as the registers show it."""
        steady, gyro, celsius = block
        acc = self._shaken(steady, self._times(self._block_at, _BLOCK))
        acc_lsb = _ACC_G_LSB[(self._registers[_REG_CTRL1_XL] >> 2) & 3]
        gyro_lsb = _GYRO_DPS_LSB[(self._registers[_REG_CTRL2_G] >> 2) & 3]
        if self._registers[_REG_CTRL2_G] & 2:
            gyro_lsb = _GYRO_125_DPS_LSB
        return (
            _raw(gyro / gyro_lsb) if self._odr_hz(_REG_CTRL2_G) else bytes(6 * _BLOCK),
            _raw(acc / acc_lsb) if self._odr_hz(_REG_CTRL1_XL) else bytes(6 * _BLOCK),
            _raw((celsius - 25.0) * _TEMP_LSB),
        )

    def _times(self, index: int, n: int) -> Array:
        return np.asarray(self._origin_us + np.arange(index + 1, index + n + 1) * self._period_us, dtype=np.float64)

    def _measure(self, index: int) -> tuple[Array, Array, Array]:
        t_us = self._times(index, _BLOCK)
        acc, gyro, celsius = self._motion.sample(t_us * 1e-6)
        part = self._imperfections
        # Noise density times the root of the bandwidth, which is half the rate behind the default filter.
        root_hz = float(np.sqrt(0.5e6 / self._period_us))
        acc = acc + np.asarray(part.acc_bias_g) + self._random.normal(0.0, 1.0, acc.shape) * part.acc_noise * root_hz
        drift = part.gyro_drift_dps * (celsius - 25.0)
        gyro = gyro + np.asarray(part.gyro_bias_dps) + drift[:, np.newaxis]
        gyro = gyro + self._random.normal(0.0, 1.0, gyro.shape) * part.gyro_noise * root_hz
        return acc, gyro, celsius

    def _shaken(self, acc: Array, t_us: Array) -> Array:
        for from_us, to_us, amplitude in self._bursts:
            shaken = (t_us >= from_us) & (t_us < to_us)
            if np.any(shaken):
                wave = np.where(shaken, amplitude * np.sin(2 * np.pi * _VIBRATION_HZ * t_us * 1e-6), 0.0)
                acc = acc + wave[:, np.newaxis] * np.asarray([0.6, 0.6, 0.5])
        return acc

    # -- FIFO

    def _batch(self, gyro: bytes, acc: bytes, celsius: bytes, t_us: float) -> None:
        if self._registers[_REG_FIFO_CTRL4] & 7 == _MODE_BYPASS:
            return
        batching = self._registers[_REG_FIFO_CTRL3]
        control = self._registers[_REG_FIFO_CTRL4]
        self._tag_count = (self._tag_count + 1) & 3
        if batching >> 4:
            self._push(_TAG_GYRO, gyro)
        if batching & 0x0F:
            self._push(_TAG_ACC, acc)
        temp_hz = _TEMP_BATCH_HZ.get((control >> 4) & 3)
        if temp_hz is not None and t_us >= self._temp_due_us:
            self._temp_due_us += 1e6 / temp_hz
            self._push(_TAG_TEMP, celsius + bytes(4))
        if control >> 6 and self._registers[_REG_CTRL10_C] & 0x20:
            self._push(_TAG_TIMESTAMP, self._stamp(t_us) + bytes(2))

    def _push(self, sensor: int, data: bytes) -> None:
        if len(self._fifo) >= FIFO_WORDS:
            if self._registers[_REG_FIFO_CTRL4] & 7 == _MODE_FIFO:
                return
            self._fifo.popleft()
            self._overrun = self._overrun_latched = True
            self.overruns += 1
        tag = sensor << 3 | self._tag_count << 1
        self._fifo.append(bytes([tag | _parity(tag)]) + data)


def _raw(values: Array) -> bytes:
    """Values in LSB as little-endian 16-bit numbers, saturated."""
    return np.clip(np.rint(values), -32768, 32767).astype("<i2").tobytes()
