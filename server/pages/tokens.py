"""One's own tokens: what lets programs in, in one's own name."""

from __future__ import annotations

from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from server.access.acts import Role
from server.access.my_account import MyAccount
from server.access.scopes import WORDS, UnknownScopeError, read_scopes, scopes_for
from server.access.tokens import Made, TokenError
from server.access.web import Door, Holder, SignedIn, desk_of
from server.language import N_
from server.language import gettext as _
from server.pages.render import page
from server.pages.words import DAY, moment
from server.paths import TokenId

router: Final = APIRouter(include_in_schema=False, prefix="/account/tokens")
DAY_MS: Final = 86_400_000
VALID: Final = {30: N_("30 days"), 90: N_("90 days"), 180: N_("half a year"), 365: N_("a year")}
"""For how many days, as one chooses."""


@router.get("")
def tokens(door: Door) -> HTMLResponse:
    """Those there are, and a form for another."""
    return _page(door)


@router.post("")
def make(
    door: Door,
    holder: Holder,
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    scopes: Annotated[list[str] | None, Form(max_length=50)] = None,
    days: Annotated[int, Form(ge=1, le=365)] = 30,
) -> HTMLResponse:
    """Make one and show it, this once."""
    MyAccount(desk_of(request), holder).require_fresh()
    try:
        made = door.office.make_token(name, read_scopes(scopes or ()), days * DAY_MS)
    except UnknownScopeError:
        return _page(door, name=name, error=_("Choose what the program may do, one thing at least."))
    except TokenError as error:
        return _page(door, name=name, error=f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return _page(door, made=made)


@router.post("/{token_id}/revoke")
def revoke(door: Door, token_id: TokenId) -> Response:
    """End one, at once."""
    door.office.revoke_token(token_id)
    return RedirectResponse("/account/tokens", 303)


def _page(door: SignedIn, *, made: Made | None = None, name: str = "", error: str = "") -> HTMLResponse:
    found = door.office.tokens()
    now_ms = door.now_ms
    context = {
        "made": made,
        "made_until": _day(made.token.expires_ms) if made else "",
        "in_force": [(one, _day(one.expires_ms)) for one in found if one.in_force(now_ms)],
        "over": [(one, _end(one.revoked_ms, one.expires_ms)) for one in found if not one.in_force(now_ms)][:20],
        "scopes": {scope: WORDS[scope] for scope in scopes_for(Role(door.person.role))},
        "valid": VALID,
        "name": name,
        "error": error,
        "now_ms": now_ms,
    }
    return page("tokens.html", context, door=door, status=422 if error else 200)


def _day(t_ms: int) -> str:
    return moment(t_ms, ZoneInfo("UTC"), DAY)


def _end(revoked_ms: int | None, expires_ms: int) -> str:
    if revoked_ms is None:
        return _("expired {day}").format(day=_day(expires_ms))
    return _("revoked {day}").format(day=_day(revoked_ms))
