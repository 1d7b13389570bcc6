"""A request of somebody who wants in, and the cookies of the steps."""

from __future__ import annotations

from typing import Final

from fastapi import Request

from server.access.signing_in import Arrival, Halfway
from server.access.web import browser_of, desk_of, visit_of
from server.problems import ProblemError

FACTOR_WANTED: Final = (
    "The password was right. This account needs a second factor: send a code of the authenticator app or a recovery "
    "code to /api/v1/session/factor, with the cookie of this answer, within 10 minutes. A passkey is used on the pages."
)


def arrival_of(request: Request) -> Arrival:
    """The browser, the session that it has, and the step it is at."""
    rules = desk_of(request).rules
    cookies = request.cookies
    session, step = cookies.get(rules.session_cookie, ""), cookies.get(rules.step_cookie, "")
    return Arrival(browser_of(request), session, step, visit_of(request).via)


def second_factor_wanted(outcome: Halfway) -> ProblemError:
    """The answer to a program whose password was right."""
    has = {
        "app": outcome.factors.app,
        "passkey": outcome.factors.passkeys > 0,
        "recovery code": outcome.factors.recovery_codes > 0,
    }
    return ProblemError(
        401,
        "A second factor is wanted",
        FACTOR_WANTED,
        kind="second-factor",
        members={"factors": [name for name, there in has.items() if there]},
    )
