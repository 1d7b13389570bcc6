"""Who looked at, or changed, one patient's data, as the trail has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from server.audit.chain import Record
from server.store.tables import audit_entry

MOST: Final = 2000
"""Entries that are read for one page, the newest."""


@dataclass(frozen=True)
class Look:
    """The same act by the same person on the same basis, with the same outcome, `times` in a row; `last_ms` the newest,
    UTC."""

    actor: str
    role: str
    basis: str
    act: str
    outcome: str
    via: str
    last_ms: int
    times: int


def looks(db: Connection, pseudonym: str) -> list[Look]:
    """What was done with this patient's data, the newest first; repeated looks are counted together, a day at most."""
    c = audit_entry.c
    rows = db.execute(select(audit_entry).where(c.patient == pseudonym).order_by(c.number.desc()).limit(MOST))
    return gathered(Record(**row) for row in rows.mappings())


def gathered(records: Iterable[Record]) -> list[Look]:
    """Records, the newest first, with those counted together that say the same within 24 hours."""
    found: dict[tuple[str, ...], Look] = {}
    done: list[Look] = []
    for one in records:
        key = (one.actor, one.role, one.basis, one.act, one.outcome, one.via)
        look = found.get(key)
        if look is not None and look.last_ms - one.at_ms < 86_400_000:
            found[key] = Look(*key[:6], last_ms=look.last_ms, times=look.times + 1)
            continue
        if look is not None:
            done.append(look)
        found[key] = Look(*key[:6], last_ms=one.at_ms, times=1)
    return sorted([*done, *found.values()], key=lambda look: -look.last_ms)
