"""A patient, a therapist, and somebody else's patient, on both databases."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from server.access.accounts import create_account
from server.ingest.enrolment import enrol_patient
from tests.server.conftest import quick_passwords

NOW = 1_790_000_000_000


@dataclass(frozen=True)
class People:
    engine: Engine
    anna: int
    bert: int
    therapist: int


@pytest.fixture
def people(engine: Engine) -> People:
    therapist = create_account(
        engine, quick_passwords(), email="m@example.org", name="Mara", password="a quiet afternoon", now_ms=0
    )
    anna, bert = (enrol_patient(engine, name=name, zone="Europe/Berlin", now_ms=0) for name in ("Anna", "Bert"))
    return People(engine, anna, bert, therapist)
