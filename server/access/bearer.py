"""Programs that show a token instead of a session: in the Authorization header, at the API, and nowhere else."""

from __future__ import annotations

import logging
from typing import Final

from fastapi import Request
from sqlalchemy import Engine

from server.access.attempts import Attempts
from server.access.tokens import Bearer, find_bearer
from server.problems import ProblemError, token_refused, too_many_attempts

log: Final = logging.getLogger(__name__)
_HEADER: Final = "authorization"


def shows_token(request: Request) -> bool:
    """Whether the request is to be answered by what is in its Authorization header. Cookies then count for nothing."""
    return request.url.path.startswith("/api/") and _HEADER in request.headers


def bearer_of(
    request: Request, engine: Engine, attempts: Attempts, address: str, *, now_ms: int, clock_ms: int
) -> Bearer:
    """Whose token the request shows. `now_ms` is the time that tokens age by, `clock_ms` that of the limit on requests.

    Raises ProblemError: 401 for a token that is good for nothing, 429 for too many requests.
    """
    kind, _, secret = request.headers[_HEADER].partition(" ")
    found = find_bearer(engine, secret.strip(), now_ms) if kind.casefold() == "bearer" else None
    who = f"token:{found.token_id}" if found else f"nobody at {address}"
    if wait_ms := attempts.begin(who, address, clock_ms):
        log.warning("%s held back after too many requests from %s", who, address)
        raise _slow_down(wait_ms)
    if found is None:
        raise token_refused()
    return found


def _slow_down(wait_ms: int) -> ProblemError:
    return too_many_attempts(wait_ms, "Too many requests with this token.")
