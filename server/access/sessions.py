"""Server-side sessions: an opaque token in the browser, its SHA-256 in the database, two limits in time."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from server.access.forms import new_secret
from server.access.rules import AccessRules
from server.store.engine import reading, writing
from server.store.tables import session, user_account

_SEEN_STEP_MS: Final = 60_000
# The last use is written at most once a minute: a page view need not cost a write.


class Proof(StrEnum):
    """How somebody signed in. All but `PASSWORD` include something that they have, not only something they know."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    APP = "app"
    RECOVERY = "recovery"
    PASSKEY = "passkey"
    CLINIC = "clinic"


@dataclass(frozen=True)
class Browser:
    """Where a session was opened: the network address, and what the browser calls itself."""

    address: str = ""
    agent: str = ""


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in. `role` is one of `server.access.acts.Role`; `patient_id` is set for the role patient
    alone: whose data are their own."""

    id: int
    name: str
    email: str
    role: str
    organisation_id: int
    patient_id: int | None = None


@dataclass(frozen=True)
class OpenSession:
    """A session in force, as its owner may see it; `handle` names it without opening it."""

    handle: str
    proof: Proof
    browser: Browser
    created_ms: int
    proved_ms: int
    seen_ms: int


def open_session(
    db: Connection,
    user_id: int,
    now_ms: int,
    rules: AccessRules,
    *,
    proof: Proof = Proof.PASSWORD,
    browser: Browser | None = None,
) -> str:
    """Begin a session and return its token; all expired ones end."""
    token = new_secret()
    browser = browser or Browser()
    db.execute(delete(session).where(session.c.expires_ms <= now_ms))
    db.execute(delete(session).where(session.c.seen_ms <= now_ms - rules.idle_ms))
    db.execute(
        insert(session).values(
            token_sha256=digest(token),
            user_id=user_id,
            handle=secrets.token_urlsafe(12),
            proof=proof.value,
            address=browser.address[:45],
            agent=browser.agent[:120],
            created_ms=now_ms,
            proved_ms=now_ms,
            seen_ms=now_ms,
            expires_ms=now_ms + rules.absolute_ms,
        )
    )
    return token


def find_open(
    engine: Engine, token: str, now_ms: int, rules: AccessRules, *, counts: bool = True
) -> tuple[Person, OpenSession] | None:
    """Whose session this is, and the session, or None when there is none in force. `counts`: this is use, which puts
    off its end."""
    if not token:
        return None
    people = user_account.c
    query = (
        select(session, people.id, people.name, people.email, people.role, people.organisation_id, people.patient_id)
        .join(user_account, session.c.user_id == people.id)
        .where(session.c.token_sha256 == digest(token), people.disabled_ms.is_(None), *_in_force(now_ms, rules))
    )
    with reading(engine) as db:
        row = db.execute(query).one_or_none()
    if row is None:
        return None
    if counts and now_ms - row.seen_ms >= _SEEN_STEP_MS:
        with writing(engine) as db:
            db.execute(update(session).where(session.c.token_sha256 == digest(token)).values(seen_ms=now_ms))
    person = Person(row.id, row.name, row.email, row.role, row.organisation_id, row.patient_id)
    return person, _open(row)


def find_session(engine: Engine, token: str, now_ms: int, rules: AccessRules, *, counts: bool = True) -> Person | None:
    """Whose session this is, as `find_open`."""
    found = find_open(engine, token, now_ms, rules, counts=counts)
    return found[0] if found else None


def renew_session(db: Connection, token: str, now_ms: int, proof: Proof | None = None) -> str | None:
    """A new token for a session whose owner has just shown again who they are, or gained rights; the old token is worth
    nothing afterwards. The session's absolute end stays. `proof`: how, if that is more than before. None for a session
    that has ended meanwhile."""
    fresh = new_secret()
    changed = {"token_sha256": digest(fresh), "proved_ms": now_ms, **({"proof": proof.value} if proof else {})}
    found = db.execute(update(session).where(session.c.token_sha256 == digest(token)).values(changed))
    return fresh if found.rowcount else None


def sessions_of(engine: Engine, user_id: int, now_ms: int, rules: AccessRules) -> list[OpenSession]:
    """A person's sessions in force, the most lately used first."""
    query = (
        select(session)
        .where(session.c.user_id == user_id, *_in_force(now_ms, rules))
        .order_by(session.c.seen_ms.desc(), session.c.created_ms.desc())
    )
    with reading(engine) as db:
        return [_open(row) for row in db.execute(query)]


def close_session(db: Connection, token: str) -> int | None:
    """End one session; its token is worth nothing afterwards. Returns whose it was, None if there was none."""
    ended = delete(session).where(session.c.token_sha256 == digest(token)).returning(session.c.user_id)
    return db.execute(ended).scalar_one_or_none()


def close_named_session(db: Connection, user_id: int, handle: str) -> bool:
    """End the session of this person that is called so; False if there is none."""
    found = db.execute(delete(session).where(session.c.user_id == user_id, session.c.handle == handle))
    return found.rowcount > 0


def close_other_sessions(db: Connection, user_id: int, *, keep: str) -> int:
    """End the sessions of a person, all but the one called `keep`. Returns how many."""
    found = db.execute(delete(session).where(session.c.user_id == user_id, session.c.handle != keep))
    return found.rowcount


def digest(token: str) -> str:
    """What is kept of a random token of a cookie."""
    return hashlib.sha256(token.encode()).hexdigest()


def _in_force(now_ms: int, rules: AccessRules) -> tuple[Any, ...]:
    return session.c.expires_ms > now_ms, session.c.seen_ms > now_ms - rules.idle_ms


def _open(row: Any) -> OpenSession:
    browser = Browser(row.address, row.agent)
    return OpenSession(row.handle, Proof(row.proof), browser, row.created_ms, row.proved_ms, row.seen_ms)
