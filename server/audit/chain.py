"""The chain of the trail, as pure functions: each record carries the hash of the one before and its own.

A hash is SHA-256 over the canonical form: a JSON array of `FORM` and every field but the hash itself, in the order of
`Record`, without spaces, everything beyond ASCII escaped. So no field can run into another, and whoever holds a number
and its hash can find any later change to what was written up to then: a field, a gap, another order, a cut.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

FORM: Final = "plumbline-audit/1"
BEGINNING: Final = "0" * 64
"""What stands before the first record."""


@dataclass(frozen=True)
class Record:
    """An entry as it is kept. `number` begins with 1 and has no gaps; `at_ms` is UTC; `before` and `hash` are hex."""

    number: int
    at_ms: int
    actor: str
    role: str
    basis: str
    via: str
    address: str
    act: str
    patient: str
    outcome: str
    detail: str
    before: str
    hash: str = ""


@dataclass(frozen=True)
class Link:
    """A place in the chain: a record's number and its hash. It can be kept elsewhere, to hold the trail against."""

    number: int
    hash: str


START: Final = Link(0, BEGINNING)


@dataclass(frozen=True)
class Fault:
    """The first place where the chain does not hold, and why."""

    number: int
    words: str


@dataclass(frozen=True)
class Verdict:
    """What became of checking: how many records were looked at, the last good one, and the first fault."""

    checked: int
    last: Link
    fault: Fault | None


def digest(record: Record) -> str:
    """The hash that a record ought to carry."""
    fields = [
        FORM,
        record.number,
        record.at_ms,
        record.actor,
        record.role,
        record.basis,
        record.via,
        record.address,
        record.act,
        record.patient,
        record.outcome,
        record.detail,
        record.before,
    ]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def link(records: Iterable[Record], head: Link) -> list[Record]:
    """The records with number, `before` and `hash` set so that they follow `head`."""
    linked: list[Record] = []
    for record in records:
        placed = replace(record, number=head.number + 1, before=head.hash)
        placed = replace(placed, hash=digest(placed))
        linked.append(placed)
        head = Link(placed.number, placed.hash)
    return linked


def check(records: Iterable[Record], *, after: Link = START, head: Link | None = None) -> Verdict:
    """Whether the records, in order of number, follow `after` without a break, and end at `head` if given."""
    last, checked = after, 0
    for record in records:
        words = _trouble(record, last)
        if words:
            return Verdict(checked, last, Fault(min(record.number, last.number + 1), words))
        last, checked = Link(record.number, record.hash), checked + 1
    if head is not None and last.number < head.number:
        words = f"entries {last.number + 1} to {head.number} are missing at the end"
        return Verdict(checked, last, Fault(last.number + 1, words))
    if head is not None and last != head:
        return Verdict(checked, last, Fault(last.number, f"the head is at entry {head.number} and does not fit"))
    return Verdict(checked, last, None)


def _trouble(record: Record, last: Link) -> str:
    if record.number > last.number + 1:
        return f"entries {last.number + 1} to {record.number - 1} are missing"
    if record.number != last.number + 1:
        return f"entry {record.number} is out of order"
    if record.before != last.hash:
        return f"entry {record.number} does not follow entry {last.number}"
    if record.hash != digest(record):
        return f"entry {record.number} is not as it was written"
    return ""
