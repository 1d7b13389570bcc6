"""Writing calibrations: the other half of `clip_calibration`, whose names it also gives."""

import struct

from .clip_calibration import *  # noqa: F403 -- one face for the side that does not run on the clip
from .clip_calibration import LAYOUT

SEATED = 0
STANDING = 1


def pack_calibration(version: int, procedure: int, up: tuple[int, int, int], forward: tuple[int, int, int]) -> bytes:
    """The calibration as bytes; vectors in Q14."""
    return struct.pack(LAYOUT, version, procedure, *(up + forward))
