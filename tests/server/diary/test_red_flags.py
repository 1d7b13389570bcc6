"""Urgent signs: the most urgent advice counts, what is open stays open until somebody has seen it, and only then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from server.diary import pain, red_flags
from server.diary.red_flags import BY_KEY, LIST, UnknownQuestionError, advice_for
from server.ingest.enrolment import enrol_patient
from server.store import reading, writing

KEYS = sorted(BY_KEY)


@given(st.sets(st.sampled_from(KEYS)))
def test_any_yes_leads_to_advice_and_the_most_urgent_counts(yes: set[str]) -> None:
    advice = advice_for(yes)
    assert (advice == "none") is (not yes)
    assert (advice == "now") is any(BY_KEY[key].advice == "now" for key in yes)


def test_every_question_by_itself_leads_to_advice() -> None:
    assert {question.key: question.advice for question in LIST} == {key: advice_for([key]) for key in KEYS}
    assert {advice_for([key]) for key in ("saddle", "bladder", "weakness")} == {"now"}


def test_unknown_questions_are_refused() -> None:
    with pytest.raises(UnknownQuestionError):
        advice_for(["fever", "mood"])


def two_patients(engine: Engine) -> tuple[int, int]:
    made = [enrol_patient(engine, name=name, zone="Europe/Berlin", now_ms=0) for name in ("Anna", "Bert")]
    return made[0], made[1]


def test_what_is_open_stays_open_until_it_is_seen(engine: Engine) -> None:
    anna, bert = two_patients(engine)
    with writing(engine) as db:
        none = red_flags.keep_answers(db, anna, [], 10)
        first = red_flags.keep_answers(db, anna, ["fever", "saddle"], 20)
        other = red_flags.keep_answers(db, bert, ["trauma"], 15)
    with writing(engine) as db:
        found = red_flags.unseen_red_flags(db, [anna, bert])
        assert {patient: [one.id for one in some] for patient, some in found.items()} == {
            anna: [first.id],
            bert: [other.id],
        }
        assert found[anna][0].yes == ("saddle", "fever")
        assert found[anna][0].advice == "now"
        assert not red_flags.acknowledge(db, bert, first.id, 0, 30), "not that patient's"
        assert red_flags.red_flags_between(db, [anna], 10, 20) == {anna: [none]}
        assert red_flags.answer_of(db, bert, first.id) is None


def test_entries_of_many_patients_come_at_once_and_half_open(engine: Engine) -> None:
    anna, bert = two_patients(engine)
    with writing(engine) as db:
        felt = [pain.add_pain(db, anna, 3, 1_000_000), pain.add_pain(db, anna, 5, 2_000_000)]
        pain.add_pain(db, bert, 0, 3_000_000)
        gone = pain.add_pain(db, bert, 9, 2_500_000)
        assert pain.take_back(db, bert, gone.id, 2_600_000)
        assert not pain.take_back(db, bert, gone.id, 2_600_000)
        assert not pain.take_back(db, bert, felt[0].id, 2_600_000)
    with reading(engine) as db:
        found = pain.pain_between(db, [anna, bert], 1_000_000, 3_000_000)
    assert found == {anna: felt}


def test_a_second_tap_counts_once_and_a_later_one_anew(engine: Engine) -> None:
    anna, bert = two_patients(engine)
    with writing(engine) as db:
        first = pain.add_pain(db, anna, 3, 1_000_000)
        assert pain.add_pain(db, anna, 3, 1_000_000 + pain.TWICE_MS - 1).id == first.id
        assert pain.add_pain(db, anna, 3, 1_000_000 + pain.TWICE_MS).id != first.id
        assert pain.add_pain(db, bert, 3, 1_000_001).id != first.id
        assert pain.describe(db, bert, first.id, word="numb", area="", note="") is None
        said = pain.describe(db, anna, first.id, word="numb", area="left_leg", note="a\x00  b")
    assert said is not None
    assert (said.word, said.area, said.note, said.asks) == ("numb", "left_leg", "a b", True)


@pytest.mark.parametrize("fields", [{"word": "awful"}, {"area": "left_ear"}, {"note": "x" * 301}])
def test_what_cannot_be_kept_is_said(engine: Engine, fields: dict[str, str]) -> None:
    anna, _ = two_patients(engine)
    said = {"word": "", "area": "", "note": "", **fields}
    with writing(engine) as db:
        first = pain.add_pain(db, anna, 3, 1_000_000)
        with pytest.raises(pain.PainError):
            pain.describe(db, anna, first.id, **said)
