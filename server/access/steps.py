"""What a browser has begun and not finished: the first half of a sign-in, a challenge, a visit to the clinic's sign-in.

Kept on the server, for minutes, under the hash of a cookie. None of it gives rights: it only lets the same browser go
on. What may be answered once is taken, which removes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, delete, select, update

from server.access.sessions import digest
from server.store.tables import sign_in_step
from server.store.upsert import upsert

LASTS_MS: Final = 10 * 60_000
"""How long a step can be gone on with."""
MOST_TRIES: Final = 5
"""After so many codes that do not fit one begins again with the password."""


class Purpose(StrEnum):
    """What a step waits for."""

    FACTOR = "factor"
    PASSKEY = "passkey"
    NEW_PASSKEY = "new passkey"
    CLINIC = "clinic"


@dataclass(frozen=True)
class Step:
    """A step in force. `user_id` is who it is about, None where that is not known yet."""

    user_id: int | None
    body: Mapping[str, str]
    tries: int


def begin(
    db: Connection,
    browser_token: str,
    purpose: Purpose,
    now_ms: int,
    *,
    user_id: int | None = None,
    body: Mapping[str, str] | None = None,
) -> None:
    """Keep a step of the browser with this cookie, in place of an earlier one of the kind; expired ones go."""
    values = {
        "user_id": user_id,
        "body_json": json.dumps(dict(body or {})),
        "tries": 0,
        "expires_ms": now_ms + LASTS_MS,
    }
    row = {"browser_sha256": digest(browser_token), "purpose": purpose.value, **values}
    db.execute(delete(sign_in_step).where(sign_in_step.c.expires_ms <= now_ms))
    statement = upsert(db, sign_in_step).values(row)
    db.execute(statement.on_conflict_do_update(index_elements=["browser_sha256", "purpose"], set_=values))


def find(db: Connection, browser_token: str, purpose: Purpose, now_ms: int) -> Step | None:
    """The step of this browser, if it has one that can still be gone on with."""
    row = db.execute(select(sign_in_step).where(*_this(browser_token, purpose, now_ms))).one_or_none()
    return _step(row)


def take(db: Connection, browser_token: str, purpose: Purpose, now_ms: int) -> Step | None:
    """The same, and remove it: whoever asks next gets nothing."""
    found = delete(sign_in_step).where(*_this(browser_token, purpose, now_ms)).returning(sign_in_step)
    return _step(db.execute(found).one_or_none())


def count_try(db: Connection, browser_token: str, purpose: Purpose, now_ms: int) -> Step | None:
    """The step with one more try counted, None when there is none or it has had its tries. Counted before the answer
    is looked at, so that many at once do not slip through."""
    this = _this(browser_token, purpose, now_ms)
    counted = (
        update(sign_in_step)
        .where(*this, sign_in_step.c.tries < MOST_TRIES)
        .values(tries=sign_in_step.c.tries + 1)
        .returning(sign_in_step)
    )
    row = db.execute(counted).one_or_none()
    if row is None:
        db.execute(delete(sign_in_step).where(*this))
    return _step(row)


def drop_all(db: Connection, browser_token: str) -> None:
    """Forget what this browser has begun."""
    db.execute(delete(sign_in_step).where(sign_in_step.c.browser_sha256 == digest(browser_token)))


def _this(browser_token: str, purpose: Purpose, now_ms: int) -> tuple[Any, ...]:
    c = sign_in_step.c
    return c.browser_sha256 == digest(browser_token), c.purpose == purpose.value, c.expires_ms > now_ms


def _step(row: Any) -> Step | None:
    return None if row is None else Step(row.user_id, json.loads(row.body_json), row.tries)
