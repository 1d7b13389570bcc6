"""Recovery: a link that sets a password once, ends every session, and serves nobody else."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from server.access import steps
from server.access.accounts import credentials, set_disabled, set_password
from server.access.rules import AccessRules
from server.access.sessions import find_session, open_session
from server.people.invitations import invitations_of, invite
from server.people.links import Link, LinkRefusedError
from server.people.recoveries import BY_HAND_MS, BY_MAIL_MS, offer_by_mail, offer_recovery, open_recovery, recover
from server.store import reading, writing
from server.store.tables import recovery
from tests.server.people.conftest import NOW, Practice
from tests.server.transactions import committed


def offered(practice: Practice, user_id: int, *, now_ms: int = NOW) -> Link:
    with writing(practice.engine) as db:
        return offer_recovery(db, user_id, author_id=practice.administrator, valid_ms=BY_HAND_MS, now_ms=now_ms)


def recovered(practice: Practice, token: str, *, now_ms: int = NOW, kept: str = "new hash") -> int:
    with writing(practice.engine) as db:
        return recover(db, token, password_hash=kept, now_ms=now_ms)


def test_a_link_sets_the_password_once_and_ends_every_session(practice: Practice) -> None:
    rules = AccessRules()
    own = [committed(open_session)(practice.engine, practice.therapist, NOW, rules) for _ in range(2)]
    other = committed(open_session)(practice.engine, practice.administrator, NOW, rules)
    link = offered(practice, practice.therapist)
    with reading(practice.engine) as db:
        assert open_recovery(db, link.token, NOW).email == "mara@example.org"
        assert link.token not in repr(db.execute(select(recovery)).all())
    assert recovered(practice, link.token) == practice.therapist
    found = credentials(practice.engine, "mara@example.org")
    assert found is not None
    assert found.password_hash == "new hash"
    assert [find_session(practice.engine, token, NOW, rules) for token in own] == [None, None]
    assert find_session(practice.engine, other, NOW, rules) is not None
    with pytest.raises(LinkRefusedError):
        recovered(practice, link.token, kept="another")


def test_a_link_that_is_old_replaced_or_made_up_is_refused_alike(practice: Practice) -> None:
    replaced = offered(practice, practice.therapist)
    newer = offered(practice, practice.therapist)
    for token, now_ms in ((replaced.token, NOW), ("made-up", NOW), (newer.token, NOW + BY_HAND_MS)):
        with pytest.raises(LinkRefusedError):
            recovered(practice, token, now_ms=now_ms)
    assert recovered(practice, newer.token, now_ms=NOW + BY_HAND_MS - 1) == practice.therapist


def test_a_disabled_account_is_not_recovered(practice: Practice) -> None:
    link = offered(practice, practice.therapist)
    with writing(practice.engine) as db:
        set_disabled(db, practice.therapist, NOW)
        assert offer_by_mail(db, "mara@example.org", NOW) is None
    with pytest.raises(LinkRefusedError):
        recovered(practice, link.token)


def test_by_mail_it_is_shorter_and_only_for_who_is_there(practice: Practice) -> None:
    with writing(practice.engine) as db:
        assert offer_by_mail(db, "nobody@example.org", NOW) is None
        assert db.scalar(select(func.count()).select_from(recovery)) == 0
        made = offer_by_mail(db, " MARA@example.org", NOW)
        assert made is not None
    account, link = made
    assert (account, link.expires_ms) == (practice.therapist, NOW + BY_MAIL_MS)


def test_a_changed_password_ends_links_and_sign_ins_that_are_half_done(practice: Practice) -> None:
    link, kept = offered(practice, practice.therapist), offered(practice, practice.administrator)
    committed(steps.begin)(practice.engine, "half way", steps.Purpose.FACTOR, NOW, user_id=practice.therapist)
    with writing(practice.engine) as db:
        set_password(db, practice.therapist, "new hash", NOW)
        assert open_recovery(db, kept.token, NOW).email == "vera@example.org"
    assert committed(steps.find)(practice.engine, "half way", steps.Purpose.FACTOR, NOW) is None
    with pytest.raises(LinkRefusedError):
        recovered(practice, link.token, kept="another")


def test_a_disabled_account_leaves_no_way_in_behind(practice: Practice) -> None:
    link = offered(practice, practice.therapist)
    with writing(practice.engine) as db:
        for author, name in ((practice.administrator, "later"), (practice.therapist, "stays")):
            invite(
                db,
                organisation_id=1,
                email=f"{name}@example.org",
                role="administrator",
                patient_id=None,
                author_id=author,
                now_ms=NOW,
            )
        set_disabled(db, practice.administrator, NOW)
        assert [one.email for one in invitations_of(db, 1, NOW)] == ["stays@example.org"]
    with pytest.raises(LinkRefusedError):
        recovered(practice, link.token)


def test_a_link_to_an_account_does_not_outlive_its_being_disabled(practice: Practice) -> None:
    link = offered(practice, practice.therapist)
    with writing(practice.engine) as db:
        set_disabled(db, practice.therapist, NOW)
        set_disabled(db, practice.therapist, None)
    with pytest.raises(LinkRefusedError):
        recovered(practice, link.token)
