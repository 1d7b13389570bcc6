"""Emergency access: found by whole name or number, never across organisations, bounded in time and with a reason."""

from __future__ import annotations

import pytest

from server.people.emergencies import (
    LASTS_MS,
    SHOWN_MS,
    EmergencyError,
    end_access,
    find_patient,
    of_organisation,
    of_person,
    take_access,
)
from server.store import reading, writing
from tests.server.people.conftest import HOUR, NOW, Practice

REASON = "She rang: the clip does not stop"


@pytest.mark.parametrize("wanted", ["P-0001", "p-0001", " åda   KELLER "])
def test_a_patient_is_found_by_number_or_whole_name(practice: Practice, wanted: str) -> None:
    with reading(practice.engine) as db:
        assert find_patient(db, 1, wanted) == (practice.patient, "P-0001")


@pytest.mark.parametrize("wanted", ["", "Åda", "%", "P-0002", "Gus Hidden", "P-000"])
def test_nothing_less_and_nobody_elsewhere_is_found(practice: Practice, wanted: str) -> None:
    with reading(practice.engine) as db, pytest.raises(EmergencyError, match="no patient of this name"):
        find_patient(db, 1, wanted)


def test_of_two_of_one_name_the_number_is_asked_for(practice: Practice) -> None:
    from server.ingest.enrolment import enrol_patient

    enrol_patient(practice.engine, name="Åda Keller", zone="UTC", pseudonym="P-0003", now_ms=NOW)
    with reading(practice.engine) as db:
        with pytest.raises(EmergencyError, match="more than one"):
            find_patient(db, 1, "Åda Keller")
        assert find_patient(db, 1, "P-0003")[1] == "P-0003"


@pytest.mark.parametrize("reason", ["", "  because  ", "x" * 501])
def test_it_needs_a_reason(practice: Practice, reason: str) -> None:
    with writing(practice.engine) as db, pytest.raises(EmergencyError, match="say why"):
        take_access(db, practice.therapist, practice.patient, reason, NOW)


def test_it_is_seen_while_it_lasts_and_for_a_month(practice: Practice) -> None:
    with writing(practice.engine) as db:
        end_ms = take_access(db, practice.therapist, practice.patient, REASON, NOW)
    assert end_ms == NOW + LASTS_MS <= NOW + 8 * HOUR
    with reading(practice.engine) as db:
        assert [one.pseudonym for one in of_person(db, practice.therapist, end_ms - 1)] == ["P-0001"]
        assert of_person(db, practice.therapist, end_ms) == []
        (seen,) = of_organisation(db, 1, end_ms + SHOWN_MS - 1)
        assert of_organisation(db, 1, end_ms + SHOWN_MS) == []
        assert of_organisation(db, practice.other_organisation, NOW) == []
    assert (seen.user, seen.patient, seen.reason, seen.ended_by) == ("Mara", "Åda Keller", REASON, None)


def test_ended_before_its_time_it_says_by_whom_and_stays_ended(practice: Practice) -> None:
    with writing(practice.engine) as db:
        take_access(db, practice.therapist, practice.patient, REASON, NOW)
        (taken,) = of_person(db, practice.therapist, NOW)
        end_access(db, taken.id, ended_by=practice.administrator, now_ms=NOW + HOUR)
        end_access(db, taken.id, ended_by=practice.therapist, now_ms=NOW + 2 * HOUR)
        assert of_person(db, practice.therapist, NOW + HOUR) == []
        (seen,) = of_organisation(db, 1, NOW + HOUR)
    assert (seen.end_ms, seen.ended_by) == (NOW + HOUR, "Vera")


def test_taken_again_it_begins_anew(practice: Practice) -> None:
    with writing(practice.engine) as db:
        take_access(db, practice.therapist, practice.patient, REASON, NOW)
        take_access(db, practice.therapist, practice.patient, "She rang again, still the same", NOW + HOUR)
        (now,) = of_person(db, practice.therapist, NOW + HOUR)
    assert (now.start_ms, now.end_ms) == (NOW + HOUR, NOW + HOUR + LASTS_MS)
