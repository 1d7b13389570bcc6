"""Driver of the DRV2605L haptic chip over I2C (register map: TI datasheet SLOS854), with an ERM coin motor.

A pattern is a short sequence of effects from the chip's own library; GO starts it and clears itself at its end. Between
patterns the chip is in standby. Any two patterns differ in the number of their pulses or clearly in length or spacing.
"""

from .wire.base import const

ADDRESS = const(0x5A)

REMINDER = const(0)
CONFIRM = const(1)
CALIBRATED = const(2)
REFUSED = const(3)
LOW_BATTERY = const(4)
LINKED = const(5)
ALONE = const(6)
TICK = const(7)

_STATUS = const(0x00)
_MODE = const(0x01)
_LIBRARY = const(0x03)
_SEQUENCE = const(0x04)
_GO = const(0x0C)
_FEEDBACK = const(0x1A)

_OUT_OF_STANDBY_TRIGGERED = const(0x00)
_STANDBY = const(0x40)
_ERM_LIBRARY_A = const(0x01)
_ERM = const(0x36)  # the chip's default with N_ERM_LRA clear
_SLOTS = const(8)

# Effects: 47..51 buzz at 100, 80, 60, 40, 20 %; 1..3 strong click at 100, 60, 30 %; 7 soft bump; 24 sharp tick; from 0x80: a
# wait, 10 ms each; 0 ends the sequence. 0xFF and 0xFE, which are none of the chip's, stand for a buzz and a click at the
# wearer's strength.
_BUZZ = const(47)
_CHOSEN_BUZZ = const(0xFF)
_CHOSEN_CLICK = const(0xFE)
_ROW = const(7)
_SEQUENCES = const(
    b"\xff\x8f\xff\x00\x00\x00\x00"  # the reminder in the eight rhythms that the wearer can choose (settings.pattern)
    b"\xff\x00\x00\x00\x00\x00\x00"
    b"\xff\x8f\xff\x8f\xff\x00\x00"
    b"\xff\xbc\xff\x00\x00\x00\x00"
    b"\xfe\x8f\xff\x00\x00\x00\x00"
    b"\xff\x8f\xfe\x00\x00\x00\x00"
    b"\xfe\x8f\xfe\x8f\xff\x00\x00"
    b"\xff\x8f\xfe\x8f\xfe\x00\x00"
    b"\x07\x00\x00\x00\x00\x00\x00"  # confirm
    b"\x01\x8f\x01\x00\x00\x00\x00"  # calibrated
    b"\x03\x8f\x03\x8f\x03\x00\x00"  # refused
    b"\x02\x8f\x31\x8f\x02\x00\x00"  # low battery
    b"\x02\x8f\x02\x8f\x02\x8f\x02"  # linked
    b"\x02\xbc\x02\x00\x00\x00\x00"  # alone
    b"\x18\x00\x00\x00\x00\x00\x00"  # tick
)


def sequence(pattern: int, strength_pct: int, rhythm: int) -> bytes:
    """The chip's waveform slots for a pattern; unused slots are 0. Raises ValueError for an unknown pattern."""
    if not REMINDER <= pattern <= TICK:
        raise ValueError("pattern %d" % pattern)
    at = (rhythm if pattern == REMINDER else 7 + pattern) * _ROW
    faintness = min(4, (100 - strength_pct) // 20)
    slots = bytearray(_SLOTS)
    for i in range(_ROW):
        effect = _SEQUENCES[at + i]
        if effect == _CHOSEN_BUZZ:
            effect = _BUZZ + faintness
        elif effect == _CHOSEN_CLICK:
            effect = 1 + (faintness + 1) // 2
        slots[i] = effect
    return bytes(slots)


class Drv2605l:
    """One motor. `running` is what GO said when it was last asked."""

    def __init__(self, i2c) -> None:  # type: ignore[no-untyped-def]
        self._i2c = i2c
        self._one = bytearray(1)
        self.running = False

    def start(self) -> None:
        """Find the chip and let it sleep. Raises OSError when it does not answer or is another chip."""
        status = self._i2c.readfrom_mem(ADDRESS, _STATUS, 1)[0]
        if status >> 5 not in (3, 7):  # DRV2605, DRV2605L
            raise OSError(19, "0x%02x" % status)
        self.off()

    def _write(self, register: int, value: int) -> None:
        self._one[0] = value
        self._i2c.writeto_mem(ADDRESS, register, self._one)

    def play(self, pattern: int, strength_pct: int, rhythm: int) -> None:
        """Wake the chip and start a pattern; one that is still running is replaced. Raises OSError when it does not answer.

        Everything is set each time: a dip of the supply, such as a motor makes, takes a chip back to its defaults.
        """
        slots = sequence(pattern, strength_pct, rhythm)
        self._write(_MODE, _OUT_OF_STANDBY_TRIGGERED)
        self._write(_FEEDBACK, _ERM)
        self._write(_LIBRARY, _ERM_LIBRARY_A)
        for i in range(_SLOTS):
            self._write(_SEQUENCE + i, slots[i])
        self._write(_GO, 1)
        self.running = True

    def poll(self) -> bool:
        """Ask whether the motor still runs; once it does not, the chip sleeps. Raises OSError."""
        if self.running:
            self._i2c.readfrom_mem_into(ADDRESS, _GO, self._one)
            if not self._one[0] & 1:
                self.off()
        return self.running

    def off(self) -> None:
        """Let the chip sleep, whatever it does. Raises OSError."""
        self._write(_GO, 0)
        self._write(_MODE, _STANDBY)
        self.running = False
