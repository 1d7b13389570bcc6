"""Who looked at, or changed, one patient's data, as the trail has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from server.audit.chain import Record
from server.store.tables import audit_entry

MOST: Final = 2000
"""Entries that are read for one page, the newest."""
_REFUSED: Final = frozenset({"refused", "failed"})


@dataclass(frozen=True)
class Look:
    """What one person did on one basis in one local day: the acts that were done, the latest first, and those that were
    not (refused, or failed). `last_ms` is the latest, UTC."""

    actor: str
    role: str
    basis: str
    day: date
    last_ms: int
    done: tuple[str, ...] = ()
    not_done: tuple[str, ...] = ()


def looks(db: Connection, pseudonym: str, zone: ZoneInfo) -> list[Look]:
    """What was done with this patient's data, the newest first."""
    c = audit_entry.c
    rows = db.execute(select(audit_entry).where(c.patient == pseudonym).order_by(c.number.desc()).limit(MOST))
    return gathered((Record(**row) for row in rows.mappings()), zone)


def entries(db: Connection, pseudonym: str, after: int, most: int) -> list[Record]:
    """At most so many entries about this patient's data whose number is beyond `after`, in order."""
    c = audit_entry.c
    query = select(audit_entry).where(c.patient == pseudonym, c.number > after).order_by(c.number).limit(most)
    return [Record(**row) for row in db.execute(query).mappings()]


def gathered(records: Iterable[Record], zone: ZoneInfo) -> list[Look]:
    """Records, the newest first, put together by person, basis and local day."""
    found: dict[tuple[str, str, str, date], Look] = {}
    for one in records:
        day = datetime.fromtimestamp(one.at_ms / 1000, UTC).astimezone(zone).date()
        key = (one.actor, one.role, one.basis, day)
        look = found.setdefault(key, Look(*key, last_ms=one.at_ms))
        if one.outcome in _REFUSED:
            if one.act not in look.not_done:
                found[key] = replace(look, not_done=(*look.not_done, one.act))
        elif one.act not in look.done:
            found[key] = replace(look, done=(*look.done, one.act))
    return list(found.values())
