"""A calibration: the sensor's axes in the wearer's reference posture.

version u16 | procedure u8 (0 seated, 1 standing) | up 3 x i16 | forward 3 x i16, Q14 unit vectors in the sensor's frame

`up` points to the sky in the reference posture, `forward` is level and points where the wearer faces. With u the sky in
the sensor's frame now: sagittal = atan2(-u.forward, u.up), positive leaning forward; right = forward x up;
lateral = asin(-u.right), positive leaning right.
"""

import struct

from .base import MalformedError, need

LAYOUT = "<HB3h3h"
SIZE = struct.calcsize(LAYOUT)
Q14 = 16384


def parse_calibration(data: bytes) -> tuple[int, int, tuple[int, int, int], tuple[int, int, int]]:
    """(version, procedure, up, forward). Raises MalformedError unless both are unit vectors at right angles (to 1 %)."""
    need(data, SIZE, "calibration")
    values = struct.unpack(LAYOUT, data)
    version, procedure = values[0], values[1]
    up = values[2:5]
    forward = values[5:8]
    if procedure > 1:
        raise MalformedError("procedure")
    for vector in (up, forward):
        norm = sum(v * v for v in vector) / (Q14 * Q14)
        if not 0.98 < norm < 1.02:
            raise MalformedError("axis norm")
    if abs(sum(u * f for u, f in zip(up, forward))) > Q14 * Q14 // 100:
        raise MalformedError("axes angle")
    return version, procedure, up, forward
