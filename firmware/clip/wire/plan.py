"""The plan on the clip: what of the therapist's prescription the reminder policy needs.

version u16 | mode u8 | angle deg u8 | dwell s u16 | recovery deg u8 | recovery 0.1 s u8 | repeat s u16 | cap per hour u8 |
fraction % u8 | seed u16 | back-off u8 | positive pulse u8 | days u8 (bit 0 Monday) | start, end minute of local day u16 |
trigger u8 | quiet start, end minute of local day u16 (equal: none) | a silent day in so many u8 (0: none)

A plan may end before the trigger, as plans once did: what is not there is 0.
"""

import struct

from .base import MalformedError, const, need

LAYOUT = "<HBBHBBHBBHBBBHHBHHB"
SIZE = struct.calcsize(LAYOUT)
_ADDED = const(6)  # bytes from the trigger on

TRACK = 0  # measure, never remind
TRAIN = 1

DWELL = 0  # due when a slouch has lasted the dwell
DOSE = 1  # due when the holding time is used up, over all slouches (see `reminder`)

FIELDS = (
    "version",
    "mode",
    "angle_deg",
    "dwell_s",
    "recovery_deg",
    "recovery_ds",
    "repeat_s",
    "cap_per_hour",
    "fraction_pct",
    "seed",
    "back_off",
    "positive_pulse",
    "days",
    "start_min",
    "end_min",
    "trigger",
    "quiet_start_min",
    "quiet_end_min",
    "probe_every",
)
# Lowest and highest value of each field. Dwell 3-600 s and cap 6/h: clinical anchors; more often than every other minute
# nobody listens; an angle below 5 deg drowns in
# the repeatability of sitting upright (about 3 deg), above 60 nobody sits. At least one day in five is silent when any
# is, or the days would be too few to compare.
LOWEST = b"\0\0\5\3\1\1\3\0\0\0\0\0\0\0\0\0\0\0\0"
HIGHEST = (65535, 1, 60, 600, 30, 100, 3600, 30, 100, 65535, 1, 1, 127, 1440, 1440, 1, 1440, 1440, 5)


class Plan:
    """One version of a plan. The defaults are in force until a therapist has set another (version 0)."""

    def __init__(self) -> None:
        self.version = 0
        self.mode = TRACK
        self.angle_deg = 10
        self.dwell_s = 60
        self.recovery_deg = 5
        self.recovery_ds = 8
        self.repeat_s = 300
        self.cap_per_hour = 6
        self.fraction_pct = 100
        self.seed = 0
        self.back_off = 1
        self.positive_pulse = 0
        self.days = 0x7F
        self.start_min = 0
        self.end_min = 1440
        self.trigger = DWELL
        self.quiet_start_min = 0
        self.quiet_end_min = 0
        self.probe_every = 0

    def pack(self) -> bytes:
        """The plan as bytes. Raises MalformedError when a field is out of its limits."""
        values = [getattr(self, name) for name in FIELDS]
        _check(values)
        return struct.pack(LAYOUT, *values)


def _check(values: list[int]) -> None:
    for name, value, low, high in zip(FIELDS, values, LOWEST, HIGHEST):
        if not low <= value <= high:
            raise MalformedError("%s is %d" % (name, value))
    if values[4] >= values[2]:
        raise MalformedError("%s is %d" % (FIELDS[4], values[4]))


def parse_plan(data: bytes) -> Plan:
    """The plan in `data`. Raises MalformedError, naming the field that is out of its limits."""
    if len(data) == SIZE - _ADDED:
        data = bytes(data) + bytes(_ADDED)
    need(data, SIZE, "plan")
    values = list(struct.unpack(LAYOUT, data))
    _check(values)
    plan = Plan()
    for name, value in zip(FIELDS, values):
        setattr(plan, name, value)
    return plan
