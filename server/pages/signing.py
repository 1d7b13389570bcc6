"""Signing in and out on pages."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from server.access.forms import form_token
from server.access.sessions import close_session, find_session
from server.access.signing_in import sign_in
from server.access.web import desk_of, drop_cookie, require_form_token, set_cookie, visitor_secret
from server.pages.render import page
from server.pages.words import duration
from server.problems import ProblemError, stale_form

router: Final = APIRouter(include_in_schema=False)
HOME: Final = "/patients"


def local_path(wanted: str) -> str:
    """Where to go after signing in: a path of ours, whatever was asked for."""
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else HOME


def sign_in_page(request: Request, *, wanted: str, email: str = "", error: str = "", status: int = 200) -> Response:
    """The form, tied to this browser by a cookie."""
    desk = desk_of(request)
    secret = visitor_secret(request)
    idle = duration(desk.rules.idle_ms / 1000)
    context = {"next": local_path(wanted), "email": email, "error": error, "idle_words": idle}
    response = page("login.html", {**context, "form_token": form_token(secret)}, status=status)
    set_cookie(response, desk.rules, desk.rules.visitor_cookie, secret)
    return response


@router.get("/")
def home() -> Response:
    """To the list."""
    return RedirectResponse(HOME, 303)


@router.get("/login")
def login(request: Request, next: str = HOME) -> Response:  # noqa: A002 - the name in the address
    """The sign-in form, or the list for somebody who has signed in already."""
    desk = desk_of(request)
    token = request.cookies.get(desk.rules.session_cookie, "")
    if find_session(desk.engine, token, desk.session_clock(), desk.rules) is not None:
        return RedirectResponse(local_path(next), 303)
    return sign_in_page(request, wanted=next)


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Sign in; the session that the browser had before ends."""
    desk = desk_of(request)
    form = await request.form()
    wanted, email, password = (str(form.get(name, "")) for name in ("next", "email", "password"))
    try:
        await require_form_token(request, request.cookies.get(desk.rules.visitor_cookie, ""))
    except ProblemError:
        return sign_in_page(request, wanted=wanted, error=stale_form().detail.partition(" Programs")[0], status=403)
    address = request.client.host if request.client else ""
    before = request.cookies.get(desk.rules.session_cookie, "")
    try:
        token = await sign_in(desk, email=email, password=password, address=address, replaces=before)
    except ProblemError as problem:
        response = sign_in_page(request, wanted=wanted, email=email, error=problem.detail, status=problem.status)
        response.headers.update(problem.headers)
        return response
    response = RedirectResponse(local_path(wanted), 303)
    set_cookie(response, desk.rules, desk.rules.session_cookie, token)
    drop_cookie(response, desk.rules, desk.rules.visitor_cookie)
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session on the server and forget its cookie."""
    desk = desk_of(request)
    token = request.cookies.get(desk.rules.session_cookie, "")
    await require_form_token(request, token)
    await run_in_threadpool(close_session, desk.engine, token)
    response = RedirectResponse("/login", 303)
    drop_cookie(response, desk.rules, desk.rules.session_cookie)
    return response
