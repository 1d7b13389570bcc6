"""Consent: the rule of what is refused, and what the store and ingest make of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from server.rights import texts
from server.rights.consenting import Statement, in_force, refused
from server.rights.consents import ConsentError, consent_of, give, withdraw
from server.rights.texts import OF_THE_PACKAGE, ConsentText, ConsentTextError
from server.rights.tombstones import Said
from server.store import reading, writing
from server.store.tables import consent_text, epoch_hour, quarantine, unplaced_epoch
from tests.server.rights.homes import DAY, T0, Home, one_of_each, record

TIMES = st.integers(0, 40)
SAID = st.lists(st.builds(Statement, TIMES, st.sampled_from(["given", "withdrawn"]), st.just("paper")), max_size=6)


def plainly_withdrawn(said: list[Statement], at: int) -> bool:
    """The same walked through second by second."""
    holds = ""
    for moment in range(at + 1):
        kinds = [one.kind for one in said if one.at_ms == moment]
        if kinds:
            holds = "withdrawn" if "withdrawn" in kinds else "given"
    return holds == "withdrawn"


@given(SAID, TIMES, TIMES)
def test_nothing_measured_or_received_under_a_withdrawal_is_taken(said: list[Statement], utc: int, now: int) -> None:
    assert refused(said, utc, now) == (plainly_withdrawn(said, utc) or plainly_withdrawn(said, now))
    assert refused(said, None, now) == any(one.kind == "withdrawn" for one in said)


def test_before_anything_was_said_nothing_is_refused() -> None:
    assert in_force([], 9) is None
    assert not refused([], None, 9)
    assert not refused([Statement(5, "given", "paper")], 3, 9)


def _give(home: Home, at: int, how: str = "spoken", **more: str) -> None:
    with writing(home.engine) as db:
        version = more.pop("version", texts.newest(db).version)
        give(db, home.anna, version=version, how=how, account_id=None, now_ms=at, tombstones=home.tombstones, **more)  # type: ignore[arg-type]


def _withdraw(home: Home, at: int) -> None:
    with writing(home.engine) as db:
        withdraw(db, home.anna, how="spoken", account_id=None, now_ms=at, tombstones=home.tombstones)


def test_a_withdrawal_stops_what_comes_and_leaves_what_was_there(home: Home) -> None:
    clip, other = home.clips
    assert home.send(record("epoch", clip), now_ms=T0) == []
    _give(home, T0)
    _withdraw(home, T0 + DAY)
    day = 24 * 60
    sent = [*one_of_each(clip, 1), *one_of_each(clip, day + 1), record("epoch", clip, utc_ms=None)]
    assert home.send(*sent, now_ms=T0 + DAY) == ["withdrawn"] * len(sent)
    assert home.send(*one_of_each(other), gateway=1) == []
    with reading(home.engine) as db:
        assert db.scalar(select(func.count()).select_from(quarantine)) == 0
        assert db.scalar(select(func.count()).select_from(unplaced_epoch)) == 0
        assert db.scalar(select(func.count()).select_from(epoch_hour).where(epoch_hour.c.patient_id == home.anna)) == 1
    _give(home, T0 + 2 * DAY)
    late = home.send(
        record("epoch", clip, 2), record("epoch", clip, day + 2), record("epoch", clip, 2 * day), now_ms=T0 + 3 * DAY
    )
    assert late == ["withdrawn"]


def test_what_was_said_is_kept_in_order_and_outside_the_database(home: Home) -> None:
    with reading(home.engine) as db:
        before = consent_of(db, home.anna, T0)
    assert (before.now, before.given, before.said) == (None, False, ())
    _give(home, T0, "paper", signed_on="2026-09-01")
    _withdraw(home, T0 + 5)
    _withdraw(home, T0 + 9)
    _give(home, T0 + 5)
    with reading(home.engine) as db:
        state = consent_of(db, home.anna, T0 + DAY)
    assert [(one.at_ms - T0, one.kind, one.how, one.signed_on) for one in state.said] == [
        (6, "given", "spoken", None),
        (5, "withdrawn", "spoken", None),
        (0, "given", "paper", "2026-09-01"),
    ]
    assert state.given
    assert [(one.at_ms - T0, getattr(one, "kind", "")) for one in home.tombstones.read()] == [
        (0, "given"), (5, "withdrawn"), (6, "given"),
    ]  # fmt: skip
    assert isinstance(home.tombstones.read()[0], Said)


@pytest.mark.parametrize("day", ["", "1.9.2026", "2026-13-01", "2099-01-01", "1899-12-31"])
def test_a_paper_needs_its_date(home: Home, day: str) -> None:
    with pytest.raises(ConsentError, match="date on the paper"):
        _give(home, T0, "paper", signed_on=day)


def test_a_new_text_is_asked_for_and_the_old_one_kept(home: Home) -> None:
    _give(home, T0)
    with writing(home.engine) as db:
        texts.publish(db, ConsentText("2026-11", "Treatment and research", "I agree.\n\nReally."), T0 + 1)
    with reading(home.engine) as db:
        state = consent_of(db, home.anna, T0 + 2)
        kept = db.scalar(select(consent_text.c.body).where(consent_text.c.version == OF_THE_PACKAGE.version))
    assert (state.given, state.outdated, state.asked.version) == (True, True, "2026-11")
    assert state.asked.paragraphs == ["I agree.", "Really."]
    assert kept == OF_THE_PACKAGE.body
    with pytest.raises(ConsentError, match="Another text"):
        _give(home, T0 + 3, version=OF_THE_PACKAGE.version)
    _give(home, T0 + 3)
    with reading(home.engine) as db:
        assert not consent_of(db, home.anna, T0 + 4).outdated


@pytest.mark.parametrize(
    ("version", "purpose", "body"),
    [
        ("a b", "x", "y"),
        ("", "x", "y"),
        ("1", " ", "y"),
        ("1", "x" * 201, "y"),
        ("1", "x", "\n \n"),
        ("plumbline-1", "x", "y"),
    ],
)
def test_a_text_that_cannot_be_is_refused_with_words(home: Home, version: str, purpose: str, body: str) -> None:
    with pytest.raises(ConsentTextError), writing(home.engine) as db:
        texts.publish(db, ConsentText(version, purpose, body), T0)


def test_a_text_never_changes(home: Home) -> None:
    with writing(home.engine) as db:
        texts.publish(db, ConsentText("2", "x", "y"), T0)
    with pytest.raises(ConsentTextError, match="another version"), writing(home.engine) as db:
        texts.publish(db, ConsentText("2", "x", "z"), T0 + 1)
