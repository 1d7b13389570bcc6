"""Seconds that were measured, judged again by the angles of another plan: pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway import messages
from server.store.epoch_blob import NO_ANGLE
from server.summaries.types import CODE

_UPRIGHT: Final = CODE["upright"]
_SLOUCHED: Final = CODE["slouched"]


def rejudge(codes: NDArray[np.uint8], sagittal: NDArray[np.int8], plan: messages.Plan) -> NDArray[np.uint8]:
    """The categories, (N,), that seconds of `codes` and `sagittal` (degrees; NO_ANGLE where none) have under `plan`.

    Only what was upright or slouched is judged again: what is neither under one plan is neither under any. The rule is
    that of the gateway (`gateway.core.categories`) at the grain of what is stored, two-second means in whole degrees: a
    slouch begins at the plan's angle, and goes on until the angle has been below the recovery angle for the recovery
    time, or another category comes. A second without an angle keeps its category.
    """
    held = (codes == _UPRIGHT) | (codes == _SLOUCHED)
    known = held & (sagittal != NO_ANGLE)
    below = known & (sagittal < plan.recovery_deg)
    recovered = _run_length(below) >= max(1, int(np.ceil(plan.recovery_s)))
    begins = known & (sagittal >= plan.angle_deg)
    slouched = _latch(begins, ~held | recovered)
    judged = codes.copy()
    judged[known] = np.where(slouched[known], _SLOUCHED, _UPRIGHT)
    return judged


def _latch(on: NDArray[np.bool_], off: NDArray[np.bool_]) -> NDArray[np.bool_]:
    newest = np.maximum.accumulate(np.where(on | off, np.arange(len(on)), -1))
    latched: NDArray[np.bool_] = (newest >= 0) & on[newest]
    return latched


def _run_length(flag: NDArray[np.bool_]) -> NDArray[np.int64]:
    index = np.arange(len(flag))
    return index - np.maximum.accumulate(np.where(flag, -1, index))
