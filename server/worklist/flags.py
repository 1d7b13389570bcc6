"""What a rule found: which rule, about what, how big, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from server.worklist.facts import Change, PlanFacts, SeatEvent, Urgent


class Rule(StrEnum):
    """The rules, the most pressing first: that is their order in the list."""

    URGENT = "urgent"
    """A question about urgent signs was answered with yes."""
    PAIN = "pain"
    """Pain rose."""
    WEAR = "wear"
    """Prescribed days without enough wear."""
    CHANGED = "changed"
    """A figure moved away from what helps, or the median inclination moved at all."""
    CALIBRATION = "calibration"
    """The clip sits otherwise than it was calibrated, or much was worn without a calibration."""
    PLAN = "plan"
    """A plan that no clip has confirmed."""
    UNHEARD = "unheard"
    """No computer has told of the clip."""
    IMPROVED = "improved"
    """A figure moved towards what helps: good to know, nothing to do."""


@dataclass(frozen=True)
class Behind:
    """What a flag rests on: how many of what, and of how much wearing, in seconds of so many prescribed ones."""

    count: int
    what: Literal["days", "entries", "events", "reports", "answers"]
    worn_s: int = 0
    window_s: int = 0


@dataclass(frozen=True)
class PainRise:
    """Medians of the levels noted, and how many entries each is of."""

    recent: float
    before: float
    entries: int
    entries_before: int


@dataclass(frozen=True)
class Spell:
    """Prescribed days from `first` on, which was `missed`, since wear was last as planned: how many, of which so many
    missed; seconds worn, of their windows, and of those without data."""

    first: date
    missed: int
    days: int
    worn_s: int
    window_s: int
    lost_s: int


@dataclass(frozen=True)
class Uncalibrated:
    """Worn without a calibration for so many seconds, of so many worn."""

    uncalibrated_s: int
    worn_s: int


@dataclass(frozen=True)
class Unheard:
    """Since when nothing was heard of the clip."""

    since_ms: int


Detail = Change | PainRise | Spell | SeatEvent | Uncalibrated | PlanFacts | Unheard | Urgent


@dataclass(frozen=True)
class Flag:
    """`size` is in the rule's own unit and `times` the same by what the rule asks for, 1 and more. `about` and `since`
    say whether a later flag is about the same: another `about` is something new, and so is one that rests only on days
    from `since` on that come later. `since` None: `about` says it all."""

    rule: Rule
    about: str
    size: float
    times: float
    behind: Behind
    since: date | None
    detail: Detail

    @property
    def is_need(self) -> bool:
        """Whether there is something to do about it."""
        return self.rule is not Rule.IMPROVED
