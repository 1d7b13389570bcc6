"""One's own tokens. Only a session makes and ends them: a token cannot beget another."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from server.access.my_account import MyAccount
from server.access.tokens import TokenError
from server.access.web import Door, Holder, desk_of
from server.api import models
from server.api.paging import LINK, Page
from server.api.prefix import PREFIX
from server.api.problem import problems
from server.paths import TokenId
from server.problems import FieldError, ProblemError

DAY_MS: Final = 86_400_000
router: Final = APIRouter(prefix=PREFIX, tags=["tokens"])


@router.get("/tokens", responses={200: {"headers": LINK}})
def tokens(door: Door, holder: Holder, page: Page) -> list[models.Token]:
    """One's own tokens, in order of their numbers; those that are over, too."""
    del holder
    found = sorted(door.office.tokens(), key=lambda one: one.id)
    return [models.Token.model_validate(one) for one in page.part(found, lambda one: one.id)]


@router.post("/tokens", status_code=201, responses=problems(409))
def make_token(door: Door, holder: Holder, request: Request, wanted: models.TokenWish) -> models.NewToken:
    """Make a token. It is told this once. Needs a session whose owner has shown within minutes who they are."""
    MyAccount(desk_of(request), holder).require_fresh()
    try:
        made = door.office.make_token(wanted.name, wanted.scopes, wanted.days * DAY_MS)
    except TokenError as error:
        words = str(error)
        raise ProblemError(409, "The token was not made", words, [FieldError("name", words)]) from error
    return models.NewToken(**models.Token.model_validate(made.token).model_dump(), token=made.secret)


@router.delete("/tokens/{token_id}", status_code=204, response_class=Response)
def revoke_token(door: Door, holder: Holder, token_id: TokenId) -> None:
    """End a token, at once. Again changes nothing."""
    del holder
    door.office.revoke_token(token_id)
