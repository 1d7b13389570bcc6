"""The DRV2605L haptic driver as its I2C master sees it.

Registers and defaults follow the datasheet (TI SLOS854). The datasheet gives no lengths for the library's effects;
`effect_ms` groups them by their names.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

ADDRESS = 0x5A

_REG_STATUS = 0x00
_REG_MODE = 0x01
_REG_RTP = 0x02
_REG_LIBRARY = 0x03
_REG_SEQUENCE = 0x04
_REG_GO = 0x0C
_SLOTS = 8
_SIZE = 0x23

_DEVICE_ID = 0xE0  # 7 in bits 7:5
_STANDBY = 0x40
_DEVICE_RESET = 0x80
_MODE_INTERNAL = 0
_MODE_RTP = 5
_MODE_DIAGNOSTICS = 6
_MODE_CALIBRATION = 7
_WAIT = 0x80  # a slot with this bit waits 10 ms times its lower bits
_DIAGNOSTICS_MS = 250
_CALIBRATION_MS = 1000

_DEFAULTS = {
    _REG_STATUS: _DEVICE_ID,
    _REG_MODE: _STANDBY,
    _REG_SEQUENCE: 0x01,
    0x16: 0x3E,
    0x17: 0x8C,
    0x18: 0x0C,
    0x19: 0x6C,
    0x1A: 0x36,
    0x1B: 0x93,
    0x1C: 0xF5,
    0x1D: 0xA0,
    0x1E: 0x20,
    0x1F: 0x80,
}


@dataclass(frozen=True)
class MotorEvent:
    """A GO that made the motor run: simulated milliseconds since the radio began, and the effects played."""

    t_ms: int
    waveform: tuple[int, ...]
    duration_ms: int = 0


def effect_ms(effect: int) -> int:
    """Length of a library effect in milliseconds, by its group."""
    for last, length in ((13, 120), (14, 500), (15, 750), (16, 1000), (26, 60), (36, 160), (46, 130), (51, 500)):
        if effect <= last:
            return length
    if effect <= 69:
        return 200  # pulsing and transition clicks
    if effect <= 117:
        return 500  # ramps
    return 10_000 if effect == 118 else 300  # "long buzz for programmatic stopping"; hums


class Drv2605l:
    """One haptic driver. `plays` is called with (from_us, to_us) whenever the motor starts."""

    def __init__(self) -> None:
        self.log: list[MotorEvent] = []
        self.fault = False
        self.reset()

    def reset(self) -> None:
        """Back to the state after power-on."""
        self._registers = bytearray(_SIZE)
        for register, value in _DEFAULTS.items():
            self._registers[register] = value
        self._until_us = 0

    def read(self, register: int, n: int, now_us: int) -> bytes:
        """`n` bytes from `register` on. Raises OSError (EIO) beyond the last register."""
        self._settle(now_us)
        if register + n > _SIZE:
            raise OSError(errno.EIO, f"register {register:#x} + {n}")
        return bytes(self._registers[register : register + n])

    def write(self, register: int, data: bytes, now_us: int) -> tuple[int, int] | None:
        """Write `data` from `register` on; (from, to) in microseconds when that starts the motor.

        Raises OSError (EIO) beyond the last register.
        """
        self._settle(now_us)
        if register + len(data) > _SIZE:
            raise OSError(errno.EIO, f"register {register:#x} + {len(data)}")
        started: tuple[int, int] | None = None
        for offset, value in enumerate(data):
            at = register + offset
            if at == _REG_STATUS:
                continue
            if at == _REG_MODE and value & _DEVICE_RESET:
                self.reset()
                continue
            self._registers[at] = value
            if at == _REG_GO:
                started = self._go(value & 1, now_us)
        return started

    def running(self, now_us: int) -> bool:
        """Whether GO is set."""
        self._settle(now_us)
        return bool(self._registers[_REG_GO])

    def _go(self, on: int, now_us: int) -> tuple[int, int] | None:
        mode = self._registers[_REG_MODE]
        self._until_us = now_us
        if not on or mode & _STANDBY:
            self._registers[_REG_GO] = 0
            return None
        if mode & 7 in (_MODE_DIAGNOSTICS, _MODE_CALIBRATION):
            length = _DIAGNOSTICS_MS if mode & 7 == _MODE_DIAGNOSTICS else _CALIBRATION_MS
            self._until_us = now_us + 1000 * length
            self._registers[_REG_STATUS] = _DEVICE_ID | self.fault << 3
            return now_us, self._until_us
        if mode & 7 != _MODE_INTERNAL:
            return None
        sequence = self._sequence()
        length = sum(10 * (slot & 0x7F) if slot & _WAIT else effect_ms(slot) for slot in sequence)
        self._until_us = now_us + 1000 * length
        effects = tuple(slot for slot in sequence if not slot & _WAIT)
        if not effects:
            return None
        self.log.append(MotorEvent(now_us // 1000, effects, length))
        return now_us, self._until_us

    def _sequence(self) -> list[int]:
        slots = self._registers[_REG_SEQUENCE : _REG_SEQUENCE + _SLOTS]
        end = slots.find(0)
        return list(slots if end < 0 else slots[:end])

    def _settle(self, now_us: int) -> None:
        if self._registers[_REG_GO] and now_us >= self._until_us:
            self._registers[_REG_GO] = 0
