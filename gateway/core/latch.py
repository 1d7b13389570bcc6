"""State that is carried from hop to hop, without a loop over the hops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def latch(enter: Bools, leave: Bools, state: bool) -> Bools:
    """On from where `enter` holds until `leave` holds, else as before; `enter` wins. `state` is the state before."""
    if not (state or enter.any()):
        return np.zeros(len(enter), dtype=np.bool_)
    decided = enter | leave
    newest = np.maximum.accumulate(np.where(decided, np.arange(len(enter)), -1))
    return np.where(newest >= 0, enter[newest], state)


def run_length(flag: Bools, before: int) -> Ints:
    """How many hops `flag` has held up to and with each one; `before` is the length of the run before the first."""
    if not flag.any():
        return np.zeros(len(flag), dtype=np.int64)
    index = np.arange(len(flag))
    last_off = np.maximum.accumulate(np.where(flag, -1, index))
    return np.where(last_off >= 0, index - last_off, index + 1 + before)


def carry_forward(values: Ints, known: Bools, before: int) -> Ints:
    """`values` where `known`, else the newest known value before, else `before`."""
    if known.all():
        return values
    newest = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(newest >= 0, values[newest], before)
