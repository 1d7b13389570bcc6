"""Answers that a program need not be sent again: a strong ETag, made of the content (RFC 9110, 8.8.3)."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Response
from pydantic import BaseModel, TypeAdapter

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')

ETAG: Final = {"ETag": {"description": "Changes with the content alone.", "schema": {"type": "string"}}}
UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": ETAG},
    304: {"description": "As it was when it had the ETag of `If-None-Match`.", "headers": ETAG},
}


def tag_of(body: bytes) -> str:
    """The ETag of an answer."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches(wanted: str | None, tag: str) -> bool:
    """Whether `If-None-Match` says that what has `tag` is there already (weak comparison, RFC 9110, 13.1.2)."""
    if wanted is None:
        return False
    return wanted.strip() == "*" or tag in _TAG.findall(wanted)


def answer(content: BaseModel | list[Any], wanted: str | None, response: Response) -> Response:
    """`content` as JSON, or 304 without it, with the headers that `response` has by now."""
    kind: TypeAdapter[Any] = TypeAdapter(list[Any] if isinstance(content, list) else type(content))
    body = kind.dump_json(content)
    tag = tag_of(body)
    unchanged = matches(wanted, tag)
    made = Response(None if unchanged else body, 304 if unchanged else 200, media_type="application/json")
    if unchanged:
        del made.headers["content-type"]
    for name in ("link",):
        if name in response.headers:
            made.headers[name] = response.headers[name]
    made.headers["etag"] = tag
    return made


def _wanted(
    if_none_match: Annotated[str | None, Header(max_length=4000, description="ETags of what is there already.")] = None,
) -> str | None:
    return if_none_match


IfNoneMatch = Annotated[str | None, Depends(_wanted)]
