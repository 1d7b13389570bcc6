"""Choosing the language of the pages."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from server.access.web import desk_of, set_cookie
from server.pages.language import COOKIE, LANGUAGES
from server.pages.signing import local_path
from server.problems import FieldError, ProblemError

router: Final = APIRouter(include_in_schema=False)
YEAR_S: Final = 365 * 86_400


@router.post("/language")
def choose(request: Request, language: Annotated[str, Form()]) -> Response:
    """Speak another language in this browser from now on, and go back to the page. It changes nothing else, so that
    nobody has to sign in."""
    if language not in LANGUAGES:
        told = FieldError("language", "unknown")
        raise ProblemError(422, "No such language", "Choose one of those at the end of the page.", [told])
    before = urlsplit(request.headers.get("referer", ""))._replace(scheme="", netloc="", fragment="")
    response = RedirectResponse(local_path(before.geturl()), 303)
    set_cookie(response, desk_of(request).rules, COOKIE, language, max_age_s=YEAR_S)
    return response
