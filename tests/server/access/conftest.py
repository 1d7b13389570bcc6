"""The clinic with everybody who may come by: two organisations, every role, an account for patients, an emergency."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
from sqlalchemy import insert

from server.access.accounts import begin_care, create_account
from server.access.acts import Role
from server.access.forms import form_token
from server.access.rules import AccessRules
from server.access.sessions import open_session
from server.diary.pain import add_pain
from server.diary.red_flags import keep_answers
from server.enrolment.service import offer_code, redeem
from server.ingest.enrolment import enrol_patient
from server.ingest.service import refuse
from server.notes.service import add_note
from server.people.emergencies import take_access
from server.people.invitations import invite
from server.people.organisations import create_organisation
from server.plans.drafts import save_draft
from server.plans.templates import save_template
from server.rights.erasing import note
from server.store import open_engine, writing
from server.store.tables import assignment, erasure_order, flag_dismissal
from tests.server.access.decisions import Who
from tests.server.conftest import PASSWORD, Clinic, quick_passwords
from tests.server.transactions import committed

ADA: Final = 1
"""The patient about whom the walk asks; she is in Mara's care."""
BEN: Final = 2
ABSENT: Final = 987_654
HIDDEN: Final = "Gus Hidden"
"""A patient of the other organisation, in Nils's care."""


@dataclass
class Town:
    """Two practices over one store. `there` are the numbers in addresses of things that belong to Ada's practice."""

    clinic: Clinic
    there: dict[str, str]
    accounts: dict[str, int]
    gus: int
    other_organisation: int
    origin: Path | None = None

    def begin_anew(self) -> None:
        """As if nothing had been done yet."""
        assert self.origin is not None
        self.clinic.engine.dispose()
        own = Path(self.clinic.engine.url.database or "")
        for beside in own.parent.glob(f"{own.name}-*"):
            beside.unlink()
        shutil.copy(self.origin, own)

    def visitor(self, who: Who) -> httpx.AsyncClient:
        """A browser of this visitor, signed in unless nobody."""
        client = self.clinic.client()
        if who is not Who.NOBODY:
            engine, rules = self.clinic.engine, self.clinic.rules
            token = committed(open_session)(engine, self.accounts[who], self.clinic.now_ms, rules)
            client.cookies.set(rules.session_cookie, token)
            client.headers["x-form-token"] = form_token(token)
        return client

    def address(self, path: str, *, there: bool = True) -> str:
        """The path with what is in braces filled in: with what is there, or with what is nowhere."""
        for name, value in self.there.items():
            nowhere = "f" * 16 if name == "gateway" else str(ABSENT)
            path = path.replace(f"{{{name}}}", value if there or name == "day" else nowhere)
        assert "{" not in path, f"say in tests/server/access/conftest.py what stands for the braces in {path}"
        return path


def settle_in(clinic: Clinic) -> Town:
    """Add the other people to a filled clinic."""
    engine, now_ms = clinic.engine, clinic.now_ms
    other = create_organisation(engine, "Other practice", now_ms)

    def add(who: str, role: Role, *, organisation_id: int = 1, patient_id: int | None = None) -> int:
        return create_account(
            engine,
            quick_passwords(),
            email=f"{who}@example.org",
            name=f"{who.title()} {role.title()}",
            password=PASSWORD,
            now_ms=now_ms,
            role=role,
            organisation_id=organisation_id,
            patient_id=patient_id,
        )

    accounts = {
        **clinic.people,
        "vera": add("vera", Role.ADMINISTRATOR),
        "ina": add("ina", Role.THERAPIST),
        "ada": add("ada", Role.PATIENT, patient_id=ADA),
        "ben": add("ben", Role.PATIENT, patient_id=BEN),
        "nils": add("nils", Role.THERAPIST, organisation_id=other),
        "petra": add("petra", Role.ADMINISTRATOR, organisation_id=other),
    }
    gus = enrol_patient(engine, name=HIDDEN, zone="Europe/Berlin", now_ms=now_ms, organisation_id=other)
    begin_care(engine, accounts["nils"], gus, now_ms - 1000)
    with writing(engine) as db:
        db.execute(insert(assignment).values(clip="00000000000000d1", gateway=None, patient_id=gus, start_ms=0))
        erased = note(db, "P-gone", [], at_ms=now_ms - 1000, actor="U-1", organisation_id=1)
        take_access(db, accounts["ina"], ADA, "Ada rang: the clip does not stop", now_ms - 1000)
        invite(
            db,
            organisation_id=1,
            email="new@example.org",
            role="therapist",
            patient_id=None,
            author_id=accounts["vera"],
            now_ms=now_ms - 1000,
        )
    code = offer_code(engine, ADA, author_id=accounts["mara"], now_ms=now_ms).code
    own_gateway = redeem(engine, code, now_ms=now_ms).gateway
    fields = {"dwell_s": 99}
    with writing(engine) as db:
        save_draft(db, ADA, accounts["mara"], fields, reason="calmer", based_on=2, now_ms=now_ms)
        kept = save_template(db, 1, accounts["mara"], name="Our start", purpose="", fields=fields, now_ms=now_ms)
    refuse(engine, own_gateway, "records", b"{}", problem="no JSON", now_ms=now_ms, ours=True)
    with writing(engine) as db:
        order = {"erasure_id": erased, "gateway": own_gateway, "clip": "00000000000000d2", "own": True, "command": "e"}
        db.execute(insert(erasure_order).values(**order, done_ms=now_ms))
        seen = {"patient_id": ADA, "rule": "wear", "about": "", "size": 2, "reason": "on holiday", "created_ms": now_ms}
        db.execute(insert(flag_dismissal).values(**seen))
    with writing(engine) as db:
        felt = add_pain(db, ADA, 4, now_ms - 1000)
        signs = keep_answers(db, ADA, ["fever"], now_ms - 1000)
        noted = add_note(db, ADA, "sits by the window", author_id=accounts["mara"], now_ms=now_ms - 1000)
    there = {
        "note_id": str(noted),
        "pain_id": str(felt.id),
        "answer_id": str(signs.id),
        "patient_id": str(ADA),
        "day": "2026-03-25",
        "gateway": own_gateway,
        "entry_id": "1",
        "key": kept.key,
        "start_ms": str(now_ms - 3_600_000),
        "account_id": str(accounts["otto"]),
        "carer_id": str(accounts["mara"]),
        "invitation_id": "1",
        "emergency_id": "1",
        "token": "no-such-link",
        "handle": "of-nobodys-session",
        "passkey_id": "1",
        "token_id": "1",
        "erasure_id": "1",
        "dismissal_id": "1",
    }
    return Town(clinic, there, accounts, gus, other)


@pytest.fixture(scope="session")
def settled(filled: tuple[Path, dict[str, int], dict[str, int]]) -> tuple[Path, Town]:
    """A database file of the town, and who is in it."""
    file, people, patients = filled
    own = file.with_name("town.db")
    shutil.copy(file, own)
    clinic = Clinic(open_engine(f"sqlite:///{own}"), AccessRules(), people=dict(people), patients=dict(patients))
    town = settle_in(clinic)
    clinic.engine.dispose()
    return own, town


@pytest.fixture
def town(settled: tuple[Path, Town], tmp_path: Path) -> Iterator[Town]:
    """The town on a Wednesday afternoon."""
    file, model = settled
    own = tmp_path / "town.db"
    shutil.copy(file, own)
    clinic = Clinic(
        open_engine(f"sqlite:///{own}"), AccessRules(), people=dict(model.clinic.people), patients=model.clinic.patients
    )
    yield Town(clinic, model.there, model.accounts, model.gus, model.other_organisation, file)
    clinic.engine.dispose()


@pytest.fixture
def town_on_both(clinic_on_both: Clinic) -> Town:
    """The same on SQLite and on PostgreSQL."""
    return settle_in(clinic_on_both)
