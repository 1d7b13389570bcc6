"""What became of a record whose identity was looked up."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """`STORED` changed the store; `KNOWN` (same content or lower rev) did not; `CONFLICT` is the same rev with other
    content: the first stays."""

    STORED = "stored"
    KNOWN = "known"
    CONFLICT = "conflict"


def weigh(old_rev: int, new_rev: int, *, same_content: bool, better_placed: bool) -> Outcome:
    """The rule of revisions. The same content placed with more certainty replaces the placement."""
    if new_rev != old_rev:
        return Outcome.STORED if new_rev > old_rev else Outcome.KNOWN
    if not same_content:
        return Outcome.CONFLICT
    return Outcome.STORED if better_placed else Outcome.KNOWN
