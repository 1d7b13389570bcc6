"""Holding the stored trail against its own chain, and against a place in it that was kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import NoResultFound

from server.audit.chain import START, Fault, Link, Record, Verdict, check
from server.audit.trail import head
from server.store.tables import audit_entry

_AT_ONCE: Final = 1000


def verify(connection: Connection, anchor: Link | None = None) -> Verdict:
    """The first fault of the trail, if any: of all of it, or of the entry of `anchor` and what follows it.

    Only an anchor that was kept where the database's owner cannot write finds that the trail was made anew from some
    entry on, or that its end was cut off together with the head: the chain has no secret. What was written after the
    anchor is only as sure as the next one.
    """
    try:
        newest = head(connection)
    except NoResultFound:
        return Verdict(0, START, Fault(0, "the head is missing, which says where the trail ends"))
    if anchor is None or anchor == START:
        return check(records(connection), head=newest)
    begun = next(records(connection, since=anchor.number, until=anchor.number), None)
    if begun is None:
        words = f"entry {anchor.number} is missing; the newest is {newest.number}"
        return Verdict(0, anchor, Fault(anchor.number, words))
    if begun.hash != anchor.hash:
        return Verdict(0, anchor, Fault(anchor.number, f"entry {anchor.number} has another hash than the one given"))
    before = Link(anchor.number - 1, begun.before)
    return check(records(connection, since=anchor.number), after=before, head=newest)


def records(connection: Connection, *, since: int | None = None, until: int | None = None) -> Iterator[Record]:
    """The entries from number `since` to `until`, in order; never many at once in memory. None: from the very first,
    also one that no trail has, such as number -1."""
    query = select(audit_entry).order_by(audit_entry.c.number)
    if since is not None:
        query = query.where(audit_entry.c.number >= since)
    if until is not None:
        query = query.where(audit_entry.c.number <= until)
    result = connection.execute(query, execution_options={"yield_per": _AT_ONCE})
    for row in result.mappings():
        yield Record(**row)
