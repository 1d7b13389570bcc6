"""Invitations: one link, one account, and every way in which a link is no longer good."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from sqlalchemy import delete, func, select

from server.access.accounts import AccountError
from server.access.acts import Role
from server.people.invitations import (
    VALID_MS,
    InvitationError,
    accept,
    invitations_of,
    invite,
    open_invitation,
    revoke_invitation,
)
from server.people.links import Link, LinkRefusedError
from server.store import reading, writing
from server.store.tables import invitation, patient, user_account
from tests.server.people.conftest import NOW, Practice


def invited(practice: Practice, email: str = "New@Example.org", role: str = "therapist", **more: int | None) -> Link:
    with writing(practice.engine) as db:
        return invite(
            db,
            organisation_id=more.get("organisation_id") or 1,
            email=email,
            role=role,
            patient_id=more.get("patient_id"),
            author_id=practice.administrator,
            now_ms=NOW,
        )


def accepted(practice: Practice, token: str, *, name: str = "Nora New", now_ms: int = NOW) -> int:
    with writing(practice.engine) as db:
        return accept(db, token, name=name, password_hash="hash", now_ms=now_ms)


def test_a_link_makes_the_account_that_was_meant_once(practice: Practice) -> None:
    link = invited(practice)
    with reading(practice.engine) as db:
        shown = open_invitation(db, link.token, NOW)
        assert (shown.email, shown.role, shown.organisation) == (
            "new@example.org",
            Role.THERAPIST,
            "First organisation",
        )
        assert [one.email for one in invitations_of(db, 1, NOW)] == ["new@example.org"]
        assert invitations_of(db, practice.other_organisation, NOW) == []
        assert link.token not in repr(db.execute(select(invitation)).all())
    made = accepted(practice, link.token)
    with reading(practice.engine) as db:
        row = db.execute(select(user_account).where(user_account.c.id == made)).one()
        assert invitations_of(db, 1, NOW) == []
    assert (row.email, row.name, row.role) == ("new@example.org", "Nora New", "therapist")
    assert (row.organisation_id, row.patient_id) == (1, None)
    with pytest.raises(LinkRefusedError):
        accepted(practice, link.token)


def test_a_patients_account_belongs_to_the_patient(practice: Practice) -> None:
    made = accepted(practice, invited(practice, role="patient", patient_id=practice.patient).token)
    with reading(practice.engine) as db:
        row = db.execute(select(user_account).where(user_account.c.id == made)).one()
    assert (row.role, row.patient_id) == ("patient", practice.patient)
    with pytest.raises(InvitationError, match="account already"):
        invited(practice, "second@example.org", "patient", patient_id=practice.patient)


@pytest.mark.parametrize("role", ["therapist", "administrator"])
def test_only_a_patients_account_belongs_to_a_patient(practice: Practice, role: str) -> None:
    made = accepted(practice, invited(practice, role=role, patient_id=practice.patient).token)
    with reading(practice.engine) as db:
        assert db.scalar(select(user_account.c.patient_id).where(user_account.c.id == made)) is None


@pytest.mark.parametrize(
    ("email", "role", "words"),
    [
        ("nobody", "therapist", "no e-mail address"),
        ("a" * 250 + "@x.org", "therapist", "no e-mail address"),
        ("new@example.org", "", "choose a role"),
        ("new@example.org", "owner", "choose a role"),
        ("MARA@example.org", "therapist", "account for mara@example.org already"),
        ("new@example.org", "patient", "choose the patient"),
    ],
)
def test_what_cannot_be_is_said(practice: Practice, email: str, role: str, words: str) -> None:
    with pytest.raises(InvitationError, match=words):
        invited(practice, email, role)


def test_nobody_is_invited_to_a_patient_of_another_organisation(practice: Practice) -> None:
    with pytest.raises(InvitationError, match="choose the patient"):
        invited(practice, role="patient", patient_id=practice.other_patient)


def test_a_link_that_is_old_revoked_replaced_or_made_up_is_refused_alike(practice: Practice) -> None:
    old, revoked = invited(practice, "old@example.org"), invited(practice, "revoked@example.org")
    replaced = invited(practice, "twice@example.org")
    newer = invited(practice, "twice@example.org")
    with writing(practice.engine) as db:
        number = db.scalar(select(invitation.c.id).where(invitation.c.email == "revoked@example.org"))
        assert number is not None
        assert not revoke_invitation(db, practice.other_organisation, number, NOW)
        assert revoke_invitation(db, 1, number, NOW)
        assert not revoke_invitation(db, 1, number, NOW)
    for token, now_ms in ((revoked.token, NOW), (replaced.token, NOW), ("made-up", NOW), (old.token, NOW + VALID_MS)):
        with pytest.raises(LinkRefusedError), reading(practice.engine) as db:
            open_invitation(db, token, now_ms)
        with pytest.raises(LinkRefusedError):
            accepted(practice, token, now_ms=now_ms)
    accepted(practice, old.token, now_ms=NOW + VALID_MS - 1)
    accepted(practice, newer.token)


def test_an_address_that_somebody_got_meanwhile_is_refused_without_saying_so(practice: Practice) -> None:
    """The same person may be invited by two organisations; the second link does not tell of the first account."""
    here = invited(practice, "twice@example.org")
    there = invited(practice, "twice@example.org", organisation_id=practice.other_organisation)
    accepted(practice, here.token)
    with pytest.raises(LinkRefusedError):
        accepted(practice, there.token)


def test_a_link_is_not_spent_by_a_name_that_cannot_be(practice: Practice) -> None:
    link = invited(practice)
    with pytest.raises(AccountError, match="needs a name"):
        accepted(practice, link.token, name="  ")
    accepted(practice, link.token)


def test_of_many_at_once_one_gets_the_account(practice: Practice) -> None:
    link = invited(practice)
    start, made, refused = Barrier(4), [], []

    def try_it() -> None:
        start.wait()
        try:
            made.append(accepted(practice, link.token))
        except LinkRefusedError:
            refused.append(1)

    threads = [Thread(target=try_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 3)
    with reading(practice.engine) as db:
        assert db.scalar(select(func.count()).where(user_account.c.email == "new@example.org")) == 1


def test_the_number_of_an_account_that_is_gone_is_nobodys(practice: Practice) -> None:
    """The audit names accounts by number."""
    made = accepted(practice, invited(practice, role="patient", patient_id=practice.patient).token)
    with writing(practice.engine) as db:
        db.execute(delete(patient).where(patient.c.id == practice.patient))
        assert db.scalar(select(user_account.c.id).where(user_account.c.id == made)) is None
    assert accepted(practice, invited(practice, "later@example.org").token) > made
