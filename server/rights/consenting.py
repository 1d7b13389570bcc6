"""Consent as a patient gave it and took it back: pure rules over what was said, in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["given", "withdrawn"]
How = Literal["account", "paper", "spoken", "restored"]


@dataclass(frozen=True)
class Statement:
    """What a patient said, in force from `at_ms` (UTC). `version` is of the text that was agreed to, `signed_on` the
    date on a paper, `actor` who recorded it (`U-` and the account's number, None when that account is gone)."""

    at_ms: int
    kind: Kind
    how: How
    version: str | None = None
    signed_on: str | None = None
    actor: str | None = None


def in_force(said: Sequence[Statement], at_ms: int) -> Statement | None:
    """What holds at a time: the last thing said up to then; of two at the same time the withdrawal. None before
    anything was said."""
    before = [one for one in said if one.at_ms <= at_ms]
    return max(before, key=lambda one: (one.at_ms, one.kind == "withdrawn"), default=None)


def refused(said: Sequence[Statement], utc_ms: int | None, now_ms: int) -> bool:
    """Whether a record of `utc_ms` that comes at `now_ms` must not be stored.

    That is while consent is withdrawn, whenever it was measured; and what was measured while it was withdrawn, whenever
    it comes. A record without a time might be from then. Before anything was said nothing is refused.
    """
    now = in_force(said, now_ms)
    if now is not None and now.kind == "withdrawn":
        return True
    if utc_ms is None:
        return any(one.kind == "withdrawn" for one in said)
    then = in_force(said, utc_ms)
    return then is not None and then.kind == "withdrawn"
