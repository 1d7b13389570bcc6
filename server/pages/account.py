"""One's own account: where one is signed in, and what one signs in with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import Response

from server.access.my_account import Gained, MyAccount
from server.access.passwords import LONGEST, SHORTEST
from server.access.sessions import OpenSession, Proof
from server.access.web import Holder, Known, browser_of, client_address, desk_of, set_cookie
from server.language import N_
from server.language import gettext as _
from server.pages.qr import qr_code
from server.pages.render import page
from server.pages.signing import HOME, local_path
from server.pages.words import DAY, moment
from server.problems import ProblemError

router: Final = APIRouter(include_in_schema=False, prefix="/account")
ACCOUNT: Final = "/account"
CONFIRM: Final = "/account/confirm"
CODES: Final = "/account/recovery-codes"
BY: Final = {
    Proof.PASSWORD: N_("password"),
    Proof.APP: N_("password and app"),
    Proof.RECOVERY: N_("password and recovery code"),
    Proof.PASSKEY: N_("passkey"),
    Proof.CLINIC: N_("the clinic’s sign-in"),
}
_UTC: Final = ZoneInfo("UTC")
Handle = Annotated[str, Path(max_length=40)]
PasskeyId = Annotated[int, Path(ge=1, lt=2**31)]


class MadePasskey(BaseModel):
    """What the page's script sends of a new passkey."""

    model_config = ConfigDict(extra="forbid")

    answer: dict[str, JsonValue]
    name: Annotated[str, Field(max_length=200)] = ""


class ShownPasskey(BaseModel):
    """What the page's script sends to confirm; `next` is where its owner wants to go."""

    model_config = ConfigDict(extra="forbid")

    answer: dict[str, JsonValue]
    next: Annotated[str, Field(max_length=2000)] = ACCOUNT


@router.get("")
def account(holder: Holder, request: Request) -> HTMLResponse:
    """All of it on one page."""
    return _account_page(holder, request)


def _account_page(holder: Known, request: Request, *, problem: ProblemError | None = None) -> HTMLResponse:
    desk = desk_of(request)
    view = MyAccount(desk, holder).view()
    context = {
        "view": view,
        "sessions": [_line(one, holder) for one in view.sessions],
        "passkeys": [(one, _day(one.created_ms), _day(one.used_ms)) for one in view.passkeys],
        "app_since": _day(view.app_since_ms),
        "passkeys_possible": desk.rules.site is not None,
        "apps_possible": desk.box is not None,
        "clinic": _clinic_name(request),
        "required": holder.person.role in desk.rules.second_factor_for,
        "must_set_up": holder.must_set_up(desk.rules),
        "problem": problem,
        "now_ms": holder.now_ms,
    }
    return page("account.html", context, door=holder, status=problem.status if problem else 200)


# --- sessions ---


@router.post("/sessions/{handle}/end")
def end_session(holder: Holder, request: Request, handle: Handle) -> Response:
    """End one; this one, too."""
    MyAccount(desk_of(request), holder).end_session(handle)
    return RedirectResponse(ACCOUNT, 303)


@router.post("/sessions/end-others")
def end_others(holder: Holder, request: Request) -> Response:
    """End all but this."""
    MyAccount(desk_of(request), holder).end_others()
    return RedirectResponse(ACCOUNT, 303)


# --- password ---


@router.get("/password")
def password_form(holder: Holder, request: Request) -> HTMLResponse:
    """The form."""
    return _password_page(holder, request)


@router.post("/password")
async def change_password(holder: Holder, request: Request) -> Response:
    """Change it; all other sessions end."""
    form = await request.form()
    old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
    end_tokens = form.get("end_tokens") == "yes"

    async def form_again(problem: ProblemError) -> Response:
        return await run_in_threadpool(_password_page, holder, request, end_tokens=end_tokens, problem=problem)

    if new != again:
        return await form_again(ProblemError(422, "Not changed", "The new password was not typed twice the same."))
    account = MyAccount(desk_of(request), holder)
    try:
        token = await account.change_password(old, new, browser_of(request), end_tokens=end_tokens)
    except ProblemError as problem:
        return await form_again(problem)
    return _with_session(request, token, RedirectResponse(ACCOUNT, 303))


def _password_page(
    holder: Known, request: Request, *, end_tokens: bool = True, problem: ProblemError | None = None
) -> HTMLResponse:
    account = MyAccount(desk_of(request), holder)
    context = {
        "problem": problem,
        "shortest": SHORTEST,
        "longest": LONGEST,
        "tokens": account.tokens(),
        "end_tokens": end_tokens,
        "now_ms": desk_of(request).clock(),
    }
    return _dressed(page("password.html", context, door=holder, status=problem.status if problem else 200), problem)


# --- to confirm that it is oneself ---


@router.get("/confirm")
def confirm_form(holder: Holder, request: Request, next: str = ACCOUNT) -> HTMLResponse:  # noqa: A002
    """Asks for the password or a passkey."""
    return _confirm_page(holder, request, next)


@router.post("/confirm")
async def confirm(holder: Holder, request: Request) -> Response:
    """Take the password."""
    form = await request.form()
    wanted = str(form.get("next", ACCOUNT))
    account = MyAccount(desk_of(request), holder)
    try:
        token = await account.confirm(str(form.get("password", "")), client_address(request))
    except ProblemError as problem:
        return await run_in_threadpool(_confirm_page, holder, request, wanted, problem)
    return _with_session(request, token, RedirectResponse(_back(wanted), 303))


@router.post("/confirm/passkey/question")
def confirm_question(holder: Holder, request: Request) -> Response:
    """What the script is to ask the authenticators."""
    return Response(MyAccount(desk_of(request), holder).ask_to_confirm(), media_type="application/json")


@router.post("/confirm/passkey")
def confirm_by_passkey(holder: Holder, request: Request, shown: ShownPasskey) -> Response:
    """Take their answer; says where to go."""
    answer: dict[str, Any] = shown.answer
    token = MyAccount(desk_of(request), holder).confirm_by_passkey(answer)
    return _with_session(request, token, JSONResponse({"next": _back(shown.next)}))


def _confirm_page(holder: Known, request: Request, wanted: str, problem: ProblemError | None = None) -> HTMLResponse:
    desk = desk_of(request)
    has_passkeys = desk.rules.site is not None and bool(MyAccount(desk, holder).view().passkeys)
    context = {"next": _back(wanted), "problem": problem, "passkeys": has_passkeys, "clinic": _clinic_name(request)}
    return _dressed(page("confirm.html", context, door=holder, status=problem.status if problem else 200), problem)


# --- authenticator app ---


@router.post("/app")
def begin_app(holder: Holder, request: Request) -> Response:
    """Make a secret."""
    MyAccount(desk_of(request), holder).begin_app()
    return RedirectResponse("/account/app", 303)


@router.get("/app")
def app(holder: Holder, request: Request) -> Response:
    """Show it, until its first code has come back."""
    try:
        return _app_page(holder, request)
    except ProblemError as problem:
        if problem.status != 404:
            raise
        return RedirectResponse(ACCOUNT, 303)


@router.post("/app/code")
async def confirm_app(holder: Holder, request: Request) -> Response:
    """Take the first code."""
    code = str((await request.form()).get("code", ""))[:40]
    try:
        gained = await run_in_threadpool(MyAccount(desk_of(request), holder).confirm_app, code)
    except ProblemError as problem:
        if problem.status != 422:
            raise
        return await run_in_threadpool(_app_page, holder, request, problem)
    return _with_session(request, gained.token, RedirectResponse(_after(gained), 303))


@router.post("/app/remove")
def remove_app(holder: Holder, request: Request) -> Response:
    """Ask for no codes any more."""
    return _changed(holder, request, MyAccount(desk_of(request), holder).remove_app)


def _app_page(holder: Known, request: Request, problem: ProblemError | None = None) -> HTMLResponse:
    offer = MyAccount(desk_of(request), holder).begun_app()
    groups = [offer.secret[at : at + 4] for at in range(0, len(offer.secret), 4)]
    context = {"qr": qr_code(offer.uri), "secret": " ".join(groups), "problem": problem}
    return page("app.html", context, door=holder, status=problem.status if problem else 200)


# --- passkeys ---


@router.get("/passkeys/new")
def new_passkey(holder: Holder, request: Request) -> HTMLResponse:
    """Explains, and starts the script."""
    MyAccount(desk_of(request), holder).require_fresh()
    return page("new_passkey.html", {"suggestion": browser_of(request).agent}, door=holder)


@router.post("/passkeys/question")
def passkey_question(holder: Holder, request: Request) -> Response:
    """What the script is to have made."""
    return Response(MyAccount(desk_of(request), holder).ask_for_passkey(), media_type="application/json")


@router.post("/passkeys")
def keep_passkey(holder: Holder, request: Request, made: MadePasskey) -> Response:
    """Keep it; says where to go."""
    answer: dict[str, Any] = made.answer
    gained = MyAccount(desk_of(request), holder).add_passkey(answer, made.name)
    return _with_session(request, gained.token, JSONResponse({"next": _after(gained)}))


@router.post("/passkeys/{passkey_id}/name")
async def rename_passkey(holder: Holder, request: Request, passkey_id: PasskeyId) -> Response:
    """Call it otherwise."""
    name = str((await request.form()).get("name", ""))
    await run_in_threadpool(MyAccount(desk_of(request), holder).rename_passkey, passkey_id, name)
    return RedirectResponse(ACCOUNT, 303)


@router.post("/passkeys/{passkey_id}/remove")
def remove_passkey(holder: Holder, request: Request, passkey_id: PasskeyId) -> Response:
    """Take it no more."""
    return _changed(holder, request, lambda: MyAccount(desk_of(request), holder).remove_passkey(passkey_id))


# --- recovery codes, and what is required ---


@router.get("/recovery-codes")
def recovery_codes(holder: Holder) -> HTMLResponse:
    """Says what they are for, and offers them."""
    return _codes_page(holder, [])


@router.post("/recovery-codes")
def new_codes(holder: Holder, request: Request) -> Response:
    """Make new ones and show them, this once."""
    try:
        codes = MyAccount(desk_of(request), holder).new_codes()
    except ProblemError as problem:
        if problem.status != 409:
            raise
        return _account_page(holder, request, problem=problem)
    return _codes_page(holder, codes)


@router.get("/second-factor")
def second_factor(holder: Holder, request: Request) -> Response:
    """Where somebody is led who has to set one up before anything else."""
    desk = desk_of(request)
    if not holder.must_set_up(desk.rules):
        return RedirectResponse(ACCOUNT, 303)
    context = {"passkeys_possible": desk.rules.site is not None, "apps_possible": desk.box is not None}
    return page("second_factor.html", context, door=holder)


def _after(gained: Gained) -> str:
    return CODES if gained.wants_codes else ACCOUNT


def _codes_page(holder: Known, codes: list[str]) -> HTMLResponse:
    return page("recovery_codes.html", {"codes": codes, "home": HOME}, door=holder)


def _changed(holder: Known, request: Request, change: Callable[[], None]) -> Response:
    try:
        change()
    except ProblemError as problem:
        if problem.status != 409:
            raise
        return _account_page(holder, request, problem=problem)
    return RedirectResponse(ACCOUNT, 303)


def _with_session(request: Request, token: str, response: Response) -> Response:
    rules = desk_of(request).rules
    set_cookie(response, rules, rules.session_cookie, token)
    return response


def _dressed(response: HTMLResponse, problem: ProblemError | None) -> HTMLResponse:
    response.headers.update(problem.headers if problem else {})
    return response


def _back(wanted: str) -> str:
    """Where somebody wanted to go, the account's page where that is nowhere here."""
    path = local_path(wanted)
    return ACCOUNT if path == HOME or path.startswith(CONFIRM) else path


def _clinic_name(request: Request) -> str:
    clinic = desk_of(request).clinic
    return clinic.settings.name if clinic else ""


def _line(one: OpenSession, holder: Known) -> dict[str, object]:
    return {
        "session": one,
        "here": one.handle == holder.session.handle,
        "by": _(BY[one.proof]),
        "agent": one.browser.agent or _("Unknown program"),
        "since": _moment(one.created_ms),
    }


def _moment(t_ms: int) -> str:
    return f"{moment(t_ms, _UTC)} UTC"


def _day(t_ms: int | None) -> str:
    return "" if t_ms is None else moment(t_ms, _UTC, DAY)
