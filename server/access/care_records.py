"""A patient's record, and who cares for them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from server.access.accounts import read_name, relate, unrelate
from server.access.acts import Act, Role
from server.access.entrance import Entrance
from server.access.grounds import caring_now
from server.people.invitations import invite
from server.people.links import Link
from server.problems import not_found
from server.store.engine import reading
from server.store.tables import care_relation, patient, user_account


@dataclass(frozen=True)
class Carer:
    """A therapist of the patient's organisation. `since_ms` is from when they care for the patient (UTC), None when
    they do not."""

    account_id: int
    name: str
    since_ms: int | None


class CareRecords(Entrance):
    """What is known of a patient besides measurements."""

    def rename(self, patient_id: int, name: str) -> None:
        """Call the patient otherwise. Raises AccountError, ProblemError 404 or 403."""
        with self._writing(Act.CHANGE_RECORD, patient_id) as (db, _):
            db.execute(update(patient).where(patient.c.id == patient_id).values(name=read_name(name, "a patient")))

    def carers(self, patient_id: int) -> list[Carer]:
        """The therapists who can care for this patient, those who do first. Raises ProblemError 404 or 403."""
        someone = self._enter(Act.MANAGE_CARE, patient_id)
        people, relation = user_account.c, care_relation.c
        with reading(self._engine) as db:
            since = {
                row.user_id: row.start_ms
                for row in db.execute(
                    select(relation.user_id, relation.start_ms).where(
                        relation.patient_id == patient_id, caring_now(self._now_ms)
                    )
                )
            }
            rows = db.execute(
                select(people.id, people.name, people.disabled_ms).where(
                    people.organisation_id == someone.organisation_id, people.role == Role.THERAPIST.value
                )
            ).all()
        found = [Carer(row.id, row.name, since.get(row.id)) for row in rows if not row.disabled_ms or row.id in since]
        return sorted(found, key=lambda one: (one.since_ms is None, one.name.casefold(), one.account_id))

    def begin_care(self, patient_id: int, account_id: int) -> None:
        """From now on a therapist of the organisation cares for the patient. Raises ProblemError 404 or 403."""
        with self._writing(Act.MANAGE_CARE, patient_id, f"U-{account_id} begins") as (db, someone):
            people = user_account.c
            therapist = select(people.id).where(
                people.id == account_id,
                people.organisation_id == someone.organisation_id,
                people.role == Role.THERAPIST.value,
                people.disabled_ms.is_(None),
            )
            if db.scalar(therapist) is None:
                raise not_found("therapist")
            relate(db, account_id, patient_id, self._now_ms)

    def end_care(self, patient_id: int, account_id: int) -> None:
        """From now on no longer. Raises ProblemError 404 or 403."""
        with self._writing(Act.MANAGE_CARE, patient_id, f"U-{account_id} ends") as (db, _):
            if not unrelate(db, account_id, patient_id, self._now_ms):
                raise not_found("therapist")

    def account(self, patient_id: int) -> str | None:
        """The address of the patient's own account, if they have one. Raises ProblemError 404 or 403."""
        self._enter(Act.MANAGE_CARE, patient_id)
        with reading(self._engine) as db:
            email: str | None = db.scalar(select(user_account.c.email).where(user_account.c.patient_id == patient_id))
            return email

    def invite(self, patient_id: int, email: str) -> Link:
        """A one-time link with which the patient makes an account of their own. Raises InvitationError, ProblemError
        404 or 403."""
        with self._writing(Act.MANAGE_CARE, patient_id, "invitation") as (db, someone):
            return invite(
                db,
                organisation_id=someone.organisation_id,
                email=email,
                role=Role.PATIENT,
                patient_id=patient_id,
                author_id=self._person.id,
                now_ms=self._now_ms,
            )
