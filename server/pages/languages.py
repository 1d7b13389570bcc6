"""Which language a request is answered in: the one chosen in the browser, else what it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from babel import negotiate_locale
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.access.web import desk_of, set_cookie
from server.language import LANGUAGES, SOURCE, language, speaking
from server.pages.signing import local_path, page_before
from server.problems import FieldError, ProblemError

router: Final = APIRouter(include_in_schema=False)
COOKIE: Final = "language"
"""Where a browser keeps the language that somebody chose."""
YEAR_S: Final = 365 * 86_400


@router.post("/language")
def choose(request: Request, chosen: Annotated[str, Form(alias="language")]) -> Response:
    """Speak another language in this browser from now on, and go back to the page. It changes nothing else, so that
    nobody has to sign in."""
    if chosen not in LANGUAGES:
        told = FieldError("language", "unknown")
        raise ProblemError(422, "No such language", "Choose one of those at the end of the page.", [told])
    response = RedirectResponse(local_path(page_before(request)), 303)
    set_cookie(response, desk_of(request).rules, COOKIE, chosen, max_age_s=YEAR_S)
    return response


def wanted(headers: Headers) -> str:
    """The language for a request: what was chosen in this browser, else the first there is of those asked for."""
    chosen = cookie_parser(headers.get("cookie", "")).get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    asked = sorted(_asked(headers.get("accept-language", "")), key=lambda one: -one[1])
    return negotiate_locale([tag for tag, weight in asked if weight > 0], list(LANGUAGES), sep="-") or SOURCE


def _asked(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        tag, _, parameter = part.partition(";")
        try:
            weight = float(parameter.partition("=")[2] or 1)
        except ValueError:
            continue
        yield tag.strip(), weight


class Languages:
    """Lets each request be answered in its language, and names it in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. Programs are always answered in English."""
        if scope["type"] != "http" or scope["path"].startswith(("/api/", "/static/")):
            await self._app(scope, receive, send)
            return

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("content-language", language())
            await send(message)

        with speaking(wanted(Headers(scope=scope))):
            await self._app(scope, receive, named)
