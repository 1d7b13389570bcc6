"""Drafts, templates, and versions that nothing can change any more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.plans import templates
from server.plans.drafts import (
    FIELDS,
    NoDraftError,
    OutdatedDraftError,
    draft_of,
    drop_draft,
    save_draft,
    send_draft,
)
from server.plans.service import confirm, create_plan, mark_sent, plan_state
from server.plans.templates import CATALOGUE, begin_with, remove_template, save_template, templates_of
from server.plans.types import Draft, InvalidPlanError
from server.plans.validating import validate
from server.store import UnknownPatientError, reading, writing
from server.store.tables import organisation, patient, plan, user_account
from tests.server.plans.conftest import make_author


def save(engine: Engine, patient_id: int, author: int, fields: dict[str, Any], **more: Any) -> Draft:
    with writing(engine) as db:
        return save_draft(
            db, patient_id, author, fields, **{"reason": "a calmer start", "based_on": 0, "now_ms": 5, **more}
        )


def test_a_draft_is_kept_until_it_is_sent_and_is_one_a_patient_and_author(
    engine: Engine, anna: int, author: int
) -> None:
    other = make_author(engine, "Otto")
    assert save(engine, anna, author, {"angle_deg": 4}).problems == (
        ("angle_deg", "must be a whole number from 5 to 60"),
    )
    save(engine, anna, author, {"angle_deg": 14}, now_ms=6)
    save(engine, anna, other, {"angle_deg": 15})
    with reading(engine) as db:
        mine, theirs = draft_of(db, anna, author), draft_of(db, anna, other)
    assert mine is not None
    assert theirs is not None
    assert (mine.fields, mine.changed_ms, mine.problems) == ({"angle_deg": 14}, 6, ())
    assert theirs.fields == {"angle_deg": 15}
    assert plan_state(engine, anna).newest is None, "a draft is nothing that a clip could get"
    with writing(engine) as db:
        made = send_draft(db, anna, author, now_ms=7)
    assert (made.version, made.plan.angle_deg, made.author, made.reason, made.state) == (
        1, 14, "Mara", "a calmer start", "pending",
    )  # fmt: skip
    with writing(engine) as db:
        assert draft_of(db, anna, author) is None
        with pytest.raises(OutdatedDraftError):
            send_draft(db, anna, other, now_ms=8)
        assert drop_draft(db, anna, other)
        assert not drop_draft(db, anna, other)
        with pytest.raises(NoDraftError):
            send_draft(db, anna, other, now_ms=9)


@pytest.mark.parametrize(
    ("fields", "reason", "where"),
    [({"dwell_s": 2}, "because", "dwell_s"), ({"days": []}, "because", "days"), ({}, "  a ", "reason")],
)
def test_a_draft_that_cannot_be_used_says_why_and_stays(
    engine: Engine, anna: int, author: int, fields: dict[str, Any], reason: str, where: str
) -> None:
    assert [name for name, _ in save(engine, anna, author, fields, reason=reason).problems] == [where]
    with pytest.raises(InvalidPlanError) as refused, writing(engine) as db:
        send_draft(db, anna, author, now_ms=9)
    assert [name for name, _ in refused.value.problems] == [where]
    with reading(engine) as db:
        assert draft_of(db, anna, author) is not None
    assert plan_state(engine, anna).newest is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"version": 7}, ""),
        ({"zone": "UTC"}, ""),
        ({"colour": "red"}, ""),
        ({"angle_deg": "9" * 5000}, ""),
        ({"angle_deg": float("nan")}, ""),
        ({}, "x" * 501),
    ],
)
def test_what_can_be_no_draft(engine: Engine, anna: int, author: int, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidPlanError):
        save(engine, anna, author, fields, reason=reason)
    with pytest.raises(UnknownPatientError):
        save(engine, anna + 50, author, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(fields=st.dictionaries(st.sampled_from(sorted(FIELDS)), JSON, max_size=5), reason=st.text(max_size=20))
def test_any_draft_comes_back_as_it_was_and_is_never_sent_with_problems(
    engine: Engine, anna: int, author: int, fields: dict[str, Any], reason: str
) -> None:
    saved = save(engine, anna, author, fields, reason=reason, based_on=len(plan_state(engine, anna).history))
    assert saved.fields == fields
    try:
        with writing(engine) as db:
            made = send_draft(db, anna, author, now_ms=9)
    except InvalidPlanError:
        assert saved.problems
    else:
        assert not saved.problems
        assert validate(made.plan.model_dump()) == made.plan


def test_the_catalogue_begins_usable_plans_from_any_plan() -> None:
    strictest = {"angle_deg": 31, "recovery_deg": 30, "start": "10:00", "end": "11:00", "quiet_start": "10:10"}
    strictest |= {"quiet_end": "10:20", "goals": {"worn_hours": 1}}
    for template in CATALOGUE:
        for fields in ({}, strictest):
            plan = validate({**begin_with(template, fields), "version": 1})
            if fields:
                assert (plan.start, plan.quiet_start, plan.goals.worn_hours) == ("10:00", "10:10", 1), template.key
        assert template.fields.keys() <= FIELDS
        assert len(template.name) <= templates.LONGEST_NAME
        assert len(template.purpose) <= templates.LONGEST_PURPOSE
        assert template.basis
    keys = [template.key for template in CATALOGUE]
    assert len(set(keys)) == len(keys)
    assert not any(template.own for template in CATALOGUE)


def test_an_organisation_keeps_its_own(engine: Engine, author: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(engine) as db:
        other = db.execute(
            insert(organisation).values(name="Other", created_ms=0).returning(organisation.c.id)
        ).scalar_one()
        made = save_template(
            db, 1, author, name="  Our  start ", purpose="As we begin", fields={"angle_deg": 17}, now_ms=5
        )
    with reading(engine) as db:
        assert templates_of(db, 1) == (made, *CATALOGUE)
        assert templates_of(db, other) == CATALOGUE
    assert (made.name, made.own, made.fields["angle_deg"], made.fields["dwell_s"]) == ("Our start", True, 17, 60)
    assert not made.fields.keys() & {"version", "zone", "seed"}, "which are the patient's"
    monkeypatch.setattr(templates, "MOST_OF_ONES_OWN", 2)
    for name, fields, where in (
        ("Our start", {}, "name"),
        ("", {}, "name"),
        ("x" * 61, {}, "name"),
        ("X", {"angle_deg": 4}, "angle_deg"),
        ("X", {"version": 4}, "version"),
    ):
        with pytest.raises(InvalidPlanError, match=where), writing(engine) as db:
            save_template(db, 1, author, name=name, purpose="", fields=fields, now_ms=6)
    with writing(engine) as db:
        save_template(db, 1, author, name="Second", purpose="", fields={}, now_ms=6)
        with pytest.raises(InvalidPlanError, match="there are 2 already"):
            save_template(db, 1, author, name="Third", purpose="", fields={}, now_ms=6)
        assert not remove_template(db, other, made.key)
        for key in ("desk", "own-", "own-x", "own-" + "9" * 40):
            assert not remove_template(db, 1, key)
        assert remove_template(db, 1, made.key)
        assert [template.name for template in templates_of(db, 1) if template.own] == ["Second"]


def test_no_statement_changes_a_version(engine: Engine, anna: int, author: int) -> None:
    other = make_author(engine, "Otto")
    create_plan(engine, anna, {"angle_deg": 12}, author_id=author, reason="first", now_ms=1)
    for values in (
        {"body_json": "{}"},
        {"reason": "another"},
        {"author_id": other},
        {"author_id": None},
        {"version": 7},
        {"created_ms": 2},
    ):
        with pytest.raises(IntegrityError, match="never changes"), writing(engine) as db:
            db.execute(update(plan).values(**values))
    with writing(engine) as db:  # what became of it is another matter
        mark_sent(db, [(anna, 1)], 3)
        confirm(db, anna, 1, 4)
    (version,) = plan_state(engine, anna).history
    assert (version.plan.angle_deg, version.author, version.reason, version.state) == (12, "Mara", "first", "confirmed")
    with writing(engine) as db:
        db.execute(delete(user_account).where(user_account.c.id == author))
    assert plan_state(engine, anna).history[0].author_id is None, "a version outlives its author's account"
    with writing(engine) as db:
        db.execute(delete(patient).where(patient.c.id == anna))
        assert db.execute(select(plan)).all() == []
