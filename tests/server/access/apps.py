"""Somebody with an authenticator app."""

from __future__ import annotations

import pyotp
from sqlalchemy import Engine, insert

from server.access import authenticators
from server.access.sealing import SecretBox
from server.store import writing
from server.store.tables import user_account

SET_UP_MS = 1_774_000_000_000


def give_app(engine: Engine, box: SecretBox, email: str = "ada@example.org") -> int:
    """A new account whose app was set up; its number."""
    row = {"email": email, "name": "Ada", "role": "therapist", "password_hash": "", "created_ms": 0}
    with writing(engine) as db:
        number: int = db.execute(insert(user_account).values(row).returning(user_account.c.id)).scalar_one()
    secret = authenticators.begin_app(engine, box, number, email, SET_UP_MS).secret
    with writing(engine) as db:
        code = pyotp.TOTP(secret).at(SET_UP_MS // 1000)
        assert authenticators.confirm_app(db, box, number, code, SET_UP_MS)
    return number
