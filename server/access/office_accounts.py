"""Accounts and invitations of an organisation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, select

from server.access.accounts import end_sessions, set_disabled
from server.access.acts import Duty, Role
from server.access.duty_entrance import DutyEntrance
from server.access.factors import forget_factors
from server.access.grounds import caring_now
from server.people import invitations, organisations, recoveries
from server.people.invitations import Invitation
from server.people.links import Link
from server.problems import ProblemError, not_found
from server.store.engine import reading
from server.store.tables import care_relation, user_account


@dataclass(frozen=True)
class Account:
    """Somebody's account as an administrator sees it. `patients`: how many are in a therapist's care now."""

    id: int
    name: str
    email: str
    role: Role
    disabled: bool
    patients: int
    own: bool


class OfficeAccounts(DutyEntrance):
    """Who signs in, and who is asked to."""

    def organisation(self) -> str:
        """What one's organisation is called."""
        with reading(self._engine) as db:
            return organisations.organisation_name(db, self._person.organisation_id)

    def rename_organisation(self, name: str) -> None:
        """Call it otherwise. Raises AccountError, ProblemError 403."""
        with self._writing(Duty.MANAGE_PEOPLE, "organisation renamed") as (db, _):
            organisations.rename_organisation(db, self._person.organisation_id, name)

    def accounts(self) -> list[Account]:
        """Everybody's account, by name, those that are disabled last. Raises ProblemError 403."""
        self._enter(Duty.SEE_PEOPLE)
        people, relation = user_account.c, care_relation.c
        with reading(self._engine) as db:
            rows = db.execute(select(user_account).where(people.organisation_id == self._person.organisation_id)).all()
            cared = Counter(db.scalars(select(relation.user_id).where(caring_now(self._now_ms))))
        return [
            Account(
                row.id,
                row.name,
                row.email,
                Role(row.role),
                row.disabled_ms is not None,
                cared[row.id],
                row.id == self._person.id,
            )
            for row in sorted(rows, key=lambda one: (one.disabled_ms is not None, one.name.casefold(), one.id))
        ]

    def invitations(self) -> list[Invitation]:
        """The open invitations, the newest first. Raises ProblemError 403."""
        self._enter(Duty.SEE_PEOPLE)
        with reading(self._engine) as db:
            return invitations.invitations_of(db, self._person.organisation_id, self._now_ms)

    def invite(self, email: str, role: str) -> Link:
        """A one-time link for a colleague to make their account. Raises InvitationError, ProblemError 403."""
        with self._writing(Duty.MANAGE_PEOPLE, "invitation") as (db, _):
            return invitations.invite(
                db,
                organisation_id=self._person.organisation_id,
                email=email,
                role=role,
                patient_id=None,
                author_id=self._person.id,
                now_ms=self._now_ms,
            )

    def revoke_invitation(self, invitation_id: int) -> None:
        """Take an open invitation back. Raises ProblemError 403, 404."""
        with self._writing(Duty.MANAGE_PEOPLE, f"invitation {invitation_id} revoked") as (db, _):
            if not invitations.revoke_invitation(db, self._person.organisation_id, invitation_id, self._now_ms):
                raise not_found("invitation")

    def recovery_link(self, account_id: int) -> tuple[str, Link]:
        """Whose it is (the name), and a one-time link with which they set a new password. Raises ProblemError 403, 404,
        and 409 for a disabled account."""
        with self._writing(Duty.MANAGE_PEOPLE, f"recovery of U-{account_id}") as (db, _):
            name, disabled = self._account(db, account_id)
            if disabled:
                raise ProblemError(409, "The account is disabled", "Enable it first, then make the link.")
            link = recoveries.offer_recovery(
                db, account_id, author_id=self._person.id, valid_ms=recoveries.BY_HAND_MS, now_ms=self._now_ms
            )
            return name, link

    def disable(self, account_id: int) -> None:
        """Nobody signs in with this account from now on, and its sessions end. Raises ProblemError 403, 404, and 409
        for one's own, so that an organisation never loses its last administrator."""
        with self._writing(Duty.MANAGE_PEOPLE, f"U-{account_id} disabled") as (db, _):
            self._account(db, account_id)
            if account_id == self._person.id:
                raise ProblemError(
                    409, "This is your own account", "Ask another administrator to disable it, so that one remains."
                )
            set_disabled(db, account_id, self._now_ms)

    def enable(self, account_id: int) -> None:
        """It can be signed in with again. Raises ProblemError 403, 404."""
        with self._writing(Duty.MANAGE_PEOPLE, f"U-{account_id} enabled") as (db, _):
            self._account(db, account_id)
            set_disabled(db, account_id, None)

    def forget_factors(self, account_id: int) -> None:
        """Take the second factors of somebody away who has lost them and said so in person: the password alone is
        enough again, and all sessions end. Raises ProblemError 403, 404, and 409 for one's own."""
        with self._writing(Duty.MANAGE_PEOPLE, f"second factors of U-{account_id} removed") as (db, _):
            self._account(db, account_id)
            if account_id == self._person.id:
                raise ProblemError(
                    409, "This is your own account", "Change your second factors on your account’s page."
                )
            forget_factors(db, account_id)
            end_sessions(db, account_id)

    def _account(self, db: Connection, account_id: int) -> tuple[str, bool]:
        """Name of an account of this organisation, and whether it is disabled. Raises ProblemError 404."""
        people = user_account.c
        row = db.execute(
            select(people.name, people.disabled_ms).where(
                people.id == account_id, people.organisation_id == self._person.organisation_id
            )
        ).one_or_none()
        if row is None:
            raise not_found("account")
        return row.name, row.disabled_ms is not None
