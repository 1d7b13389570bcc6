"""Authenticator apps: time-based one-time codes (RFC 6238; SHA-1, six digits, 30 s, what every app knows)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any, Final

import pyotp
from sqlalchemy import Connection, Engine, delete, insert, select, update

from server.access.sealing import SecretBox
from server.store.engine import reading, writing
from server.store.tables import authenticator

ISSUER: Final = "Plumbline"
STEP_S: Final = 30
_AROUND: Final = (0, -1, 1)
# A clock half a minute off is common; RFC 6238, 5.2 recommends no more than one step.


@dataclass(frozen=True)
class AppOffer:
    """A secret to put into an app, as text in base 32 and as the address that a QR code holds."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


def begin_app(engine: Engine, box: SecretBox, user_id: int, email: str, now_ms: int) -> AppOffer:
    """A new secret. It counts once a code of it has come back; one begun earlier is void."""
    secret = pyotp.random_base32()
    row = {"user_id": user_id, "sealed": box.seal(secret), "last_step": 0, "created_ms": now_ms, "confirmed_ms": None}
    with writing(engine) as db:
        db.execute(delete(authenticator).where(_of(user_id), authenticator.c.confirmed_ms.is_(None)))
        db.execute(insert(authenticator).values(row))
    return _offer(secret, email)


def begun_app(engine: Engine, box: SecretBox, user_id: int, email: str) -> AppOffer | None:
    """The secret that waits for its first code. Raises UnsealError."""
    with reading(engine) as db:
        row = db.execute(_begun(user_id)).one_or_none()
    return None if row is None else _offer(box.open(row.sealed), email)


def confirm_app(db: Connection, box: SecretBox, user_id: int, code: str, now_ms: int) -> bool:
    """Take the first code of a secret that was begun: from now on it counts, and an earlier app does not. False for a
    wrong code or nothing begun. Raises UnsealError."""
    row = db.execute(_begun(user_id)).one_or_none()
    step = _step_of(box.open(row.sealed), code, now_ms) if row else None
    if row is None or step is None:
        return False
    db.execute(delete(authenticator).where(_of(user_id), authenticator.c.id != row.id))
    values = {"confirmed_ms": now_ms, "last_step": step}
    db.execute(update(authenticator).where(authenticator.c.id == row.id).values(values))
    return True


def code_matches(db: Connection, box: SecretBox, user_id: int, code: str, now_ms: int) -> bool:
    """Whether this is a code of the person's app, now; each is taken once. Raises UnsealError."""
    row = db.execute(select(authenticator).where(_of(user_id), authenticator.c.confirmed_ms.is_not(None))).first()
    step = _step_of(box.open(row.sealed), code, now_ms) if row else None
    if row is None or step is None:
        return False
    unused = authenticator.c.id == row.id, authenticator.c.last_step < step
    return db.execute(update(authenticator).where(*unused).values(last_step=step)).rowcount == 1


def app_since(db: Connection, user_id: int) -> int | None:
    """Since when the person has an app (UTC ms), None without one."""
    query = select(authenticator.c.confirmed_ms).where(_of(user_id), authenticator.c.confirmed_ms.is_not(None))
    return db.execute(query).scalars().first()


def remove_app(db: Connection, user_id: int) -> None:
    """From now on no code is asked for or taken."""
    db.execute(delete(authenticator).where(_of(user_id)))


def _of(user_id: int) -> Any:
    return authenticator.c.user_id == user_id


def _begun(user_id: int) -> Any:
    return select(authenticator).where(_of(user_id), authenticator.c.confirmed_ms.is_(None))


def _offer(secret: str, email: str) -> AppOffer:
    return AppOffer(secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER))


def _step_of(secret: str, code: str, now_ms: int) -> int | None:
    """The time step whose code this is, of those around now."""
    totp = pyotp.TOTP(secret, interval=STEP_S)
    typed = "".join(code.split()).encode()
    here = now_ms // 1000 // STEP_S
    for step in (here + away for away in _AROUND):
        if hmac.compare_digest(totp.at(step * STEP_S).encode(), typed):
            return step
    return None
