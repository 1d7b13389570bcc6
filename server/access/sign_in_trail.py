"""What the trail is told of how people sign in: who came in and how, what was refused, who went, what they changed.

Each entry stands in the transaction that does what it tells of, as the last thing in it; a refusal, which changes
nothing, in one of its own.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Engine

from server.access.accounts import role_of
from server.access.visit import Visit
from server.audit.trail import SYSTEM, Entry, append
from server.store.engine import writing

SIGN_IN: Final = "sign in"
SIGN_OUT: Final = "sign out"
CONFIRM: Final = "confirm who it is"
CHANGE: Final = "change how to sign in"
REPLACED: Final = "replaced by a new sign-in"
"""Of a session: its browser has signed in anew."""


def tell(
    db: Connection, user_id: int, act: str, detail: str, visit: Visit, now_ms: int, *, outcome: str = "done"
) -> None:
    """Somebody has done `act`; in the transaction that does it."""
    append(db, [entry_of(db, user_id, act, detail, visit, outcome=outcome)], now_ms)


def entry_of(db: Connection, user_id: int, act: str, detail: str, visit: Visit, *, outcome: str = "done") -> Entry:
    """The same, not yet written."""
    return Entry(f"U-{user_id}", role_of(db, user_id), "", visit.via, visit.address, act, "", outcome, detail)


def refused(detail: str, visit: Visit) -> Entry:
    """Somebody, nobody knows who, was not let in. A password says nothing of whose account was tried."""
    return Entry(SYSTEM, "", "", visit.via, visit.address, SIGN_IN, "", "refused", detail)


def tell_of_refusal(engine: Engine, detail: str, visit: Visit, now_ms: int) -> None:
    """Write that somebody was not let in."""
    with writing(engine) as db:
        append(db, [refused(detail, visit)], now_ms)
