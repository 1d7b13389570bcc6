"""Every catalogue has all that is said to people, says it whole, and nothing else.

`PLUMBLINE_REWRITE=1` puts what is missing into the catalogues, untranslated, and takes out what nobody says any more.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import server
from server.language import CATALOGUES, LANGUAGES, SOURCE
from server.pages import words

ROOT = Path(server.__file__).parent
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2), "counted": (2, 3)}
PLACE = re.compile(r"%\(\w+\)s|\{\w*\}|<[^>]+>|%%")
FRIGHTENING = {
    "de": re.compile(
        r"\b(schlecht\w*|falsch\w*|schaden|schäd\w+|fehlerhaft\w*|krumm\w*|verschleiß\w*|fehlhaltung\w*|"
        r"(korrekt|gut|richtig|perfekt)e[rn]? haltung)\b",
        re.IGNORECASE,
    )
}
HEADERS = {"Language", "Plural-Forms", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
TRANSLATED = [tag for tag in LANGUAGES if tag != SOURCE]


@cache
def said() -> dict[str, tuple[str | tuple[str, ...], set[str]]]:
    """What is said, by its singular: the message itself, and the files that say it."""
    found: dict[str, tuple[str | tuple[str, ...], set[str]]] = {}
    for file, _, message, _, _ in extract_from_dir(ROOT, METHODS, OPTIONS, KEYWORDS):
        one = message if isinstance(message, str) else message[0]
        before, files = found.setdefault(one, (message, set()))
        if isinstance(before, str) and not isinstance(message, str):
            found[one] = (message, files)
        files.add(f"server/{file}")
    return found


def catalogue(tag: str) -> Catalog:
    with (CATALOGUES / f"{tag}.po").open("rb") as file:
        return read_po(file, locale=tag)


def rewrite(tag: str, before: Catalog) -> None:
    after = Catalog(locale=tag)
    for one, (message, files) in sorted(said().items()):
        old = before.get(one)
        after.add(message, old.string if old else "", [(name, 0) for name in sorted(files)])
    plain = {name: value for name, value in after.mime_headers if name in HEADERS}
    with (CATALOGUES / f"{tag}.po").open("wb") as file:
        lines = "".join(f'"{name}: {value}\\n"\n' for name, value in plain.items())
        file.write(f'msgid ""\nmsgstr ""\n{lines}\n'.encode())
        write_po(file, after, width=120, omit_header=True, include_lineno=False)


def forms(message: Message) -> list[tuple[str, str]]:
    """(what is said, what it is in the other language) of each form."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    assert isinstance(message.string, tuple | list)
    return list(zip(message.id, message.string, strict=True))


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_catalogue_has_what_is_said_and_nothing_else(tag: str) -> None:
    found = catalogue(tag)
    if os.environ.get("PLUMBLINE_REWRITE"):
        rewrite(tag, found)
        found = catalogue(tag)
    known = {message.id if isinstance(message.id, str) else message.id[0] for message in found if message.id}
    assert known - said().keys() == set(), "said no more"
    assert said().keys() - known == set(), "not in the catalogue"
    assert len(known) > 1000


@pytest.mark.parametrize("tag", TRANSLATED)
def test_everything_is_said_in_the_other_language_too(tag: str) -> None:
    for message in catalogue(tag):
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        for ours, theirs in forms(message):
            assert theirs.strip(), message.id
            assert theirs.startswith(" ") == ours.startswith(" "), message.id
            assert theirs.endswith(" ") == ours.endswith(" "), message.id
            assert not FRIGHTENING[tag].search(theirs), theirs


@pytest.mark.parametrize("tag", TRANSLATED)
def test_every_place_for_a_value_and_every_mark_stays(tag: str) -> None:
    """The singular may leave the number out: "one" needs none."""
    for message in catalogue(tag):
        for number, (ours, theirs) in enumerate(forms(message) if message.id else ()):
            lost = set(PLACE.findall(ours)) ^ set(PLACE.findall(theirs))
            may_go = {"{n}", "%(num)s", "%(n)s"} if number == 0 and not isinstance(message.id, str) else set()
            assert lost <= may_go, (ours, theirs)


@pytest.mark.parametrize("pattern", [words.LONG_DAY, words.FULL_DAY, words.DAY, words.MOMENT, words.WEEKDAY_MOMENT])
@pytest.mark.parametrize("tag", TRANSLATED)
def test_patterns_of_dates_keep_their_parts(tag: str, pattern: str) -> None:
    theirs = catalogue(tag).get(pattern)
    assert theirs is not None
    assert re.findall(r"[A-Za-z]+", str(theirs.string)) == re.findall(r"[A-Za-z]+", pattern)
