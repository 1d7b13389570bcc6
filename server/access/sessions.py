"""Server-side sessions: an opaque token in the browser, its SHA-256 in the database, two limits in time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, delete, insert, select, update

from server.access.forms import new_secret
from server.access.rules import AccessRules
from server.store.engine import reading, writing
from server.store.tables import session, user_account

_SEEN_STEP_MS: Final = 60_000
# The last use is written at most once a minute: a page view need not cost a write.


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in."""

    id: int
    name: str
    email: str
    role: str


def open_session(engine: Engine, user_id: int, now_ms: int, rules: AccessRules, *, replaces: str = "") -> str:
    """Begin a session and return its token; the session with the token `replaces` ends, and so do all expired ones."""
    token = new_secret()
    with writing(engine) as db:
        db.execute(delete(session).where(session.c.token_sha256 == _digest(replaces)))
        db.execute(delete(session).where(session.c.expires_ms <= now_ms))
        db.execute(delete(session).where(session.c.seen_ms <= now_ms - rules.idle_ms))
        db.execute(
            insert(session).values(
                token_sha256=_digest(token),
                user_id=user_id,
                created_ms=now_ms,
                seen_ms=now_ms,
                expires_ms=now_ms + rules.absolute_ms,
            )
        )
    return token


def find_session(engine: Engine, token: str, now_ms: int, rules: AccessRules, *, counts: bool = True) -> Person | None:
    """Whose session this is, or None when there is none in force. `counts`: this is use, which puts off its end."""
    if not token:
        return None
    columns = user_account.c
    query = (
        select(columns.id, columns.name, columns.email, columns.role, session.c.seen_ms)
        .join(session, session.c.user_id == columns.id)
        .where(
            session.c.token_sha256 == _digest(token),
            session.c.expires_ms > now_ms,
            session.c.seen_ms > now_ms - rules.idle_ms,
        )
    )
    with reading(engine) as db:
        row = db.execute(query).one_or_none()
    if row is None:
        return None
    if counts and now_ms - row.seen_ms >= _SEEN_STEP_MS:
        with writing(engine) as db:
            db.execute(update(session).where(session.c.token_sha256 == _digest(token)).values(seen_ms=now_ms))
    return Person(row.id, row.name, row.email, row.role)


def close_session(engine: Engine, token: str) -> None:
    """End one session; its token is worth nothing afterwards."""
    with writing(engine) as db:
        db.execute(delete(session).where(session.c.token_sha256 == _digest(token)))


def close_all_sessions(engine: Engine, user_id: int) -> None:
    """End all sessions of a person, as after a change of password."""
    with writing(engine) as db:
        db.execute(delete(session).where(session.c.user_id == user_id))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
