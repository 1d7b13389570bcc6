"""A code for a patient's computer, its exchange for credentials, and their end."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from sqlalchemy import Connection, Engine, insert, select, update

from server.broker.verifier import verifier_of
from server.enrolment import codes
from server.store.engine import writing
from server.store.tables import enrolment, gateway

VALID_MS: Final = 24 * 3_600_000
"""How long a code can be used."""
NAME: Final = "Patient's computer"


class Refusal(Enum):
    """Why a code is not taken. All but `UNKNOWN` are told only to somebody who has the whole code."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    VOIDED = "voided"


class CodeRefusedError(Exception):
    """A code is not taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True)
class Offer:
    """A code as it is shown once, and until when it can be used (UTC ms)."""

    code: str = field(repr=False)
    expires_ms: int


@dataclass(frozen=True)
class Enrolled:
    """A gateway's own credentials at the broker; the password is kept nowhere here."""

    gateway: str
    password: str = field(repr=False)
    patient_id: int


@dataclass(frozen=True)
class Drawn:
    """A new code and what is kept of it. The hash is slow, so that it is made before a transaction begins."""

    code: str = field(repr=False)
    hashed: str


def draw_code() -> Drawn:
    """A code that nobody has yet."""
    code = codes.draw()
    return Drawn(code, codes.digest(code))


def offer_code(engine: Engine, patient_id: int, *, author_id: int, now_ms: int) -> Offer:
    """A new code for one computer of the patient; one that is still open is void from now on."""
    drawn = draw_code()
    with writing(engine) as db:
        return add_code(db, patient_id, drawn, author_id=author_id, now_ms=now_ms)


def add_code(db: Connection, patient_id: int, drawn: Drawn, *, author_id: int, now_ms: int) -> Offer:
    """`offer_code` inside the caller's transaction."""
    db.execute(
        update(enrolment)
        .where(enrolment.c.patient_id == patient_id, enrolment.c.used_ms.is_(None), enrolment.c.voided_ms.is_(None))
        .values(voided_ms=now_ms)
    )
    db.execute(
        insert(enrolment).values(
            code_hash=drawn.hashed,
            patient_id=patient_id,
            author_id=author_id,
            created_ms=now_ms,
            expires_ms=now_ms + VALID_MS,
        )
    )
    return Offer(codes.grouped(drawn.code), now_ms + VALID_MS)


def random_password(_gateway: str) -> str:
    """A password of 192 random bits for a gateway."""
    return secrets.token_urlsafe(24)


def redeem(
    engine: Engine, typed: str, *, now_ms: int, new_password: Callable[[str], str] = random_password
) -> Enrolled:
    """Exchange a code for a new gateway's credentials, once. `new_password` makes the password of the gateway's id.

    Raises codes.UnreadableCodeError for what can be no code, and CodeRefusedError.
    """
    hashed = codes.digest(codes.read(typed))
    gateway_id = secrets.token_hex(8)
    password = new_password(gateway_id)
    with writing(engine) as db:
        row = db.execute(select(enrolment).where(enrolment.c.code_hash == hashed).with_for_update()).one_or_none()
        if row is None:
            raise CodeRefusedError(Refusal.UNKNOWN)
        if row.used_ms is not None:
            raise CodeRefusedError(Refusal.USED)
        if row.voided_ms is not None:
            raise CodeRefusedError(Refusal.VOIDED)
        if now_ms >= row.expires_ms:
            raise CodeRefusedError(Refusal.EXPIRED)
        db.execute(insert(gateway).values(id=gateway_id, name=NAME, mqtt_hash=verifier_of(password), created_ms=now_ms))
        db.execute(update(enrolment).where(enrolment.c.id == row.id).values(used_ms=now_ms, gateway=gateway_id))
    return Enrolled(gateway_id, password, row.patient_id)


def revoke(engine: Engine, patient_id: int, gateway_id: str, *, author_id: int, now_ms: int) -> bool:
    """End what a patient's computer may do; False when it is not this patient's. Again changes nothing."""
    with writing(engine) as db:
        return end_gateway(db, patient_id, gateway_id, author_id=author_id, now_ms=now_ms)


def end_gateway(db: Connection, patient_id: int, gateway_id: str, *, author_id: int, now_ms: int) -> bool:
    """`revoke` inside the caller's transaction."""
    found = db.scalar(
        select(enrolment.c.id).where(enrolment.c.patient_id == patient_id, enrolment.c.gateway == gateway_id)
    )
    if found is None:
        return False
    ended = db.execute(
        update(gateway)
        .where(gateway.c.id == gateway_id, gateway.c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms, online=False)
    )
    if ended.rowcount:
        db.execute(update(enrolment).where(enrolment.c.id == found).values(revoked_by=author_id))
    return True
