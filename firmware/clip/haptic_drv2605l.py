"""Driver of the DRV2605L haptic chip over I2C (register map: TI datasheet SLOS854), with an ERM coin motor.

A pattern is a short sequence of effects from the chip's own library; GO starts it and clears itself at its end.
"""

from .wire.base import const

ADDRESS = 0x5A

REMINDER = 0
CONFIRM = 1
CALIBRATED = 2
REFUSED = 3

_STATUS = const(0x00)
_MODE = const(0x01)
_LIBRARY = const(0x03)
_SEQUENCE = const(0x04)
_GO = const(0x0C)
_FEEDBACK = const(0x1A)

_DEVICE_IDS = (3, 7)  # bits 7:5 of the status register: DRV2605, DRV2605L
_OUT_OF_STANDBY_TRIGGERED = b"\x00"
_ERM_LIBRARY_A = b"\x01"
_ERM = b"\x36"  # the chip's default with N_ERM_LRA clear
_START = b"\x01"
_SLOTS = const(8)

# Effects: 47..51 buzz at 100, 80, 60, 40, 20 %; 1 strong click; 10 double click; 7 soft bump; bit 7: wait, 10 ms each.
_BUZZ = const(47)
_WAIT_150 = const(0x80 | 15)
_WAIT_300 = const(0x80 | 30)
_FIXED = {
    CONFIRM: (7,),
    CALIBRATED: (1, _WAIT_150, 10),
    REFUSED: (51, _WAIT_150, 51, _WAIT_150, 51),
}
# The reminder's rhythm is the wearer's choice (settings.pattern): 0 stands for a buzz at the chosen strength.
_RHYTHMS = (
    (0, _WAIT_150, 0),
    (0,),
    (0, _WAIT_150, 0, _WAIT_150, 0),
    (0, _WAIT_300, 0),
    (1, _WAIT_150, 0),
    (0, _WAIT_150, 1),
    (10, _WAIT_150, 0),
    (0, _WAIT_300, 10),
)
_PATTERNS = const(4)


def sequence(pattern: int, strength_pct: int, rhythm: int) -> bytes:
    """The chip's waveform slots for a pattern; unused slots are 0. Raises ValueError for an unknown pattern."""
    if not 0 <= pattern < _PATTERNS:
        raise ValueError("unknown haptic pattern %d" % pattern)
    effects = _RHYTHMS[rhythm] if pattern == REMINDER else _FIXED[pattern]
    buzz = _BUZZ + min(4, (100 - strength_pct) // 20)
    slots = bytearray(_SLOTS)
    for i, effect in enumerate(effects):
        slots[i] = effect or buzz
    return bytes(slots)


class Drv2605l:
    """One motor. `running` is what GO said when it was last asked."""

    def __init__(self, i2c) -> None:  # type: ignore[no-untyped-def]
        self._i2c = i2c
        self._one = bytearray(1)
        self.running = False

    def start(self) -> None:
        """Wake and set up the chip. Raises OSError when it does not answer or is another chip."""
        status = self._i2c.readfrom_mem(ADDRESS, _STATUS, 1)[0]
        if status >> 5 not in _DEVICE_IDS:
            raise OSError(19, "not a DRV2605L: status 0x%02x" % status)
        self._write(_MODE, _OUT_OF_STANDBY_TRIGGERED)
        self._write(_FEEDBACK, _ERM)
        self._write(_LIBRARY, _ERM_LIBRARY_A)
        self.running = False

    def _write(self, register: int, data: bytes) -> None:
        self._i2c.writeto_mem(ADDRESS, register, data)

    def play(self, pattern: int, strength_pct: int, rhythm: int) -> None:
        """Start a pattern; one that is still running is replaced. Raises OSError when the chip does not answer."""
        slots = sequence(pattern, strength_pct, rhythm)
        for i in range(_SLOTS):
            self._write(_SEQUENCE + i, slots[i : i + 1])
        self._write(_GO, _START)
        self.running = True

    def poll(self) -> bool:
        """Ask whether the motor still runs. Raises OSError."""
        if self.running:
            self._i2c.readfrom_mem_into(ADDRESS, _GO, self._one)
            self.running = bool(self._one[0] & 1)
        return self.running
