"""What somebody can show besides the password."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from server.access.authenticators import app_since, code_matches, remove_app
from server.access.passkeys import count_passkeys, remove_passkeys
from server.access.recovery_codes import codes_left, remove_codes, use_code
from server.access.sealing import SecretBox, UnsealError
from server.access.sessions import Proof
from server.store.engine import reading

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Factors:
    """What an account has. Recovery codes stand in for a factor and are none by themselves."""

    app: bool
    passkeys: int
    recovery_codes: int

    @property
    def any(self) -> bool:
        """Whether the password alone is not enough."""
        return self.app or self.passkeys > 0


def factors_of(engine: Engine, user_id: int) -> Factors:
    """The second factors of an account."""
    with reading(engine) as db:
        return factors_within(db, user_id)


def factors_within(db: Connection, user_id: int) -> Factors:
    """The same inside a transaction."""
    return Factors(app_since(db, user_id) is not None, count_passkeys(db, user_id), codes_left(db, user_id))


def code_proves(db: Connection, box: SecretBox | None, user_id: int, typed: str, now_ms: int) -> Proof | None:
    """What a typed code proves: six digits are a code of the app, anything else a recovery code. Either is used up."""
    digits = "".join(typed.split())
    if len(digits) == 6 and digits.isascii() and digits.isdigit():
        try:
            right = box is not None and code_matches(db, box, user_id, digits, now_ms)
        except UnsealError:
            log.error("the app's secret of account %d cannot be opened: is the key file another one?", user_id)  # noqa: TRY400
            right = False
        return Proof.APP if right else None
    return Proof.RECOVERY if use_code(db, user_id, typed, now_ms) else None


def forget_factors(db: Connection, user_id: int) -> None:
    """Take everything away, so that the password alone is enough again: for an administrator whom somebody has told in
    person that their factors are lost."""
    remove_app(db, user_id)
    remove_passkeys(db, user_id)
    remove_codes(db, user_id)
