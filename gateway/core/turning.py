"""How far the sensor turned over some hops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .frames import SKY_ONE


def turned(sky: NDArray[np.int64], hops: int) -> NDArray[np.float64]:
    """Angle in radians between the sky of each hop and that of the one `hops` before, (H - hops,), of (3, H) directions
    as in `Hops`; half a turn where either is missing, so that no way between them is called to and fro."""
    unit = sky / SKY_ONE
    x, y, z = unit[:, hops:] - unit[:, :-hops]
    chord = np.sqrt(x * x + y * y + z * z)
    angle: NDArray[np.float64] = 2 * np.arcsin(np.minimum(chord / 2, 1))
    known = (sky != 0).any(axis=0)
    angle[~(known[hops:] & known[:-hops])] = np.pi
    return angle
