"""An organisation with an administrator, a therapist and a patient, and another organisation, on both databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest
from sqlalchemy import Engine

from server.access.accounts import create_account
from server.access.acts import Role
from server.ingest.enrolment import enrol_patient
from server.people.organisations import create_organisation
from tests.server.conftest import PASSWORD, quick_passwords

NOW: Final = 1_800_000_000_000
HOUR: Final = 3_600_000


@dataclass(frozen=True)
class Practice:
    """Numbers of who is there."""

    engine: Engine
    administrator: int
    therapist: int
    patient: int
    other_organisation: int
    other_patient: int


@pytest.fixture
def practice(engine: Engine) -> Practice:
    """The practice."""

    def account(name: str, role: Role) -> int:
        return create_account(
            engine,
            quick_passwords(),
            email=f"{name}@example.org",
            name=name.title(),
            password=PASSWORD,
            now_ms=NOW,
            role=role,
        )

    other = create_organisation(engine, "Other practice", NOW)
    return Practice(
        engine,
        account("vera", Role.ADMINISTRATOR),
        account("mara", Role.THERAPIST),
        enrol_patient(engine, name="Åda Keller", zone="Europe/Berlin", pseudonym="P-0001", now_ms=NOW),
        other,
        enrol_patient(engine, name="Gus Hidden", zone="UTC", pseudonym="P-0002", now_ms=NOW, organisation_id=other),
    )
