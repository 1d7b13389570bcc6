"""The web application: pages for people, JSON for machines, and the guards around both."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Lifespan, Scope

from server.access.attempts import Attempts
from server.access.clinic import ClinicSignIn
from server.access.compressing import Compressing
from server.access.headers import SECURITY, BodyLimit, SameSiteOnly, SecurityHeaders
from server.access.passwords import Passwords
from server.access.rules import AccessRules
from server.access.sealing import SecretBox
from server.access.web import Desk, Known, known_on_the_way
from server.api.document import describe
from server.api.prefix import PREFIX
from server.api.routes import router as api
from server.enrolment.doorkeeper import Doorkeeper
from server.language import speaking
from server.methods import methods_at
from server.operation.health import Readiness
from server.operation.routes import Operation, metrics_router
from server.operation.routes import router as operation_router
from server.operation.watching import Watching, template
from server.pages import (
    account,
    clip,
    computers,
    emergency,
    joining,
    languages,
    overview,
    own,
    pain,
    people,
    planning,
    routes,
    shell,
    signing,
    starting,
    taking_in,
    today,
    tokens,
    urgent,
    weeks,
)
from server.pages.files import LocalFiles
from server.pages.languages import Languages, wanted
from server.pages.render import problem_page, wants_page
from server.pages.rights import router as rights
from server.pages.signing import page_before
from server.people.mail import Mailer
from server.problems import FieldError, ProblemError, busy, from_other_site, of_status
from server.reports.routes import router as reports
from server.rights.tombstones import Tombstones
from server.store import UNUSABLE

log: Final = logging.getLogger(__name__)


def create_app(
    engine: Engine,
    clock: Callable[[], int],
    *,
    session_clock: Callable[[], int] | None = None,
    rules: AccessRules | None = None,
    passwords: Passwords | None = None,
    doorkeeper: Doorkeeper | None = None,
    lifespan: Lifespan[FastAPI] | None = None,
    operation: Operation | None = None,
    box: SecretBox | None = None,
    clinic: ClinicSignIn | None = None,
    mailer: Mailer | None = None,
    tombstones: Tombstones | None = None,
) -> FastAPI:
    """The application over a migrated database. `clock` tells UTC milliseconds; `session_clock` too, for sessions and
    sign-in limits alone, where the data's time is simulated. Nothing else here knows the time. `doorkeeper` keeps the
    broker's accounts; without one no computer can be connected. `operation` is what supervisors ask. `box` seals the
    secrets of authenticator apps; without one there are none. `clinic` is the sign-in by the clinic's own accounts.
    `mailer` sends links to people who cannot sign in. `tombstones` outlive the database; without them nobody can be
    erased.

    It starts nothing by itself: a station that also takes in messages passes a `lifespan` that does.
    """
    rules = rules or AccessRules()
    operation = operation or Operation(Readiness(engine))
    app = FastAPI(
        title="Plumbline",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # the usual pages load their scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.desk = Desk(
        engine,
        clock,
        session_clock or clock,
        rules,
        passwords or Passwords(),
        Attempts(rules.attempts),
        Attempts(rules.codes),
        doorkeeper,
        Attempts(rules.factors),
        Attempts(rules.questions),
        Attempts(rules.programs),
        box,
        clinic,
        mailer,
        tombstones=tombstones,
    )
    app.state.operation = operation
    app.include_router(operation_router)
    if operation.token:
        app.include_router(metrics_router)
    app.include_router(api)
    app.include_router(signing.router)
    app.include_router(account.router)
    app.include_router(tokens.router)
    app.include_router(today.router)
    app.include_router(routes.router)
    app.include_router(weeks.router)
    app.include_router(overview.router)
    app.include_router(reports)
    app.include_router(planning.router)
    app.include_router(computers.router)
    app.include_router(people.router)
    app.include_router(joining.router)
    app.include_router(emergency.router)
    app.include_router(own.router)
    for routes_of_ones_own in (pain, urgent, clip, starting, shell):
        app.include_router(routes_of_ones_own.router)
    app.include_router(rights)
    app.include_router(taking_in.router)
    app.include_router(languages.router)
    describe(app, rules, PREFIX)
    app.mount("/static", LocalFiles(), name="static")
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    for unusable in UNUSABLE:
        app.add_exception_handler(unusable, _on_unusable)
    app.add_exception_handler(Exception, _on_crash)
    app.add_middleware(BodyLimit)
    app.add_middleware(SameSiteOnly, refuse=_refuse_other_site)
    app.add_middleware(Languages)
    app.add_middleware(Compressing)
    app.add_middleware(SecurityHeaders, secure=rules.secure)
    app.add_middleware(Watching, metrics=operation.metrics)
    return app


def _answer(request: Request, problem: ProblemError, somebody: Known | None = None) -> Response:
    if not wants_page(request):
        return problem.as_json()
    if problem.leads_to:
        came_from = page_before(request) if problem.and_back else ""
        return RedirectResponse(problem.leads_to + (f"?next={quote(came_from)}" if came_from else ""), 303)
    if problem.status == 401 and request.method == "GET":
        return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
    return problem_page(problem, somebody)


async def _asker(request: Request) -> Known | None:
    return await known_on_the_way(request) if wants_page(request) else None


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class
    return _answer(request, error, await _asker(request))


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    places = [(".".join(str(part) for part in item["loc"][1:]), str(item["msg"])) for item in error.errors()]
    detail = "Change what is named here and send it again: " + "; ".join(
        f"{name or 'body'}: {words}" for name, words in places
    )
    fields = [FieldError(name or "body", words) for name, words in places]
    problem = ProblemError(422, "The request cannot be used", detail[:1000], fields)
    return _answer(request, problem, await _asker(request))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    response = _answer(request, of_status(error.status_code), await _asker(request))
    response.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["allow"] = methods_at(request.app, request.url.path)
    return response


async def _on_unusable(request: Request, error: Exception) -> Response:
    log.error("the database could not be used for %s", template(request.scope), exc_info=error)
    return _answer(request, busy())


async def _on_crash(request: Request, error: Exception) -> Response:
    log.error("request to %s failed", template(request.scope), exc_info=error)
    detail = "It has been noted. Nothing was changed; try again in a minute."
    with speaking(wanted(request.headers)):
        response = _answer(request, ProblemError(500, "Something failed here", detail))
    response.headers.update(SECURITY)  # this answer is made outside the guards
    return response


def _refuse_other_site(scope: Scope) -> Response:
    return _answer(Request(scope), from_other_site())
