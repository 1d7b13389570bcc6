"""Problems as the document describes them (RFC 9457), and how a route names those of its own."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from server.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

WORDS: Final[dict[int, str]] = {
    400: "The body cannot be read.",
    401: "No session, or a token that is good for nothing.",
    403: "Not for this account, outside the token's scopes, or a writing request without the session's form token.",
    404: "Not there, or not in one's care: the answers do not differ.",
    409: "Something stands against it now; says what.",
    410: "It was there, and is over.",
    413: "The body is too large.",
    422: "Something in the request cannot be used; `errors` says what.",
    429: "Too many requests or attempts; `Retry-After` says how many seconds to wait.",
    500: "Something failed here; nothing was changed.",
    503: "Not possible now, or not on this server.",
}
_HEADERS: Final = {
    401: {"WWW-Authenticate": {"description": "How programs show who they are.", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}},
}


class ProblemField(BaseModel):
    """One field that cannot be used, and what would be accepted."""

    field: str
    detail: str


class Problem(BaseModel):
    """Why a request was not answered as asked, and what to do about it. Some types have members of their own."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`about:blank`, or a name by which programs know what they can do.")
    title: str
    status: int
    detail: str
    errors: list[ProblemField] = []


def problems(*codes: int) -> Responses:
    """Problems of a route beyond those that its parameters, body and sign-in bring with them."""
    return {code: described(code) for code in codes}


def described(code: int) -> dict[str, Any]:
    """The description of one problem."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    headers = {"headers": _HEADERS[code]} if code in _HEADERS else {}
    return {"description": WORDS[code], **headers, "content": content}
