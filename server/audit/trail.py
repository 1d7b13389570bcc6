"""Writing the trail. Entries hold pseudonyms and numbers, never a name, a secret or a person's words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import Connection, insert, select, update

from server.audit.chain import Link, Record, link
from server.store.tables import audit_entry, audit_head

SYSTEM: Final = "-"
"""The actor where nobody acts but the server itself."""
_HEAD: Final = 1


@dataclass(frozen=True)
class Entry:
    """Who did what to whose data, on what ground, from where, with what outcome.

    `actor` is `U-` and the number of an account, `token:` and a token's, or `SYSTEM`; `patient` a pseudonym, "" where
    it is not about one; `outcome` allowed, refused, done or failed. What is longer than its column is cut.
    """

    actor: str
    role: str
    basis: str
    via: str
    address: str
    act: str
    patient: str
    outcome: str
    detail: str = ""


def append(connection: Connection, entries: Iterable[Entry], now_ms: int) -> Link:
    """Append entries in the caller's writing transaction; returns the new head.

    The head is locked until that transaction ends, and whoever else appends waits: append as the last thing in it.
    """
    head = _locked(connection)
    records = link((_record(entry, now_ms) for entry in entries), head)
    if not records:
        return head
    connection.execute(insert(audit_entry), [asdict(record) for record in records])
    newest = records[-1]
    connection.execute(
        update(audit_head).where(audit_head.c.id == _HEAD).values(number=newest.number, hash=newest.hash)
    )
    return Link(newest.number, newest.hash)


def head(connection: Connection) -> Link:
    """The newest entry's number and hash."""
    row = connection.execute(select(audit_head.c.number, audit_head.c.hash).where(audit_head.c.id == _HEAD)).one()
    return Link(row.number, row.hash)


def _locked(connection: Connection) -> Link:
    query = select(audit_head.c.number, audit_head.c.hash).where(audit_head.c.id == _HEAD).with_for_update()
    row = connection.execute(query).one()
    return Link(row.number, row.hash)


def _record(entry: Entry, now_ms: int) -> Record:
    fields = {name: _kept(name, str(value)) for name, value in asdict(entry).items()}
    return Record(number=0, at_ms=now_ms, before="", **fields)


def _kept(name: str, text: str) -> str:
    """The text as both databases keep it: no NUL, nothing that UTF-8 cannot hold, no longer than its column."""
    clean = text.encode(errors="replace").decode().replace("\x00", "?")
    return clean[: audit_entry.c[name].type.length]  # type: ignore[attr-defined]
