"""In which order patients are looked at.

By the most pressing flag's rule, as `Rule` has them; among equals whoever has more flags; then whose flags of that rule
are the biggest by what the rule asks for; then who was known longer here (the lower number). Flags that were dismissed
do not count, and good news only where there is nothing else. So the order is total, hangs neither on names nor on the
order in which patients come, and nobody moves down because a flag was added or grew.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from server.worklist.flags import Flag, Rule

Key = tuple[int, int, float, int]
_RULES: Final = tuple(Rule)


class Group(StrEnum):
    """The parts of the list, in order."""

    NOW = "now"
    """Urgent signs."""
    LOOK = "look"
    """The patient's own state: pain, wear, figures."""
    EQUIPMENT = "equipment"
    """Clip, calibration and plan: figures may not be told, or not by the plan that was meant."""
    GOOD = "good"
    """Figures that moved towards what helps."""
    FINE = "fine"
    """Nothing stands out."""


_GROUPS: Final = {
    Rule.URGENT: Group.NOW,
    Rule.PAIN: Group.LOOK,
    Rule.WEAR: Group.LOOK,
    Rule.CHANGED: Group.LOOK,
    Rule.CALIBRATION: Group.EQUIPMENT,
    Rule.PLAN: Group.EQUIPMENT,
    Rule.UNHEARD: Group.EQUIPMENT,
    Rule.IMPROVED: Group.GOOD,
}


def key(flags: Sequence[Flag], patient_id: int) -> Key:
    """By which a patient with these open flags is sorted."""
    told = _that_count(flags)
    if not told:
        return len(_RULES), 0, 0.0, patient_id
    first = min(_RULES.index(flag.rule) for flag in told)
    return first, -len(told), -max(flag.times for flag in told if flag.rule is _RULES[first]), patient_id


def group(flags: Sequence[Flag]) -> Group:
    """The part of the list that a patient with these open flags is in."""
    first = min(_that_count(flags), key=lambda flag: _RULES.index(flag.rule), default=None)
    return Group.FINE if first is None else _GROUPS[first.rule]


def _that_count(flags: Sequence[Flag]) -> list[Flag]:
    needs = [flag for flag in flags if flag.is_need]
    return needs or list(flags)
