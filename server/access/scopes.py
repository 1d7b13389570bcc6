"""What a token may be limited to. A scope opens acts and duties; a token can do those that its owner can do, too.

What stands in no scope no token can do: whatever concerns how people sign in, who has access, and what cannot be
undone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from itertools import combinations
from typing import Final

from server.access.acts import ALLOWED, DUTIES, OPEN_TO, Act, Duty, Role


class Scope(StrEnum):
    """A scope by its name."""

    READ_PATIENTS = "read:patients"
    READ_MEASURES = "read:measures"
    WRITE_MEASURES = "write:measures"
    READ_PLANS = "read:plans"
    WRITE_PLANS = "write:plans"
    READ_CONSENT = "read:consent"
    WRITE_CONSENT = "write:consent"
    READ_AUDIT = "read:audit"
    READ_EXPORT = "read:export"
    READ_OPERATION = "read:operation"


WORDS: Final[Mapping[Scope, str]] = {
    Scope.READ_PATIENTS: "the list of patients, their names, clips and computers",
    Scope.READ_MEASURES: "days, weeks, episodes and reminders",
    Scope.WRITE_MEASURES: "marking days that do not represent the patient",
    Scope.READ_PLANS: "plans and their history",
    Scope.WRITE_PLANS: "new versions of plans, which also shows the newest one",
    Scope.READ_CONSENT: "how a patient's consent stands",
    Scope.WRITE_CONSENT: "recording that consent is given or withdrawn, which also shows how it stands",
    Scope.READ_AUDIT: "who looked at a patient's data or changed them",
    Scope.READ_EXPORT: "everything that is held about a patient, as a file",
    Scope.READ_OPERATION: "alarms and counts of what was refused, without measurements",
}
"""What each opens, for people."""
ACTS: Final[Mapping[Scope, frozenset[Act]]] = {
    Scope.READ_PATIENTS: frozenset({Act.SEE_LIST, Act.SEE_RECORD, Act.SEE_COMPUTERS}),
    Scope.READ_MEASURES: frozenset({Act.SEE_DAY, Act.SEE_TRENDS}),
    Scope.WRITE_MEASURES: frozenset({Act.MARK_DAY}),
    Scope.READ_PLANS: frozenset({Act.SEE_PLAN}),
    Scope.WRITE_PLANS: frozenset({Act.SEE_PLAN, Act.CHANGE_PLAN}),
    Scope.READ_CONSENT: frozenset({Act.SEE_RIGHTS}),
    Scope.WRITE_CONSENT: frozenset({Act.SEE_RIGHTS, Act.CONSENT}),
    Scope.READ_AUDIT: frozenset({Act.SEE_AUDIT}),
    Scope.READ_EXPORT: frozenset({Act.EXPORT}),
    Scope.READ_OPERATION: frozenset(),
}
_DUTIES: Final[Mapping[Scope, frozenset[Duty]]] = {Scope.READ_OPERATION: frozenset({Duty.SEE_OPERATION})}


class UnknownScopeError(ValueError):
    """There is no such scope; the message names those that there are."""


def read_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes of these names. Raises UnknownScopeError, also for none at all."""
    known = {scope.value: scope for scope in Scope}
    wanted = set(names)
    if not wanted or wanted - known.keys():
        raise UnknownScopeError(f"choose from these scopes, at least one: {', '.join(known)}")
    return frozenset(known[name] for name in wanted)


def scopes_for(role: Role) -> tuple[Scope, ...]:
    """The scopes that open anything to somebody of this role."""
    acts = frozenset(act for basis in OPEN_TO[role] for act in ALLOWED[basis])
    return tuple(scope for scope in Scope if acts_of([scope]) & acts or duties_of([scope]) & DUTIES[role])


def acts_of(scopes: Iterable[Scope]) -> frozenset[Act]:
    """What may be done with patients' data under these scopes."""
    return frozenset(act for scope in scopes for act in ACTS[scope])


def duties_of(scopes: Iterable[Scope]) -> frozenset[Duty]:
    """Which duties may be done under these scopes."""
    return frozenset(duty for scope in scopes for duty in _DUTIES.get(scope, ()))


def ways_to(needed: Collection[Act | Duty]) -> tuple[frozenset[Scope], ...]:
    """The sets of scopes of which each opens all of these, without one too many; none where no token can do them."""
    found: list[frozenset[Scope]] = []
    for size in range(1, len(needed) + 1):
        for some in map(frozenset, combinations(Scope, size)):
            opened = acts_of(some) | duties_of(some)
            if opened.issuperset(needed) and not any(way <= some for way in found):
                found.append(some)
    return tuple(found)
