"""Consent in the store: what a patient said, and saying it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, insert, select

from server.rights import texts
from server.rights.consenting import How, Kind, Statement, in_force
from server.rights.tombstones import Said, Tombstones
from server.store.tables import consent, patient

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class ConsentError(ValueError):
    """Consent cannot be recorded so; the message says why."""


@dataclass(frozen=True)
class ConsentState:
    """`now` is what holds, None where nothing was ever recorded; `said` all of it, the newest first; `asked` the text
    that is asked for now."""

    now: Statement | None
    said: tuple[Statement, ...]
    asked: texts.ConsentText

    @property
    def given(self) -> bool:
        """Consent is given, whichever text it was."""
        return self.now is not None and self.now.kind == "given"

    @property
    def outdated(self) -> bool:
        """Consent is given, but to an earlier text than is asked for now."""
        return self.given and self.now is not None and self.now.version != self.asked.version


def consent_of(db: Connection, patient_id: int, now_ms: int) -> ConsentState:
    """How a patient's consent stands."""
    c = consent.c
    rows = db.execute(select(consent).where(c.patient_id == patient_id).order_by(c.at_ms, c.kind))
    said = [
        Statement(
            row.at_ms,
            row.kind,
            row.how,
            row.version,
            row.signed_on,
            None if row.account_id is None else f"U-{row.account_id}",
        )
        for row in rows
    ]
    return ConsentState(in_force(said, now_ms), tuple(reversed(said)), texts.newest(db))


def give(
    db: Connection,
    patient_id: int,
    *,
    version: str,
    how: How,
    account_id: int | None,
    now_ms: int,
    signed_on: str = "",
    tombstones: Tombstones | None = None,
) -> None:
    """The patient agrees to the text of this version, from now on. `signed_on` is the date on a paper, ISO. Raises
    ConsentError, TombstoneError."""
    asked = texts.newest(db)
    if version != asked.version:
        raise ConsentError("Another text is asked for by now. Read it, and then record the consent to it.")
    if how == "paper" and not _is_date(signed_on, now_ms):
        raise ConsentError("Write the date on the paper as year-month-day, not later than today.")
    texts.keep(db, asked)
    more = {"version": version, "signed_on": signed_on if how == "paper" else None}
    _say(db, patient_id, "given", how, account_id, now_ms, tombstones, more)


def withdraw(
    db: Connection,
    patient_id: int,
    *,
    how: How,
    account_id: int | None,
    now_ms: int,
    tombstones: Tombstones | None,
) -> None:
    """The patient takes consent back: from now on nothing of theirs is taken in. Said again it changes nothing. Raises
    TombstoneError."""
    now = consent_of(db, patient_id, now_ms).now
    if now is None or now.kind != "withdrawn":
        _say(db, patient_id, "withdrawn", how, account_id, now_ms, tombstones, {})


def _say(
    db: Connection,
    patient_id: int,
    kind: Kind,
    how: How,
    account_id: int | None,
    now_ms: int,
    tombstones: Tombstones | None,
    more: dict[str, str | None],
) -> None:
    # The patient's row is the lock: two that are said at once come one after the other.
    query = select(patient.c.pseudonym).where(patient.c.id == patient_id).with_for_update()
    pseudonym: str = db.execute(query).scalar_one()
    before = db.scalar(
        select(consent.c.at_ms).where(consent.c.patient_id == patient_id).order_by(consent.c.at_ms.desc()).limit(1)
    )
    at_ms = now_ms if before is None else max(now_ms, before + 1)
    values = {"patient_id": patient_id, "at_ms": at_ms, "kind": kind, "how": how, "account_id": account_id, **more}
    db.execute(insert(consent).values(values))
    if tombstones is not None:
        tombstones.add([Said(pseudonym=pseudonym, at_ms=at_ms, kind=kind)])


def _is_date(text: str, now_ms: int) -> bool:
    if not _ISO.fullmatch(text):
        return False
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return date(1900, 1, 1) <= day and (day - date(1970, 1, 1)).days <= now_ms // 86_400_000 + 1
