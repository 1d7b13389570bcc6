"""How a trunk moves in a script: posture, breathing, gait and handling as smooth functions of time.

Body frame: x right, y forward, z up in the reference posture. Rotations are unit quaternions w x y z.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

G: Final = 9.80665
STEP_HZ: Final = 1.9
"""Cadence of a comfortable walk; the trunk bobs once a step and sways once a stride of two."""
BOB_M: Final = 0.018
SURGE_M: Final = 0.008
LEVER_M: Final = 0.40
"""Distance of the clip from the hips, about which the trunk turns."""
HANDLING_HZ: Final = 2.7


def multiply(a: Floats, b: Floats) -> Floats:
    """Hamilton product of (N, 4) or (4,) quaternions."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        axis=-1,
    )


def conjugate(q: Floats) -> Floats:
    """The inverse of unit quaternions."""
    inverse: Floats = q * np.array([1.0, -1.0, -1.0, -1.0])
    return inverse


def rotate(q: Floats, v: Floats) -> Floats:
    """Vectors (N, 3) turned by quaternions (N, 4)."""
    pure = np.concatenate((np.zeros((*v.shape[:-1], 1)), v), axis=-1)
    turned: Floats = multiply(multiply(q, pure), conjugate(q))[..., 1:]
    return turned


def body_to_earth(heading: Floats, sagittal: Floats, lateral: Floats) -> Floats:
    """(N, 4) from degrees (N,): turn about z, lean right about y, then forward about -x.

    In this order the sagittal and lateral angles of the contract come out as they went in.
    """
    h, r, s = (np.radians(angle) / 2 for angle in (heading, lateral, sagittal))
    ch, sh, cr, sr, cs, ss = np.cos(h), np.sin(h), np.cos(r), np.sin(r), np.cos(s), -np.sin(s)
    w, x, y, z = ch * cr, -sh * sr, ch * sr, sh * cr
    return np.stack((w * cs - x * ss, w * ss + x * cs, y * cs + z * ss, z * cs - y * ss), axis=-1)


def smooth_step(x: Floats) -> Floats:
    """From 0 to 1 for x from 0 to 1, the way a limb moves (minimum jerk, Flash and Hogan 1985)."""
    x = np.clip(x, 0, 1)
    step: Floats = x**3 * (10 - 15 * x + 6 * x**2)
    return step


def hump(x: Floats) -> Floats:
    """0 at 0, 1 at a half, 0 at 1, and 0 outside."""
    inside = (x > 0) & (x < 1)
    curve: Floats = np.where(inside, np.sin(np.pi * np.clip(x, 0, 1)) ** 2, 0.0)
    return curve
