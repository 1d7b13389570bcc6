"""The language that is spoken to people, and what the catalogues say in it.

English stands in the source; every other language has a catalogue of gettext in `catalogues/`. Nothing has to be told
the language: `speaking` sets it for what runs within, such as a request.
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

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

CATALOGUES: Final = Path(__file__).parent / "catalogues"
SOURCE: Final = "en"
LANGUAGES: Final = {SOURCE: "English", "de": "Deutsch"}
"""Tag and own name of each language."""
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
