"""Codes for the day when the second factor is lost: shown once, each good once."""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from server.enrolment.codes import UnreadableCodeError, draw, grouped, read
from server.store.tables import recovery_code

HOW_MANY: Final = 10
LENGTH: Final = 16
"""Sixteen digits of base 32: 80 random bits, too many to guess from a plain hash."""


def make_codes(db: Connection, user_id: int, now_ms: int) -> list[str]:
    """Ten new codes as they are shown; earlier ones are void."""
    codes = [draw(LENGTH) for _ in range(HOW_MANY)]
    db.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    rows = [{"user_id": user_id, "code_sha256": _digest(code), "created_ms": now_ms} for code in codes]
    db.execute(insert(recovery_code), rows)
    return [grouped(code, 4) for code in codes]


def use_code(db: Connection, user_id: int, typed: str, now_ms: int) -> bool:
    """Whether this is a code of the person that was not used before; from now on it is used."""
    try:
        code = read(typed, LENGTH)
    except UnreadableCodeError:
        return False
    c = recovery_code.c
    unused = c.user_id == user_id, c.code_sha256 == _digest(code), c.used_ms.is_(None)
    return db.execute(update(recovery_code).where(*unused).values(used_ms=now_ms)).rowcount == 1


def codes_left(db: Connection, user_id: int) -> int:
    """How many codes the person can still use."""
    c = recovery_code.c
    query = select(func.count()).select_from(recovery_code).where(c.user_id == user_id, c.used_ms.is_(None))
    return db.scalar(query) or 0


def remove_codes(db: Connection, user_id: int) -> None:
    """None of them counts any more."""
    db.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
