"""Signing in, the same for pages and programs."""

from __future__ import annotations

import logging
from typing import Final

from fastapi.concurrency import run_in_threadpool

from server.access.accounts import credentials, normal_email
from server.access.sessions import open_session
from server.access.web import Desk
from server.problems import ProblemError, too_many_attempts

REFUSED: Final = "The e-mail address or the password does not match."
"""Never says which: that would tell who has an account."""

log: Final = logging.getLogger(__name__)


async def sign_in(desk: Desk, *, email: str, password: str, address: str, replaces: str) -> str:
    """A new session's token. `address` is where the request came from; `replaces` the token it came with, which ends.

    Raises ProblemError: 429 after too many attempts, 401 for anything that does not match.
    """
    account = normal_email(email)[:254]
    wait_ms = desk.attempts.begin(account, address, desk.session_clock())
    if wait_ms:
        log.warning("sign-in held back after too many attempts from %s", address)
        raise too_many_attempts(wait_ms, "Too many attempts to sign in.")
    found = await run_in_threadpool(credentials, desk.engine, account)
    if not await desk.passwords.matches(password, found.password_hash if found else None) or found is None:
        log.info("sign-in refused from %s", address)
        raise ProblemError(401, "Not signed in", REFUSED)
    desk.attempts.succeeded(account, address)
    log.info("account %d signed in from %s", found.user_id, address)
    return await run_in_threadpool(
        open_session, desk.engine, found.user_id, desk.session_clock(), desk.rules, replaces=replaces
    )
