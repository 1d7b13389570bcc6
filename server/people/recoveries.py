"""Recovery: a one-time link with which somebody who cannot sign in sets a new password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from server.access.accounts import normal_email, set_password
from server.access.sessions import digest
from server.people.links import Link, LinkRefusedError, new_link
from server.store.tables import recovery, user_account

BY_HAND_MS: Final = 24 * 3_600_000
"""How long a link can be used that an administrator hands over."""
BY_MAIL_MS: Final = 3_600_000
"""How long one that was sent by mail can."""


@dataclass(frozen=True)
class Owner:
    """Whose account a link is for."""

    user_id: int
    email: str
    name: str


def offer_recovery(db: Connection, user_id: int, *, author_id: int | None, valid_ms: int, now_ms: int) -> Link:
    """A link for an account; an earlier one is void. `author_id` None: its owner asked for it by mail."""
    c = recovery.c
    db.execute(update(recovery).where(c.user_id == user_id, *_open(now_ms)).values(voided_ms=now_ms))
    link, kept = new_link(now_ms + valid_ms)
    db.execute(
        insert(recovery).values(
            token_sha256=kept, user_id=user_id, author_id=author_id, created_ms=now_ms, expires_ms=link.expires_ms
        )
    )
    return link


def offer_by_mail(db: Connection, email: str, now_ms: int) -> tuple[int, Link] | None:
    """An account's id and a link to send to its address, None where no account with this address may sign in."""
    people = user_account.c
    user_id: int | None = db.scalar(
        select(people.id).where(people.email == normal_email(email), people.disabled_ms.is_(None))
    )
    if user_id is None:
        return None
    return user_id, offer_recovery(db, user_id, author_id=None, valid_ms=BY_MAIL_MS, now_ms=now_ms)


def open_recovery(db: Connection, token: str, now_ms: int) -> Owner:
    """Whose account a link is for. Raises LinkRefusedError."""
    people = user_account.c
    row = db.execute(
        select(people.id, people.email, people.name)
        .join(recovery, recovery.c.user_id == people.id)
        .where(recovery.c.token_sha256 == digest(token), people.disabled_ms.is_(None), *_open(now_ms))
    ).one_or_none()
    if row is None:
        raise LinkRefusedError
    return Owner(*row)


def recover(db: Connection, token: str, *, password_hash: str, now_ms: int) -> int:
    """Set the password of the link's account and end all its sessions; returns the account's id. Works once. Second
    factors stay: who has the link alone does not get in where one is asked for. Raises LinkRefusedError."""
    open_recovery(db, token, now_ms)
    found = (recovery.c.token_sha256 == digest(token),)
    used = db.execute(
        update(recovery).where(*found, *_open(now_ms)).values(used_ms=now_ms).returning(recovery.c.user_id)
    )
    user_id: int | None = used.scalar_one_or_none()
    if user_id is None:
        raise LinkRefusedError
    set_password(db, user_id, password_hash, now_ms)
    return user_id


def _open(now_ms: int) -> tuple[Any, ...]:
    c = recovery.c
    return c.used_ms.is_(None), c.voided_ms.is_(None), c.expires_ms > now_ms
