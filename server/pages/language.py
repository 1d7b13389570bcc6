"""The language of an answer: which one a request gets, and what the catalogues say in it.

English stands in the source; every other language has a catalogue of gettext in `catalogues/`. The language belongs to
a request, so that nothing has to be told it: `speaking` sets it for what runs within.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CATALOGUES: Final = Path(__file__).parent / "catalogues"
SOURCE: Final = "en"
LANGUAGES: Final = {SOURCE: "English", "de": "Deutsch"}
"""Tag and own name of each language."""
COOKIE: Final = "language"
"""Where a browser keeps the language that somebody chose."""
_language: Final[ContextVar[str]] = ContextVar("language", default=SOURCE)


def language() -> str:
    """Tag of the language that is spoken now."""
    return _language.get()


def locale() -> Locale:
    """How that language writes dates and numbers."""
    return Locale("en", "GB") if language() == SOURCE else Locale.parse(language())


@contextmanager
def speaking(tag: str) -> Iterator[None]:
    """Let what runs within speak the language `tag`. Raises ValueError for one that there is not."""
    if tag not in LANGUAGES:
        msg = f"no language {tag!r}; there are {', '.join(LANGUAGES)}"
        raise ValueError(msg)
    before = _language.set(tag)
    try:
        yield
    finally:
        _language.reset(before)


def gettext(message: str) -> str:
    """`message` in the language that is spoken."""
    return _catalogue(language()).gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """`one` or `many`, in the form that the language has for `count`."""
    return _catalogue(language()).ngettext(one, many, count)


def N_(message: str) -> str:  # noqa: N802 - the name that everybody knows it by
    """Mark a constant for the catalogues; it is translated where it is used."""
    return message


@cache
def _catalogue(tag: str) -> NullTranslations:
    if tag == SOURCE:
        return NullTranslations()
    with (CATALOGUES / f"{tag}.po").open("rb") as file:
        messages = read_po(file, locale=tag)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return GNUTranslations(compiled)


def wanted(headers: Headers) -> str:
    """The language for a request: what was chosen in this browser, else the first there is of those asked for."""
    chosen = cookie_parser(headers.get("cookie", "")).get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    asked = sorted(_asked(headers.get("accept-language", "")), key=lambda one: -one[1])
    return negotiate_locale([tag for tag, weight in asked if weight > 0], list(LANGUAGES), sep="-") or SOURCE


def _asked(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        tag, _, parameter = part.partition(";")
        try:
            weight = float(parameter.partition("=")[2] or 1)
        except ValueError:
            continue
        yield tag.strip(), weight


class Languages:
    """Lets each request be answered in its language, and names it in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. Programs are always answered in English."""
        if scope["type"] != "http" or scope["path"].startswith(("/api/", "/static/")):
            await self._app(scope, receive, send)
            return

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("content-language", language())
            await send(message)

        with speaking(wanted(Headers(scope=scope))):
            await self._app(scope, receive, named)
