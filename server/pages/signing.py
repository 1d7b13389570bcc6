"""Signing in and out on pages: the password, the second step, a passkey, the clinic's own sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import Response

from server.access.arriving import arrival_of
from server.access.forms import form_token
from server.access.sessions import find_session
from server.access.signing_in import (
    Halfway,
    Opened,
    answer_code,
    answer_passkey,
    ask_for_passkey,
    back_from_clinic,
    begin_again,
    go_to_clinic,
    halfway,
    sign_in,
    sign_out,
)
from server.access.web import desk_of, drop_cookie, require_form_token, set_cookie, visit_of, visitor_secret
from server.pages.places import start
from server.pages.render import page
from server.pages.words import duration
from server.problems import ProblemError, stale_form

router: Final = APIRouter(include_in_schema=False)
HOME: Final = "/"
SECOND_STEP: Final = "/login/factor"


class PasskeyAnswer(BaseModel):
    """What a page's script sends of a passkey; `next` is where its owner wants to go."""

    model_config = ConfigDict(extra="forbid")

    answer: dict[str, JsonValue]
    next: Annotated[str, Field(max_length=2000)] = HOME


def local_path(wanted: str) -> str:
    """Where to go after signing in: a path of ours, whatever was asked for."""
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else HOME


def page_before(request: Request) -> str:
    """The page that somebody asks for or, where they send a form, the page that it stands on; "" where that is not
    said, or is of another site."""
    if request.method == "GET":
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    try:
        parts = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return ""
    ours = {request.headers.get("host"), urlsplit(desk_of(request).rules.public_url).netloc}
    if not parts.netloc or parts.netloc not in ours:
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


def sign_in_page(
    request: Request, *, wanted: str, email: str = "", error: str = "", status: int = 200, done: bool = False
) -> Response:
    """The form, tied to this browser by a cookie. `done`: a password has just been set."""
    desk = desk_of(request)
    context = {
        "email": email,
        "done": done,
        "idle_words": duration(desk.rules.idle_ms / 1000),
        "passkeys": desk.rules.site is not None,
        "clinic": desk.clinic.settings.name if desk.clinic else "",
        "clinic_path": f"/login/clinic?next={quote(local_path(wanted))}",
    }
    return _step_page(request, "login.html", context, wanted=wanted, error=error, status=status)


def second_step_page(
    request: Request, *, somebody: Halfway, wanted: str, error: str = "", status: int = 200
) -> Response:
    """Asks for a code, or a passkey."""
    passkeys = desk_of(request).rules.site is not None and somebody.factors.passkeys > 0
    context = {"factors": somebody.factors, "passkeys": passkeys}
    return _step_page(request, "second_step.html", context, wanted=wanted, error=error, status=status)


def _step_page(
    request: Request, name: str, context: Mapping[str, object], *, wanted: str, error: str, status: int
) -> Response:
    desk = desk_of(request)
    secret = visitor_secret(request)
    frame = {"next": local_path(wanted), "error": error, "form_token": form_token(secret)}
    response = page(name, {**frame, **context}, status=status)
    set_cookie(response, desk.rules, desk.rules.visitor_cookie, secret)
    return response


@router.get("/")
def home(request: Request) -> Response:
    """To where one's own way begins, or to the sign-in."""
    desk = desk_of(request)
    token = request.cookies.get(desk.rules.session_cookie, "")
    person = find_session(desk.engine, token, desk.session_clock(), desk.rules)
    return RedirectResponse("/login" if person is None else start(person.role), 303)


@router.get("/login")
def login(request: Request, next: str = HOME, done: str = "") -> Response:  # noqa: A002 - the name in the address
    """The sign-in form, or the list for somebody who has signed in already."""
    desk = desk_of(request)
    token = request.cookies.get(desk.rules.session_cookie, "")
    if find_session(desk.engine, token, desk.session_clock(), desk.rules) is not None:
        return RedirectResponse(local_path(next), 303)
    return sign_in_page(request, wanted=next, done=bool(done))


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Sign in; the session that the browser had before ends."""
    form = await request.form()
    wanted, email, password = (str(form.get(name, "")) for name in ("next", "email", "password"))
    try:
        await _require_own_form(request)
        outcome = await sign_in(desk_of(request), email=email, password=password, arrival=arrival_of(request))
    except ProblemError as problem:
        kept = email if problem.status != 403 else ""
        return _told(
            sign_in_page(request, wanted=wanted, email=kept, error=_words(problem), status=problem.status), problem
        )
    if isinstance(outcome, Halfway):
        desk = desk_of(request)
        response: Response = RedirectResponse(f"{SECOND_STEP}?next={quote(local_path(wanted))}", 303)
        set_cookie(response, desk.rules, desk.rules.step_cookie, outcome.step)
        return response
    return _let_in(request, outcome, RedirectResponse(local_path(wanted), 303))


@router.get("/login/factor")
async def second_step(request: Request, next: str = HOME) -> Response:  # noqa: A002 - the name in the address
    """Asks for the second factor of somebody who has given the password."""
    somebody = await halfway(desk_of(request), arrival_of(request).step)
    if somebody is None:
        return RedirectResponse(f"/login?next={quote(local_path(next))}", 303)
    return second_step_page(request, somebody=somebody, wanted=next)


@router.post("/login/factor")
async def show_code(request: Request) -> Response:
    """Take the code."""
    form = await request.form()
    wanted, code = str(form.get("next", "")), str(form.get("code", ""))[:100]
    arrival = arrival_of(request)
    try:
        await _require_own_form(request)
        opened = await answer_code(desk_of(request), code=code, arrival=arrival)
    except ProblemError as problem:
        somebody = await halfway(desk_of(request), arrival.step)
        if somebody is None and problem.status != 403:
            return _told(sign_in_page(request, wanted=wanted, error=_words(begin_again()), status=401), problem)
        again = partial(second_step_page, somebody=somebody) if somebody else sign_in_page
        return _told(again(request, wanted=wanted, error=_words(problem), status=problem.status), problem)
    return _let_in(request, opened, RedirectResponse(local_path(wanted), 303))


@router.post("/login/passkey/question")
async def passkey_question(request: Request) -> Response:
    """What the script is to ask the authenticators."""
    await _require_own_form(request)
    desk = desk_of(request)
    question = await ask_for_passkey(desk, arrival_of(request))
    response = Response(question.options, media_type="application/json")
    set_cookie(response, desk.rules, desk.rules.step_cookie, question.step)
    return response


@router.post("/login/passkey")
async def show_passkey(request: Request, shown: PasskeyAnswer) -> Response:
    """Take their answer; says where to go."""
    await _require_own_form(request)
    answer: dict[str, Any] = shown.answer
    opened = await answer_passkey(desk_of(request), answer=answer, arrival=arrival_of(request))
    return _let_in(request, opened, JSONResponse({"next": local_path(shown.next)}))


@router.get("/login/clinic")
async def to_clinic(request: Request, next: str = HOME) -> Response:  # noqa: A002 - the name in the address
    """To the clinic's own sign-in."""
    desk = desk_of(request)
    url, step = await go_to_clinic(desk, arrival_of(request), local_path(next))
    response = RedirectResponse(url, 303)
    set_cookie(response, desk.rules, desk.rules.step_cookie, step)
    return response


@router.get("/login/clinic/answer")
async def from_clinic(request: Request, code: str = "", state: str = "", iss: str = "") -> Response:
    """Back from there."""
    try:
        opened, wanted = await back_from_clinic(
            desk_of(request), code=code, state=state, issuer=iss, arrival=arrival_of(request)
        )
    except ProblemError as problem:
        return _told(sign_in_page(request, wanted=HOME, error=problem.detail, status=problem.status), problem)
    return _let_in(request, opened, RedirectResponse(local_path(wanted), 303))


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session on the server and forget its cookie."""
    desk = desk_of(request)
    token = request.cookies.get(desk.rules.session_cookie, "")
    await require_form_token(request, token)
    await run_in_threadpool(sign_out, desk, token, visit_of(request))
    response = RedirectResponse("/login", 303)
    drop_cookie(response, desk.rules, desk.rules.session_cookie)
    return response


async def _require_own_form(request: Request) -> None:
    await require_form_token(request, request.cookies.get(desk_of(request).rules.visitor_cookie, ""))


def _let_in(request: Request, opened: Opened, response: Response) -> Response:
    rules = desk_of(request).rules
    set_cookie(response, rules, rules.session_cookie, opened.token)
    drop_cookie(response, rules, rules.visitor_cookie)
    drop_cookie(response, rules, rules.step_cookie)
    return response


def _words(problem: ProblemError) -> str:
    return problem.detail.partition(" Programs")[0] if problem.title == stale_form().title else problem.detail


def _told(response: Response, problem: ProblemError) -> Response:
    response.headers.update(problem.headers)
    return response
