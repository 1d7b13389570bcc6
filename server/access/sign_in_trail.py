"""What the trail is told of how people sign in: who came in and how, what was refused, what they changed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Engine

from server.access.visit import Visit
from server.audit.trail import SYSTEM, Entry, append
from server.store.engine import writing

SIGN_IN: Final = "sign in"
CHANGE: Final = "change how to sign in"


def tell(engine: Engine, entry: Entry, now_ms: int) -> None:
    """Write an entry in a transaction of its own."""
    with writing(engine) as db:
        append(db, [entry], now_ms)


def came_in(user_id: int, how: str, visit: Visit) -> Entry:
    """Somebody has signed in. `how` is a `server.access.sessions.Proof`."""
    return Entry(f"U-{user_id}", "", "", visit.via, visit.address, SIGN_IN, "", "done", how)


def refused(how: str, visit: Visit) -> Entry:
    """Somebody, nobody knows who, was not let in. A password says nothing of whose account was tried."""
    return Entry(SYSTEM, "", "", visit.via, visit.address, SIGN_IN, "", "refused", how)


def changed(db: Connection, user_id: int, what: str, address: str, now_ms: int) -> None:
    """Somebody has changed how they sign in; in the transaction that does it."""
    append(db, [Entry(f"U-{user_id}", "", "", "page", address, CHANGE, "", "done", what)], now_ms)
