"""Driver of the DRV2605L haptic chip over I2C (register map: TI datasheet SLOS854), with an ERM coin motor.

A pattern is a short sequence of effects from the chip's own library; GO starts it and clears itself at its end.
"""

from .wire.base import const

ADDRESS = const(0x5A)

REMINDER = const(0)
CONFIRM = const(1)
CALIBRATED = const(2)
REFUSED = const(3)

_STATUS = const(0x00)
_MODE = const(0x01)
_LIBRARY = const(0x03)
_SEQUENCE = const(0x04)
_GO = const(0x0C)
_FEEDBACK = const(0x1A)

_OUT_OF_STANDBY_TRIGGERED = const(0x00)
_ERM_LIBRARY_A = const(0x01)
_ERM = const(0x36)  # the chip's default with N_ERM_LRA clear
_START = const(0x01)
_SLOTS = const(8)

# Effects: 47..51 buzz at 100, 80, 60, 40, 20 %; 1 strong click; 10 double click; 7 soft bump; from 0x80: a wait, 10 ms each;
# 0 ends the sequence. 0xFF, which is none of the chip's, stands for a buzz at the chosen strength.
_BUZZ = const(47)
_CHOSEN = const(0xFF)
_ROW = const(5)
_SEQUENCES = const(
    b"\xff\x8f\xff\x00\x00"  # the reminder in the eight rhythms that the wearer can choose (settings.pattern)
    b"\xff\x00\x00\x00\x00"
    b"\xff\x8f\xff\x8f\xff"
    b"\xff\x9e\xff\x00\x00"
    b"\x01\x8f\xff\x00\x00"
    b"\xff\x8f\x01\x00\x00"
    b"\x0a\x8f\xff\x00\x00"
    b"\xff\x9e\x0a\x00\x00"
    b"\x07\x00\x00\x00\x00"  # confirm
    b"\x01\x8f\x0a\x00\x00"  # calibrated
    b"\x33\x8f\x33\x8f\x33"  # refused
)


def sequence(pattern: int, strength_pct: int, rhythm: int) -> bytes:
    """The chip's waveform slots for a pattern; unused slots are 0. Raises ValueError for an unknown pattern."""
    if not REMINDER <= pattern <= REFUSED:
        raise ValueError("pattern %d" % pattern)
    at = (rhythm if pattern == REMINDER else 7 + pattern) * _ROW
    buzz = _BUZZ + min(4, (100 - strength_pct) // 20)
    slots = bytearray(_SLOTS)
    for i in range(_ROW):
        effect = _SEQUENCES[at + i]
        slots[i] = buzz if effect == _CHOSEN else effect
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
        if status >> 5 not in (3, 7):  # DRV2605, DRV2605L
            raise OSError(19, "0x%02x" % status)
        self._write(_MODE, _OUT_OF_STANDBY_TRIGGERED)
        self._write(_FEEDBACK, _ERM)
        self._write(_LIBRARY, _ERM_LIBRARY_A)
        self.running = False

    def _write(self, register: int, value: int) -> None:
        self._one[0] = value
        self._i2c.writeto_mem(ADDRESS, register, self._one)

    def play(self, pattern: int, strength_pct: int, rhythm: int) -> None:
        """Start a pattern; one that is still running is replaced. Raises OSError when the chip does not answer."""
        slots = sequence(pattern, strength_pct, rhythm)
        for i in range(_SLOTS):
            self._write(_SEQUENCE + i, slots[i])
        self._write(_GO, _START)
        self.running = True

    def poll(self) -> bool:
        """Ask whether the motor still runs. Raises OSError."""
        if self.running:
            self._i2c.readfrom_mem_into(ADDRESS, _GO, self._one)
            self.running = bool(self._one[0] & 1)
        return self.running
