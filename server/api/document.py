"""The OpenAPI document: what FastAPI knows of the routes, completed by what their parameters, bodies and sign-in mean
for every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from server.access.rules import AccessRules
from server.access.scopes import WORDS
from server.access.web import TOKEN_HEADER, known, signed_in
from server.api.needs import ways_in
from server.api.problem import Problem, described

SUMMARY: Final = "Patients, their days and their plans, for programs."
DESCRIPTION: Final = """\
Times are UTC milliseconds (`*_ms`), durations seconds (`*_s`), angles degrees (`*_deg`), shares 0 to 1.

**Who may come.** A program shows a token (`Authorization: Bearer plt_…`) that its owner made on the account's page. A
token can do what its owner can do, as far as its scopes go, until it expires. Cookies then count for nothing, and no
form token is needed. A browser shows the session's cookie, and `X-Form-Token` when it writes. With each operation stand
the ways in, of which one is enough: with `token` all the scopes that it must have; where there is no `token`, no token
comes in.

Scopes: {scopes}.

**Lists** come in parts of `limit`; the header `Link` with `rel="next"` leads to the next. **Problems** are
`application/problem+json` (RFC 9457); their `detail` says what to do. Within this version things are only added: leave
out what you do not know.
"""
_TAGS: Final = {
    "patients": "Those whom one may see, and what they wear.",
    "days": "What was measured.",
    "plan": "What was prescribed.",
    "rights": "Consent, who looked, and everything that is held about a patient.",
    "operation": "What was refused and what somebody should look at, for administrators.",
    "tokens": "One's own tokens, by a session.",
    "session": "Signing in and out, for browsers and for programs that a person uses.",
    "gateways": "Connecting a patient's computer.",
    "server": "The server itself.",
}
_WRITES: Final = frozenset({"post", "put", "patch", "delete"})


def describe(app: FastAPI, rules: AccessRules, prefix: str) -> None:
    """Let `app` tell the completed document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, rules, prefix)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def api_routes(holder: Any, prefix: str) -> Iterator[APIRoute]:
    """The routes of the API, those of included routers, too."""
    for route in holder.routes:
        if isinstance(route, APIRoute):
            if route.path.startswith(prefix) and route.include_in_schema:
                yield route
        elif hasattr(route, "original_router"):
            yield from api_routes(route.original_router, prefix)


def _document(app: FastAPI, rules: AccessRules, prefix: str) -> dict[str, Any]:
    scopes = "; ".join(f"`{scope}` ({words})" for scope, words in WORDS.items())
    document = get_openapi(
        title=app.title,
        version=version("plumbline"),
        summary=SUMMARY,
        description=DESCRIPTION.format(scopes=scopes),
        routes=app.routes,
        tags=[{"name": name, "description": words} for name, words in _TAGS.items()],
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    made = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(made.pop("$defs", {}), Problem=made)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of a program, `plt_…`."},
        "session": {"type": "apiKey", "in": "cookie", "name": rules.session_cookie},
        "formToken": {"type": "apiKey", "in": "header", "name": TOKEN_HEADER, "description": "Of `GET session`."},
    }
    for route in api_routes(app, prefix):
        for method in route.methods or ():
            _complete(document["paths"][route.path_format][method.lower()], route, method.lower())
    for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own answers, which are never given here
        schemas.pop(unused, None)
    return document


def _complete(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    calls = set(_calls(route.dependant))
    by_session = known in calls
    by_token = signed_in in calls and not by_session
    session: dict[str, list[str]] = {"session": [], "formToken": []} if method in _WRITES else {"session": []}
    if by_token or by_session:
        operation["security"] = [session, *({"token": way} for way in ways_in(route, operation))]
    codes = {500}
    if by_token or by_session:
        codes |= {401, 403}
    if by_token:
        codes.add(429)
    if method in _WRITES:
        codes.add(403)
    if operation.get("parameters"):
        codes.add(422)
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        codes.add(404)
    if "requestBody" in operation:
        codes |= {400, 413, 422}
    responses = operation["responses"]
    for code in codes:
        responses[str(code)] = described(code)
    operation["responses"] = {code: responses[code] for code in sorted(responses)}


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    for inner in dependant.dependencies:
        if inner.call is not None:
            yield inner.call
        yield from _calls(inner)
