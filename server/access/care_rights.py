"""What a patient may ask for: consent, who looked, everything that is held, and its erasure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy import Connection, null, select

from server.access.acts import Act, Basis
from server.access.entrance import Entrance
from server.access.grounds import caring_now
from server.audit.chain import Record
from server.audit.looking import Look, entries, looks
from server.problems import ProblemError
from server.rights import consents
from server.rights.consenting import How, Statement
from server.rights.consents import ConsentState
from server.rights.erasing import count_again, erase
from server.rights.exporting import write_export
from server.rights.outstanding import complete
from server.rights.tombstones import Tombstones
from server.store.engine import reading, writing
from server.store.tables import care_relation, emergency_access, user_account


class NotConfirmedError(ValueError):
    """What was typed is not what confirms it."""


@dataclass(frozen=True)
class Looks:
    """Who looked, and the names of those who are still there, by actor (`U-7`)."""

    looks: list[Look]
    names: dict[str, str]


@dataclass(frozen=True)
class Trail:
    """Entries, and names as with `Looks`."""

    entries: list[Record]
    names: dict[str, str]


@dataclass(frozen=True)
class Viewer:
    """Somebody who may see the patient's measurements now; `until_ms` is when emergency access ends, None for who
    treats them."""

    name: str
    until_ms: int | None


class CareRights(Entrance):
    """A patient's rights in what is held about them."""

    def consent(self, patient_id: int) -> ConsentState:
        """How the patient's consent stands. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_RIGHTS, patient_id)
        with reading(self._engine) as db:
            return consents.consent_of(db, patient_id, self._now_ms)

    def consent_now(self, patient_id: int) -> Statement | None:
        """What the patient said last about consent, for who sees the record anyway. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_RECORD, patient_id)
        with reading(self._engine) as db:
            return consents.consent_of(db, patient_id, self._now_ms).now

    def give_consent(
        self, patient_id: int, version: str, on_paper: bool, signed_on: str, tombstones: Tombstones | None
    ) -> None:
        """Note that the patient agrees to the text of this version: the patient, or whoever has the paper or the word.
        Raises ConsentError, TombstoneError, ProblemError 404 or 403."""
        with self._writing(Act.CONSENT, patient_id, "given") as (db, someone):
            consents.give(
                db,
                patient_id,
                version=version,
                how=_how(someone.basis, on_paper=on_paper),
                account_id=self._person.id,
                now_ms=self._now_ms,
                signed_on=signed_on,
                tombstones=tombstones,
            )

    def withdraw_consent(self, patient_id: int, tombstones: Tombstones | None) -> None:
        """From now on nothing of the patient is taken in. Raises TombstoneError, ProblemError 404 or 403."""
        with self._writing(Act.CONSENT, patient_id, "withdrawn") as (db, someone):
            consents.withdraw(
                db,
                patient_id,
                how=_how(someone.basis, on_paper=False),
                account_id=self._person.id,
                now_ms=self._now_ms,
                tombstones=tombstones,
            )

    def looks(self, patient_id: int) -> Looks:
        """Who looked at the patient's data or changed them, the newest first. Raises ProblemError 404 or 403."""
        someone = self._enter(Act.SEE_AUDIT, patient_id)
        with reading(self._engine) as db:
            found = looks(db, someone.pseudonym, someone.zone)
            return Looks(found, _names(db, (one.actor for one in found), someone.organisation_id))

    def trail(self, patient_id: int, after: int, most: int) -> Trail:
        """At most so many entries about the patient's data beyond this number, in order. Raises ProblemError 404 or
        403."""
        someone = self._enter(Act.SEE_AUDIT, patient_id)
        with reading(self._engine) as db:
            found = entries(db, someone.pseudonym, after, most)
            return Trail(found, _names(db, (one.actor for one in found), someone.organisation_id))

    def viewers(self, patient_id: int) -> list[Viewer]:
        """Who may see the patient's measurements at this moment besides the patient, by name. Raises ProblemError 404
        or 403."""
        self._enter(Act.SEE_RIGHTS, patient_id)
        people, relation, access = user_account.c, care_relation.c, emergency_access.c
        treating = (
            select(people.name, null())
            .join(care_relation, relation.user_id == people.id)
            .where(relation.patient_id == patient_id, caring_now(self._now_ms), people.disabled_ms.is_(None))
        )
        helping = (
            select(people.name, access.end_ms)
            .join(emergency_access, access.user_id == people.id)
            .where(access.patient_id == patient_id, access.start_ms <= self._now_ms, access.end_ms > self._now_ms)
            .where(people.disabled_ms.is_(None))
        )
        with reading(self._engine) as db:
            found = {Viewer(name, until_ms) for query in (treating, helping) for name, until_ms in db.execute(query)}
        return sorted(found, key=lambda one: (one.until_ms is not None, one.name.casefold()))

    def export(self, patient_id: int, file: BinaryIO) -> str:
        """Write everything that is held about the patient into a file, as ZIP; returns the pseudonym. Raises
        ProblemError 404 or 403."""
        someone = self._enter(Act.EXPORT, patient_id)
        with reading(self._engine) as db:
            write_export(db, patient_id, file, self._now_ms)
        return someone.pseudonym

    def erase(self, patient_id: int, typed: str, tombstones: Tombstones | None) -> int:
        """Erase the patient; `typed` is their pseudonym, typed again. Returns the number of the erasure. Raises
        NotConfirmedError, TombstoneError, ProblemError 404 or 403, and 503 where no tombstones are kept."""
        with self._writing(Act.ERASE, patient_id) as (db, someone):
            if typed.strip() != someone.pseudonym:
                raise NotConfirmedError(f"Type {someone.pseudonym} to erase this patient.")
            if tombstones is None:
                raise ProblemError(
                    503, "Nobody can be erased here", "This server keeps no tombstones: ask who runs it."
                )
            done = erase(db, patient_id, at_ms=self._now_ms, actor=f"U-{self._person.id}", tombstones=tombstones)
        count_again(self._engine, done, self._now_ms)
        with writing(self._engine) as db:
            complete(db, self._now_ms)
        return done.id


def _names(db: Connection, actors: Iterable[str], organisation_id: int) -> dict[str, str]:
    people = user_account.c
    numbers = {int(actor[2:]) for actor in actors if actor.startswith("U-")}
    query = select(people.id, people.name).where(people.id.in_(numbers), people.organisation_id == organisation_id)
    return {f"U-{row.id}": row.name for row in db.execute(query)}


def _how(basis: Basis, *, on_paper: bool) -> How:
    if basis is Basis.SELF:
        return "account"
    return "paper" if on_paper else "spoken"
