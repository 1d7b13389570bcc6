"""Signing in and out over the API, in steps where an account has a second factor."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from server.access.arriving import arrival_of, second_factor_wanted
from server.access.forms import form_token
from server.access.rules import AccessRules
from server.access.sessions import find_open
from server.access.signing_in import Halfway, Opened, answer_code, sign_in, sign_out
from server.access.web import Holder, Known, desk_of, drop_cookie, set_cookie, visit_of
from server.api import models
from server.api.prefix import PREFIX
from server.api.problem import problems
from server.problems import not_signed_in

router: Final = APIRouter(prefix=PREFIX, tags=["session"])


@router.post("/session", status_code=201, response_model=models.Session, responses=problems(401, 429))
async def open_session(
    request: Request, credentials: models.Credentials, response: Response
) -> models.Session | Response:
    """Sign in. The session is the cookie of the answer. Takes JSON only: a form of another site cannot send that.

    Where the account has a second factor the answer is a problem 401 of the type
    `urn:plumbline:problem:second-factor`, with a cookie for `POST /api/v1/session/factor` and, under `factors`, what
    can be shown there.
    """
    desk = desk_of(request)
    outcome = await sign_in(desk, email=credentials.email, password=credentials.password, arrival=arrival_of(request))
    if isinstance(outcome, Halfway):
        wanted = second_factor_wanted(outcome).as_json()
        set_cookie(wanted, desk.rules, desk.rules.step_cookie, outcome.step)
        return wanted
    return await _signed_in(request, response, outcome)


@router.post("/session/factor", status_code=201, responses=problems(401, 429))
async def show_factor(request: Request, factor: models.Factor, response: Response) -> models.Session:
    """The second step of a sign-in: a code of the authenticator app, or a recovery code."""
    opened = await answer_code(desk_of(request), code=factor.code, arrival=arrival_of(request))
    return await _signed_in(request, response, opened)


async def _signed_in(request: Request, response: Response, opened: Opened) -> models.Session:
    desk = desk_of(request)
    now_ms = desk.session_clock()
    found = await run_in_threadpool(find_open, desk.engine, opened.token, now_ms, desk.rules)
    if found is None:
        raise not_signed_in()
    set_cookie(response, desk.rules, desk.rules.session_cookie, opened.token)
    drop_cookie(response, desk.rules, desk.rules.step_cookie)
    return _session(Known(*found, opened.token, form_token(opened.token), now_ms, visit_of(request)), desk.rules)


def _session(holder: Known, rules: AccessRules) -> models.Session:
    person = holder.person
    return models.Session(
        name=person.name,
        email=person.email,
        role=person.role,
        form_token=holder.form_token,
        second_factor_missing=holder.must_set_up(rules),
    )


@router.get("/session")
def session(holder: Holder, request: Request) -> models.Session:
    """Who has signed in."""
    return _session(holder, desk_of(request).rules)


@router.delete("/session", status_code=204)
def end_session(holder: Holder, request: Request, response: Response) -> None:
    """Sign out."""
    desk = desk_of(request)
    sign_out(desk, holder.token, holder.visit)
    drop_cookie(response, desk.rules, desk.rules.session_cookie)
