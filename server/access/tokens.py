"""Tokens of programs: shown once, kept as a hash, good for their scopes until they expire, are revoked, or the account
of their owner ends."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Engine, func, insert, select, update

from server.access.acts import DUTIES, Duty, Role
from server.access.scopes import Scope
from server.access.sessions import Person
from server.store.engine import reading, writing
from server.store.tables import api_token, user_account

PREFIX: Final = "plt_"  # by which scanners for leaked secrets, and people, know it
_BYTES: Final = 32
LONGEST_MS: Final = 365 * 86_400_000
SHORTEST_MS: Final = 3_600_000
MOST: Final = 50
"""Tokens in force that one person can have."""
_SEEN_STEP_MS: Final = 60_000
# As with sessions, the last use is written at most once a minute.


class TokenError(ValueError):
    """A token cannot be made so; the message says what to change."""


@dataclass(frozen=True)
class Token:
    """A token as its owner may see it: everything but the token. Times are UTC ms; `seen_ms` None when never used."""

    id: int
    name: str
    scopes: tuple[Scope, ...]
    created_ms: int
    expires_ms: int
    seen_ms: int | None
    revoked_ms: int | None

    def in_force(self, now_ms: int) -> bool:
        """Whether it is good for anything at this moment."""
        return self.revoked_ms is None and now_ms < self.expires_ms


@dataclass(frozen=True)
class Made:
    """A token as it is shown once."""

    secret: str = field(repr=False)
    token: Token


@dataclass(frozen=True)
class Bearer:
    """Whose token a program showed, which one, and what it is limited to."""

    person: Person
    token_id: int
    scopes: frozenset[Scope]


def add_token(db: Connection, user_id: int, *, name: str, scopes: Iterable[Scope], valid_ms: int, now_ms: int) -> Made:
    """A new token of this person, good for `valid_ms` from now on. Raises TokenError."""
    called = " ".join(name.split())
    if not 1 <= len(called) <= 80 or not called.isprintable():
        raise TokenError("give the token a name of up to 80 letters, such as that of the program that will use it")
    if not SHORTEST_MS <= valid_ms <= LONGEST_MS:
        raise TokenError("a token is good for an hour at least and a year at most")
    c = api_token.c
    in_force = (c.user_id == user_id) & c.revoked_ms.is_(None) & (c.expires_ms > now_ms)
    if (db.scalar(select(func.count()).select_from(api_token).where(in_force)) or 0) >= MOST:
        raise TokenError(f"there are {MOST} tokens already; revoke those that are not used")
    secret = PREFIX + secrets.token_urlsafe(_BYTES)
    kept = tuple(sorted(scopes))
    row = {
        "token_sha256": _digest(secret),
        "user_id": user_id,
        "name": called,
        "scopes": " ".join(kept),
        "created_ms": now_ms,
        "expires_ms": now_ms + valid_ms,
    }
    key = db.execute(insert(api_token).values(row)).inserted_primary_key
    if key is None:
        raise RuntimeError("the database gave no key")
    return Made(secret, Token(int(key[0]), called, kept, now_ms, now_ms + valid_ms, None, None))


def tokens_of(db: Connection, user_id: int) -> list[Token]:
    """A person's tokens, the newest first; those that are over, too."""
    query = select(api_token).where(api_token.c.user_id == user_id).order_by(api_token.c.id.desc())
    return [
        Token(row.id, row.name, _scopes(row.scopes), row.created_ms, row.expires_ms, row.seen_ms, row.revoked_ms)
        for row in db.execute(query)
    ]


def revoke_token(db: Connection, user_id: int, token_id: int, now_ms: int) -> bool:
    """End a token of this person; False when there is none of this number. Again changes nothing."""
    c = api_token.c
    mine = (c.id == token_id) & (c.user_id == user_id)
    db.execute(update(api_token).where(mine, c.revoked_ms.is_(None)).values(revoked_ms=now_ms))
    return db.scalar(select(c.id).where(mine)) is not None


def revoke_tokens(db: Connection, user_id: int, now_ms: int) -> list[int]:
    """End all of this person's tokens that are in force; returns their numbers."""
    c = api_token.c
    in_force = c.user_id == user_id, c.revoked_ms.is_(None), c.expires_ms > now_ms
    ended = update(api_token).where(*in_force).values(revoked_ms=now_ms).returning(c.id)
    return sorted(db.scalars(ended))


def find_bearer(engine: Engine, secret: str, now_ms: int) -> Bearer | None:
    """Whose token this is, or None when it is good for nothing: unknown, expired, revoked, of a disabled account, or of
    somebody whose role has no tokens."""
    if not secret.startswith(PREFIX):
        return None
    people, c = user_account.c, api_token.c
    query = (
        select(
            c.id.label("token_id"),
            c.scopes,
            c.seen_ms,
            people.id,
            people.name,
            people.email,
            people.role,
            people.organisation_id,
            people.patient_id,
        )
        .join(user_account, c.user_id == people.id)
        .where(
            c.token_sha256 == _digest(secret),
            c.revoked_ms.is_(None),
            c.expires_ms > now_ms,
            people.disabled_ms.is_(None),
        )
    )
    with reading(engine) as db:
        row = db.execute(query).one_or_none()
    if row is None or Duty.MANAGE_TOKENS not in DUTIES[Role(row.role)]:
        return None
    if row.seen_ms is None or now_ms - row.seen_ms >= _SEEN_STEP_MS:
        with writing(engine) as db:
            db.execute(update(api_token).where(c.id == row.token_id).values(seen_ms=now_ms))
    person = Person(row.id, row.name, row.email, row.role, row.organisation_id, row.patient_id)
    return Bearer(person, row.token_id, frozenset(_scopes(row.scopes)))


def _scopes(text: str) -> tuple[Scope, ...]:
    """Scopes as stored; one that a later version no longer knows opens nothing."""
    known = {scope.value: scope for scope in Scope}
    return tuple(known[name] for name in text.split() if name in known)


def _digest(secret: str) -> str:
    # 256 random bits need no salt and no slowness.
    return hashlib.sha256(secret.encode()).hexdigest()
