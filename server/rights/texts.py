"""The texts that people agree to. The package brings one; a clinic that publishes its own has everybody asked anew."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, select

from server.store.tables import consent_text
from server.store.upsert import upsert

_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}")


class ConsentTextError(ValueError):
    """A text cannot be published so; the message says why."""


@dataclass(frozen=True)
class ConsentText:
    """A version of what is agreed to, what it is for, and its words, paragraphs apart by empty lines."""

    version: str
    purpose: str
    body: str

    @property
    def paragraphs(self) -> list[str]:
        """The text, paragraph by paragraph."""
        return [" ".join(part.split()) for part in re.split(r"\n\s*\n", self.body) if part.strip()]


OF_THE_PACKAGE: Final = ConsentText(
    "plumbline-1",
    "Measuring posture, for treatment",
    (Path(__file__).parent / "consent_text.md").read_text(encoding="utf-8"),
)
"""What is asked for until a clinic publishes its own text."""


def newest(db: Connection) -> ConsentText:
    """What is asked for now."""
    c = consent_text.c
    published = select(consent_text).where(c.created_ms > 0)  # and not only kept because somebody agreed to it
    row = db.execute(published.order_by(c.created_ms.desc(), c.version.desc()).limit(1)).one_or_none()
    return OF_THE_PACKAGE if row is None else ConsentText(row.version, row.purpose, row.body)


def publish(db: Connection, text: ConsentText, now_ms: int) -> None:
    """From now on this is what is asked for. Raises ConsentTextError where it cannot be, or where there is a text of
    this version already: what people agreed to never changes."""
    if not _VERSION.fullmatch(text.version):
        raise ConsentTextError("a version is up to 40 letters, digits, dots, hyphens and underscores, like 2026-11")
    if not text.purpose.strip() or len(text.purpose) > 200:
        raise ConsentTextError("a text needs a purpose of at most 200 characters")
    if not text.paragraphs:
        raise ConsentTextError("the text is empty")
    if text.version == OF_THE_PACKAGE.version or db.scalar(
        select(consent_text.c.version).where(consent_text.c.version == text.version)
    ):
        raise ConsentTextError(f"there is a text {text.version} already; a changed text needs another version")
    values = {"version": text.version, "purpose": text.purpose.strip(), "body": text.body, "created_ms": now_ms}
    db.execute(insert(consent_text).values(values))


def keep(db: Connection, text: ConsentText) -> None:
    """Have the store hold the text that somebody agrees to, also where it is the package's: a later package may bring
    another."""
    values = {"version": text.version, "purpose": text.purpose, "body": text.body, "created_ms": 0}
    db.execute(upsert(db, consent_text).values(values).on_conflict_do_nothing(index_elements=["version"]))
