"""Coming in by a link: an invitation, a new password. Needs no session: the link is what admits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, BackgroundTasks, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from server.access.accounts import AccountError, normal_email
from server.access.forms import form_token
from server.access.joining import INVITATION, RECOVERY, Joining
from server.access.passwords import LONGEST, SHORTEST, WeakPasswordError
from server.access.web import client_address, desk_of, require_form_token, set_cookie, visit_of, visitor_secret
from server.pages.people import ROLES
from server.pages.render import page
from server.pages.words import sentence
from server.problems import too_many_attempts

router: Final = APIRouter(include_in_schema=False)
Token = Annotated[str, Path(max_length=100)]
KEEP_TOKENS: Final = "keep_tokens"
_DIFFERENT: Final = "The two passwords differ; type them again."


@router.get(f"/{INVITATION}/{{token}}")
async def invitation(request: Request, token: Token) -> Response:
    """Asks for name and password."""
    return await _invitation_page(request, token)


@router.post(f"/{INVITATION}/{{token}}")
async def accept(request: Request, token: Token) -> Response:
    """Make the account, and on to the sign-in."""
    form = await request.form()
    name, password, again = (str(form.get(field, "")) for field in ("name", "password", "again"))
    await _require_own_form(request)
    if password != again:
        return await _invitation_page(request, token, name=name, error=_DIFFERENT)
    try:
        await _joining(request).accept(token, name=name, password=password)
    except (AccountError, WeakPasswordError) as error:
        return await _invitation_page(request, token, name=name, error=sentence(str(error)))
    return _to_sign_in()


@router.get(f"/{RECOVERY}")
def ask(request: Request) -> Response:
    """How to come back in: by mail where there is a mail server, else by an administrator."""
    return _form_page(request, "recovery_ask.html", {"by_mail": _can_mail(request), "sent": False, "error": ""})


@router.post(f"/{RECOVERY}")
async def send(request: Request, later: BackgroundTasks) -> Response:
    """Send a link if there is such an account; the answer is the same, and as quick, if there is none."""
    form = await request.form()
    await _require_own_form(request)
    desk, email = desk_of(request), normal_email(str(form.get("email", "")))[:254]
    if desk.mailer is not None and desk.rules.public_url:
        wait_ms = desk.mail_attempts.begin(email, client_address(request), desk.session_clock())
        if wait_ms:
            problem = too_many_attempts(wait_ms, "A link was asked for several times.")
            context = {"by_mail": True, "sent": False, "error": problem.detail}
            response = _form_page(request, "recovery_ask.html", context, status=problem.status)
            response.headers.update(problem.headers)
            return response
        later.add_task(_joining(request).ask_by_mail, desk.mailer, email, desk.rules.public_url.rstrip("/"))
    context = {"by_mail": _can_mail(request), "sent": _can_mail(request), "error": ""}
    return _form_page(request, "recovery_ask.html", context)


@router.get(f"/{RECOVERY}/{{token}}")
async def recovery(request: Request, token: Token) -> Response:
    """Asks for a new password."""
    return await _recovery_page(request, token)


@router.post(f"/{RECOVERY}/{{token}}")
async def recover(request: Request, token: Token) -> Response:
    """Set it, end all sessions, and on to the sign-in."""
    form = await request.form()
    password, again = (str(form.get(field, "")) for field in ("password", "again"))
    keep = form.get(KEEP_TOKENS) == "yes"
    await _require_own_form(request)
    if password != again:
        return await _recovery_page(request, token, keep=keep, error=_DIFFERENT)
    try:
        await _joining(request).recover(token, password=password, keep_tokens=keep)
    except WeakPasswordError as error:
        return await _recovery_page(request, token, keep=keep, error=sentence(str(error)))
    return _to_sign_in()


def _joining(request: Request) -> Joining:
    desk = desk_of(request)
    return Joining(desk.engine, desk.passwords, desk.clock(), visit_of(request))


def _can_mail(request: Request) -> bool:
    desk = desk_of(request)
    return desk.mailer is not None and bool(desk.rules.public_url)


async def _invitation_page(request: Request, token: str, *, name: str = "", error: str = "") -> Response:
    found = await run_in_threadpool(_joining(request).invitation, token)
    context = {"invitation": found, "role": ROLES[found.role], "name": name, "error": error}
    return _form_page(request, "invitation.html", context, status=422 if error else 200)


async def _recovery_page(request: Request, token: str, *, keep: bool = False, error: str = "") -> Response:
    found = await run_in_threadpool(_joining(request).recovery, token)
    now_ms = desk_of(request).clock()
    context = {"email": found.email, "tokens": found.tokens, "keep": keep, "now_ms": now_ms, "error": error}
    return _form_page(request, "recovery.html", context, status=422 if error else 200)


def _form_page(request: Request, name: str, context: Mapping[str, object], *, status: int = 200) -> Response:
    desk, secret = desk_of(request), visitor_secret(request)
    frame = {"form_token": form_token(secret), "shortest": SHORTEST, "longest": LONGEST, "path": request.url.path}
    response = page(name, {**frame, **context}, status=status)
    set_cookie(response, desk.rules, desk.rules.visitor_cookie, secret)
    return response


async def _require_own_form(request: Request) -> None:
    await require_form_token(request, request.cookies.get(desk_of(request).rules.visitor_cookie, ""))


def _to_sign_in() -> Response:
    return RedirectResponse("/login?done=yes", 303)
