"""Notes: kept as they were said, said anew by their author alone."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func, insert, select

from server.access.accounts import create_account
from server.notes.service import LONGEST, NoteError, add_note, notes_of
from server.store import UnknownPatientError, reading, writing
from server.store.tables import patient, patient_note
from tests.server.conftest import quick_passwords


@pytest.fixture
def people(engine: Engine) -> tuple[int, int, int]:
    """A patient and two therapists."""
    with writing(engine) as db:
        row = insert(patient).values(pseudonym="P-1", name="Anna", zone="UTC", created_ms=0).returning(patient.c.id)
        number: int = db.execute(row).scalar_one()
    mara, otto = (
        create_account(
            engine, quick_passwords(), email=f"{who}@example.org", name=who, password="a quiet afternoon", now_ms=0
        )
        for who in ("mara", "otto")
    )
    return number, mara, otto


def test_a_note_said_anew_keeps_its_place_and_what_it_said(engine: Engine, people: tuple[int, int, int]) -> None:
    number, mara, otto = people
    with writing(engine) as db:
        first = add_note(db, number, "  Sits by\r\nthe window \n", author_id=mara, now_ms=10)
        second = add_note(db, number, "Runs on Sundays", author_id=otto, now_ms=20)
        add_note(db, number, "Sits by the door", author_id=mara, now_ms=30, corrects=first)
        add_note(db, number, "Sits at the desk", author_id=mara, now_ms=40, corrects=first)
    with reading(engine) as db:
        runs, sits = notes_of(db, number)
        assert db.scalar(select(func.count()).select_from(patient_note)) == 4
    assert (runs.id, runs.now.text, runs.now.author, runs.before) == (second, "Runs on Sundays", "otto", ())
    assert (sits.id, sits.now.text, sits.now.created_ms) == (first, "Sits at the desk", 40)
    assert [wording.text for wording in sits.before] == ["Sits by the door", "Sits by\nthe window"]


def test_only_its_author_says_a_note_anew(engine: Engine, people: tuple[int, int, int]) -> None:
    number, mara, otto = people
    with writing(engine) as db:
        note = add_note(db, number, "Sits by the window", author_id=mara, now_ms=10)
        with pytest.raises(NoteError, match="Only its author"):
            add_note(db, number, "Does not", author_id=otto, now_ms=20, corrects=note)
        with pytest.raises(NoteError, match="says so already"):
            add_note(db, number, "Sits by the window", author_id=mara, now_ms=20, corrects=note)
        with pytest.raises(NoteError, match="no such note"):
            add_note(db, number, "Of another", author_id=mara, now_ms=20, corrects=note + 1)
        for text, words in (("x" * (LONGEST + 1), "at most 2000"), (" \n\x00 a ", "3 characters or more")):
            with pytest.raises(NoteError, match=words):
                add_note(db, number, text, author_id=mara, now_ms=20)
        with pytest.raises(UnknownPatientError):
            add_note(db, number + 1, "Nobody's", author_id=mara, now_ms=20)
        assert len(notes_of(db, number)) == 1


def test_a_note_of_another_patient_cannot_be_said_anew(engine: Engine, people: tuple[int, int, int]) -> None:
    number, mara, _ = people
    with writing(engine) as db:
        row = insert(patient).values(pseudonym="P-2", name="Bert", zone="UTC", created_ms=0).returning(patient.c.id)
        other: int = db.execute(row).scalar_one()
        note = add_note(db, other, "Of Bert", author_id=mara, now_ms=10)
        with pytest.raises(NoteError, match="no such note"):
            add_note(db, number, "Of Anna", author_id=mara, now_ms=20, corrects=note)
