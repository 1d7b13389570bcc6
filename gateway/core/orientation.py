"""From a quaternion to signed inclination.

With u the sky in the sensor's frame: sagittal = atan2(-u.forward, u.up), positive leaning forward;
lateral = asin(-u.right) with right = forward x up, positive leaning right. Yaw drops out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .types import Calibration

Floats = NDArray[np.float64]


def sky_in_sensor(quaternion: Floats) -> tuple[Floats, Floats, Floats]:
    """The sky's direction in the sensor's frame, three (N,) arrays, of (N, 4) unit quaternions sensor to earth.

    It is the third row of the rotation matrix. Three arrays, because numpy works fastest on contiguous columns.
    """
    w, x, y, z = (np.ascontiguousarray(column) for column in quaternion.T)
    return 2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z


def inclination(sky: tuple[Floats, Floats, Floats], calibration: Calibration) -> tuple[Floats, Floats, Floats]:
    """(sagittal, lateral, tilt) in degrees, (N,) each, of unit sky directions; tilt is the angle to the reference."""
    right = np.cross(calibration.forward, calibration.up)
    along_up, along_forward, along_right = (_dot(sky, axis) for axis in (calibration.up, calibration.forward, right))
    sagittal = np.degrees(np.arctan2(-along_forward, along_up))
    lateral = np.degrees(np.arcsin(np.clip(-along_right, -1, 1)))
    tilt = np.degrees(np.arccos(np.clip(along_up, -1, 1)))
    return sagittal, lateral, tilt


def _dot(vectors: tuple[Floats, Floats, Floats], axis: Floats) -> Floats:
    # Written out: a matrix product may round differently with the number of rows, and results must not depend on it.
    dot: Floats = vectors[0] * axis[0] + vectors[1] * axis[1] + vectors[2] * axis[2]
    return dot
