"""The clip's status (read, notify), its sensor's ranges, and the wearer's settings.

status    version u8 | flags u8 | boot 8 bytes | boot counter u16 | t_ms u32 | sample period us u32 | range g u8 |
          range deg/s u16 | plan, calibration version u16 | battery mV u16, % u8 | policy u8 | deg C i8 |
          journal first, next u32 | dropped u16 | judge u8
settings  version u16 | strength % u8 | pattern u8 | LED u8
"""

import struct

from .base import VERSION, MalformedError, const, need

STATUS_LAYOUT = const("<BB8sHIIBHHHHBBbIIHB")
SETTINGS_LAYOUT = const("<HBBB")

STATUS_IMU_OK = 1
STATUS_HAPTIC_OK = 2
STATUS_UTC_KNOWN = 4
STATUS_PAUSED = 8
STATUS_SNOOZED = 16
STATUS_UPDATE_READY = 32  # a new firmware waits for its wearer
STATUS_PAIRING = 64
STATUS_BATTERY_LOW = 128

# Full scale of the sensor's 16 bits and what one LSB is then (LSM6DSOX datasheet, table 2).
ACC_RANGE_G = 8
ACC_LSB_UG = 244
GYRO_RANGE_DPS = 2000
GYRO_LSB_UDPS = 70000


def pack_values(*values: object) -> bytes:
    """Status as bytes, from its values after the version in the order above."""
    return struct.pack(STATUS_LAYOUT, VERSION, *values)


def pack_settings(version: int, strength_pct: int, pattern: int, led: int) -> bytes:
    """Settings as bytes."""
    return struct.pack(SETTINGS_LAYOUT, version, strength_pct, pattern, led)


def settings_values(data: bytes) -> "tuple[int, ...]":
    """(version, strength %, pattern, LED). Raises MalformedError."""
    need(data, struct.calcsize(SETTINGS_LAYOUT), "settings")
    values = struct.unpack(SETTINGS_LAYOUT, data)
    if values[1] > 100 or values[2] > 7 or values[3] > 1:
        raise MalformedError("settings")
    return values
