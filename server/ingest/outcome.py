"""What became of a record whose identity was looked up."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Outcome(Enum):
    """`STORED` changed the store; `KNOWN` (same content or lower rev) did not; `CONFLICT` is the same rev with other
    content: the first stays."""

    STORED = "stored"
    KNOWN = "known"
    CONFLICT = "conflict"


class Stored(NamedTuple):
    """Where a record is: whose it is, and of when (UTC ms); or, where it has no time, when it came."""

    patient_id: int
    utc_ms: int | None
    came_ms: int = 0


def weigh(old_rev: int, new_rev: int, *, same_content: bool, better_placed: bool, fixed: bool = False) -> Outcome:
    """The rule of revisions. The same content placed with more certainty replaces the placement. What is stored is
    `fixed` where it is another patient's, of whom the sender may not tell: then nothing replaces it."""
    if fixed and new_rev >= old_rev:
        return Outcome.KNOWN if same_content else Outcome.CONFLICT
    if new_rev != old_rev:
        return Outcome.STORED if new_rev > old_rev else Outcome.KNOWN
    if not same_content:
        return Outcome.CONFLICT
    return Outcome.STORED if better_placed else Outcome.KNOWN
