"""The clip's board without its radio: the I2C bus with both chips, the battery's divider and the interrupt pins."""

from __future__ import annotations

import errno
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from . import drv2605l, lsm6dsox, ops
from .drv2605l import Drv2605l
from .faults import Fault, Mode
from .lsm6dsox import Lsm6dsox

DIVIDER = 2  # two equal resistors between battery and ADC pin
_MICRO_PER_MILLI = 1000


@dataclass
class Battery:
    """A LiPo cell that discharges evenly.

    Voltages in millivolts, `hours` from full to empty.
    """

    full_mv: float = 4150.0
    empty_mv: float = 3300.0
    hours: float = 12.0

    def millivolts(self, now_us: int) -> float:
        """Voltage after `now_us` of use, never below empty."""
        used = min(1.0, now_us / (self.hours * 3600e6))
        return self.full_mv + (self.empty_mv - self.full_mv) * used


class Board:
    """Answers the stand-ins' calls about pins and buses.

    Parameters
    ----------
    imu, haptic
        The chips; None leaves the address on the bus empty (a broken solder joint).
    coupling_g
        Amplitude of the motor's vibration at the sensor in g; 0 keeps them apart.
    int1_pin, button_pin
        Numbers of the pins that the sensor's INT1 and the button are wired to; the button pulls its pin down.
    """

    def __init__(
        self,
        imu: Lsm6dsox | None,
        haptic: Drv2605l | None,
        *,
        battery: Battery | None = None,
        coupling_g: float = 0.0,
        int1_pin: int = 4,
        button_pin: int = 5,
    ) -> None:
        self.imu = imu
        self.haptic = haptic
        self.battery = Battery() if battery is None else battery
        self.coupling_g = coupling_g
        self.int1_pin = int1_pin
        self.button_pin = button_pin
        self.pressed = False
        self.outputs: list[tuple[int, int, int]] = []
        """(microseconds, pin, level) of everything that was written to a pin."""
        self._faults = {lsm6dsox.ADDRESS: Fault(), drv2605l.ADDRESS: Fault()}
        self.watched: dict[int, int] = {}
        self._pointer: dict[int, int] = {}
        self._random = random.Random(0)  # noqa: S311 - repeatable on purpose

    def restart(self, seed: str) -> None:
        """The processor forgets, the chips do not; what `os.urandom` gives from now on follows from `seed`."""
        self._random.seed(seed)
        self.watched.clear()
        self._pointer.clear()

    def power_cycle(self, now_us: int) -> None:
        """The chips forget."""
        if self.imu is not None:
            self.imu.reset(now_us)
        if self.haptic is not None:
            self.haptic.reset()

    def call(self, op: int, data: bytes, now_us: int) -> bytes:
        """Answer of one operation. Raises OSError with the errno that the board would raise."""
        handler = self._CALLS.get(op)
        if handler is None:
            raise OSError(errno.EINVAL, f"operation {op}")
        return handler(self, data, now_us)

    # -- I2C

    def fail(self, address: int, mode: Mode, now_us: int) -> None:
        """Let something be wrong with the chip at an address, "none": nothing any more."""
        self._faults[address].mode = mode if mode != "reset" else "none"
        if mode != "reset":
            return
        if address == lsm6dsox.ADDRESS and self.imu is not None:
            self.imu.reset(now_us)
        elif address == drv2605l.ADDRESS and self.haptic is not None:
            self.haptic.reset()

    def _chip(self, address: int) -> Lsm6dsox | Drv2605l:
        chip = {lsm6dsox.ADDRESS: self.imu, drv2605l.ADDRESS: self.haptic}.get(address)
        if chip is None:
            raise OSError(errno.ENODEV, f"no chip at {address:#x}")
        self._faults[address].check()
        return chip

    def _read(self, address: int, register: int, n: int, now_us: int) -> bytes:
        data = self._chip(address).read(register, n, now_us)
        return self._faults[address].read(address, register, data)

    def _read_memory(self, data: bytes, now_us: int) -> bytes:
        address, register, n = struct.unpack("<BBH", data)
        return self._read(address, register, n, now_us)

    def _write_memory(self, data: bytes, now_us: int) -> bytes:
        address, register = data[0], data[1]
        chip = self._chip(address)
        run = chip.write(register, data[2:], now_us)
        if run is not None and self.imu is not None and self.coupling_g:
            self.imu.vibrate(run[0], run[1], self.coupling_g)
        return b""

    def _scan(self, _data: bytes, _now_us: int) -> bytes:
        found = [(drv2605l.ADDRESS, self.haptic), (lsm6dsox.ADDRESS, self.imu)]
        return bytes(address for address, chip in found if chip is not None)

    def _read_plain(self, data: bytes, now_us: int) -> bytes:
        address, n = struct.unpack("<BH", data)
        return self._read(address, self._pointer.get(address, 0), n, now_us)

    def _write_plain(self, data: bytes, now_us: int) -> bytes:
        address = data[0]
        self._chip(address)
        if len(data) > 1:
            self._pointer[address] = data[1]
        return self._write_memory(data, now_us) if len(data) > 2 else b""

    # -- pins

    def _adc(self, _data: bytes, now_us: int) -> bytes:
        return struct.pack("<I", round(self.battery.millivolts(now_us) * _MICRO_PER_MILLI / DIVIDER))

    def level(self, pin: int, now_us: int) -> int:
        """Level of a pin; one that nothing drives is low."""
        if pin == self.button_pin:
            return 0 if self.pressed else 1
        return self.imu.interrupt(1, now_us) if pin == self.int1_pin and self.imu is not None else 0

    def _pin(self, data: bytes, now_us: int) -> bytes:
        return bytes([self.level(data[0], now_us)])

    def _write_pin(self, data: bytes, now_us: int) -> bytes:
        self.outputs.append((now_us, data[0], data[1]))
        return b""

    def _watch(self, data: bytes, _now_us: int) -> bytes:
        if data[1]:
            self.watched[data[0]] = data[1]
        else:
            self.watched.pop(data[0], None)
        return b""

    def _urandom(self, data: bytes, _now_us: int) -> bytes:
        return self._random.randbytes(struct.unpack("<H", data)[0])

    _CALLS: ClassVar[dict[int, Callable[[Board, bytes, int], bytes]]] = {
        ops.I2C_READ_MEMORY: _read_memory,
        ops.I2C_WRITE_MEMORY: _write_memory,
        ops.I2C_SCAN: _scan,
        ops.I2C_READ: _read_plain,
        ops.I2C_WRITE: _write_plain,
        ops.ADC_READ: _adc,
        ops.PIN_READ: _pin,
        ops.PIN_WATCH: _watch,
        ops.PIN_WRITE: _write_pin,
        ops.URANDOM: _urandom,
    }
