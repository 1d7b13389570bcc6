"""A made-up clinic: a store filled through ingest, the application over it, and browsers that have signed in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine, insert, update

from gateway import messages
from server.access.accounts import begin_care, create_account
from server.access.passwords import Passwords
from server.access.rules import AccessRules
from server.access.sealing import SecretBox
from server.app import create_app
from server.ingest.service import settle
from server.plans.service import confirm, create_plan
from server.store import open_engine, writing
from server.store.tables import assignment, clip_status, gateway, patient, plan

ZONE: Final = ZoneInfo("Europe/Berlin")
ORIGIN: Final = "http://clinic.test"
PASSWORD: Final = "a quiet afternoon"
SEALING_KEY: Final = b"A" * 43 + b"="
GATEWAY: Final = "00000000000000aa"
CLIPS: Final = [f"00000000000000c{digit}" for digit in range(6)]
TODAY: Final = date(2026, 3, 25)
NOW_MS: Final = int(datetime(2026, 3, 25, 14, 47, tzinfo=ZONE).timestamp() * 1000)
UPRIGHT, SLOUCHED, BACK, LEFT, RIGHT, LYING, MOVING = 10, 9, 6, 7, 8, 5, 4
UNCALIBRATED, NOT_WORN, LOST, PAUSED = 3, 2, 1, 0
MIDDLE: Final = {UPRIGHT: 3, SLOUCHED: 17, BACK: -14, LEFT: 2, RIGHT: 4, LYING: -60}
Script = list[tuple[int, int]]
"""(minutes, category) one after the other from the window's start."""

WORKDAY: Final[Script] = [
    (11, NOT_WORN), (2, UNCALIBRATED), (22, UPRIGHT), (6, SLOUCHED), (14, UPRIGHT), (4, MOVING), (25, UPRIGHT),
    (9, SLOUCHED), (3, MOVING), (18, UPRIGHT), (6, BACK), (12, SLOUCHED), (7, MOVING), (21, UPRIGHT), (5, LEFT),
    (15, UPRIGHT), (32, NOT_WORN), (6, MOVING), (24, UPRIGHT), (8, SLOUCHED), (10, RIGHT), (17, UPRIGHT),
    (13, LOST), (5, MOVING), (19, UPRIGHT), (10, PAUSED), (26, UPRIGHT), (14, SLOUCHED), (4, MOVING), (30, UPRIGHT),
    (11, SLOUCHED), (5, MOVING), (23, UPRIGHT), (3, LYING), (5, SLOUCHED), (35, UPRIGHT),
]  # fmt: skip


@dataclass
class Clinic:
    """A store, an application and a clock that only moves when told to."""

    engine: Engine
    rules: AccessRules
    now_ms: int = NOW_MS
    people: dict[str, int] = field(default_factory=dict)
    patients: dict[str, int] = field(default_factory=dict)
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(
            self.engine, lambda: self.now_ms, rules=self.rules, passwords=quick_passwords(), box=SecretBox(SEALING_KEY)
        )

    def client(self, app: FastAPI | None = None) -> httpx.AsyncClient:
        """A browser at the clinic's address."""
        transport = httpx.ASGITransport(app or self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN})

    async def signed_in(self, who: str = "mara") -> httpx.AsyncClient:
        """A client with a session; writing requests carry its form token."""
        return await self.signed_in_at(self.app, who)

    async def signed_in_at(self, app: FastAPI, who: str) -> httpx.AsyncClient:
        """The same at another application over the same store."""
        client = self.client(app)
        credentials = {"email": f"{who}@example.org", "password": PASSWORD}
        answer = await client.post("/api/v1/session", json=credentials)
        assert answer.status_code == 201, answer.text
        client.headers["x-form-token"] = answer.json()["form_token"]
        return client

    def add_person(self, who: str, name: str) -> int:
        made = create_account(
            self.engine,
            quick_passwords(),
            email=f"{who}@example.org",
            name=name,
            password=PASSWORD,
            now_ms=self.now_ms - 10**9,
        )
        self.people[who] = made
        return made

    def add_patient(self, name: str, therapist: str, *, clip: str, **status: object) -> int:
        """A patient with a clip that its gateway has told of."""
        began = self.now_ms - 40 * 86_400_000
        number = len(self.patients) + 1
        with writing(self.engine) as db:
            made = db.execute(
                insert(patient).values(
                    pseudonym=f"P-{number:04d}", name=name, zone=ZONE.key, simulated=True, created_ms=began
                )
            )
            assert made.inserted_primary_key == (number,)
            db.execute(insert(assignment).values(clip=clip, gateway=None, patient_id=number, start_ms=began))
            told = {"link": "live", "plan_version": None, "calibration_version": 1, "battery_pct": 81, **status}
            db.execute(
                insert(clip_status).values(
                    clip=clip,
                    gateway=GATEWAY,
                    firmware="0.1.0",
                    journal_waiting=0,
                    simulated=True,
                    seen_ms=self.now_ms - 20_000,
                    **told,
                )
            )
        begin_care(self.engine, self.people[therapist], number, began)
        self.patients[name] = number
        return number

    def give_plan(self, name: str, therapist: str, *, confirmed: bool = True, age_ms: int = 0, **fields: object) -> int:
        """A plan version, confirmed by the clip unless said otherwise."""
        made = create_plan(
            self.engine,
            self.patients[name],
            fields,
            author_id=self.people[therapist],
            reason="First visit: slumps towards noon",
            now_ms=self.now_ms - age_ms,
        )
        if confirmed:
            with writing(self.engine) as db:
                confirm(db, self.patients[name], made.version, self.now_ms - age_ms + 41_000)
                db.execute(
                    update(plan)
                    .where(plan.c.patient_id == self.patients[name], plan.c.version == made.version)
                    .values(sent_ms=made.created_ms + 900)
                )
                db.execute(
                    update(clip_status)
                    .where(clip_status.c.clip == CLIPS[self.patients[name] - 1])
                    .values(plan_version=made.version)
                )
        return made.version

    def measure(self, clip: str, day: date, script: Script, *, until_ms: int | None = None, seed: int = 1) -> None:
        """A day's records, through ingest."""
        rows = [
            messages.Row(n=index, record=record.model_dump(mode="json"))
            for index, record in enumerate(records(clip, day, script, until_ms or 2**52, seed))
        ]
        for part in range(0, len(rows), 500):
            batch = rows[part : part + 500]
            spool = f"{seed:032x}"
            message = messages.Records(
                schema="records/1", spool=spool, first=batch[0].n, last=batch[-1].n, rows=tuple(batch)
            )
            ack = settle(self.engine, GATEWAY, message, self.now_ms)
            assert not ack.rejected, ack.rejected[:3]


def quick_passwords() -> Passwords:
    """Real argon2 with the smallest cost."""
    return Passwords(Argon2Hasher(memory_cost=8, time_cost=1, parallelism=1))


def records(
    clip: str, day: date, script: Script, until_ms: int, seed: int
) -> list[messages.Epoch | messages.Episode | messages.Reminder]:
    """What a clip and its gateway would tell of a scripted window from 9:00."""
    rng = np.random.default_rng(seed)
    begin = int(datetime.combine(day, datetime.min.time(), ZONE).timestamp() * 1000) + 9 * 3_600_000
    boot = f"{(day - date(2026, 1, 1)).days:016x}"
    categories = [category for minutes, category in script for _ in range(minutes)]
    common: dict[str, Any] = {
        "clip": clip,
        "boot": boot,
        "plan": 1,
        "calibration": 1,
        "simulated": True,
        "utc_error_ms": 40,
    }
    told: list[messages.Epoch | messages.Episode | messages.Reminder] = []
    drift = 0.0
    for minute, category in enumerate(categories):
        if category == LOST or begin + (minute + 1) * 60_000 > until_ms:
            continue
        drift = 0.93 * drift + rng.normal(0, 0.8)
        codes = np.full(60, category)
        if category == UPRIGHT and rng.random() < 0.25:
            codes[rng.integers(0, 40) :][: rng.integers(4, 14)] = MOVING
        middle = MIDDLE.get(category)
        sagittal: list[int | None] = [None] * 30
        if middle is not None:
            noise = rng.normal(0, 1.2, 30)
            sagittal = [round(middle + drift + float(value)) for value in noise]
        known = [value for value in sagittal if value is not None]
        told.append(
            messages.Epoch(
                **common,
                judge="gateway",
                start_ms=minute * 60_000,
                rev=0,
                utc_ms=begin + minute * 60_000,
                codes="".join(f"{code:x}" for code in codes),
                sagittal=tuple(sagittal),
                low=min(known, default=None),
                high=max(known, default=None),
                lateral=0 if known else None,
                shifts=int(rng.random() < 0.3),
                celsius=31,
            )
        )
    at = 0
    given = 0
    for minutes, category in script:
        start, length = at * 60_000, minutes * 60_000
        at += minutes
        if category != SLOUCHED or begin + start + length > until_ms:
            continue
        told.append(
            messages.Episode(
                **common,
                judge="gateway",
                start_ms=start,
                rev=0,
                utc_ms=begin + start,
                duration_ms=length,
                peak_deg=21.5 + minutes / 4,
                mean_deg=17.0,
                end_reason="recovered",
            )
        )
        for nth in range(1 + (minutes > 10)):
            due = start + 60_000 + nth * 300_000
            given += 1
            reason: Literal["cap", "snoozed", "given"] = "given"
            if given % 3 == 0:
                reason = "cap" if given % 2 else "snoozed"
            answers: tuple[Literal["prompt", "later", "none"], ...] = ("prompt", "later", "none", "prompt", "prompt")
            response = answers[given % 5] if reason == "given" else "none"
            told.append(
                messages.Reminder(
                    **common,
                    judge="clip",
                    start_ms=due,
                    rev=2,
                    utc_ms=begin + due,
                    since_ms=start,
                    angle_deg=18.0,
                    reason=reason,
                    response=response,
                    response_ms={"prompt": 4200, "later": 31_000, "none": 0}[response],
                )
            )
    return told


def _fill(clinic: Clinic) -> None:
    clinic.add_person("mara", "Mara Lindqvist")
    clinic.add_person("otto", "Otto Brandt")
    with writing(clinic.engine) as db:
        seen = clinic.now_ms - 20_000
        db.execute(insert(gateway).values(id=GATEWAY, name="Desk", created_ms=0, online=True, seen_ms=seen))
    days = [TODAY - timedelta(days=back) for back in (2, 1, 0)]
    week = 7 * 86_400_000
    clips = CLIPS
    clinic.add_patient("Ada Keller", "mara", clip=clips[0])
    clinic.add_patient("Ben Okafor", "mara", clip=clips[1], battery_pct=14, link="draining")
    clinic.add_patient("Cleo Marchetti", "mara", clip=clips[2], link="asleep")
    clinic.add_patient("Dana Whitfield", "mara", clip=clips[3], link="searching")
    clinic.add_patient("Emil Sørensen", "mara", clip=clips[4])
    clinic.add_patient("Faye Nakamura", "otto", clip=clips[5])
    for name, clip, seed in (
        ("Ada Keller", 0, 1),
        ("Ben Okafor", 1, 2),
        ("Emil Sørensen", 4, 3),
        ("Faye Nakamura", 5, 4),
    ):
        therapist = "otto" if name.startswith("Faye") else "mara"
        clinic.give_plan(name, therapist, age_ms=week, angle_deg=12, dwell_s=90)
        for index, day in enumerate(days if seed == 1 else days[2:]):
            script = (
                WORKDAY
                if seed != 3
                else [(minutes, UPRIGHT if c == SLOUCHED and minutes > 7 else c) for minutes, c in WORKDAY]
            )
            if seed == 2:
                script = [(100, NOT_WORN), *WORKDAY[2:8], (150, LOST)]
            clinic.measure(clips[clip], day, script, until_ms=clinic.now_ms - 60_000, seed=seed * 100 + index)
    clinic.give_plan("Ada Keller", "mara", age_ms=90_000, confirmed=False, angle_deg=12, dwell_s=120, cap_per_hour=4)
    clinic.give_plan("Cleo Marchetti", "mara", age_ms=3 * 3_600_000, confirmed=False)
    clinic.give_plan("Dana Whitfield", "mara", age_ms=week, days=[5, 6])


@pytest.fixture(scope="session")
def filled(sqlite_template: Path) -> tuple[Path, dict[str, int], dict[str, int]]:
    """A filled database file, and the ids of people and patients in it."""
    file = sqlite_template.with_name("filled.db")
    shutil.copy(sqlite_template, file)
    clinic = Clinic(open_engine(f"sqlite:///{file}"), AccessRules())
    _fill(clinic)
    clinic.engine.dispose()  # the last connection folds the write-ahead log into the file
    return file, clinic.people, clinic.patients


MakeClinic = Callable[..., Clinic]


@pytest.fixture
def make_clinic(filled: tuple[Path, dict[str, int], dict[str, int]], tmp_path: Path) -> Iterator[MakeClinic]:
    """A clinic of one's own, with other access rules where wanted."""
    file, people, patients = filled
    opened: list[Engine] = []

    def make(**rules: object) -> Clinic:
        own = tmp_path / "clinic.db"
        shutil.copy(file, own)
        settings = replace(AccessRules(), **rules)  # type: ignore[arg-type]
        opened.append(open_engine(f"sqlite:///{own}"))
        return Clinic(opened[-1], settings, people=dict(people), patients=dict(patients))

    yield make
    for engine in opened:
        engine.dispose()


@pytest.fixture
def clinic(make_clinic: MakeClinic) -> Clinic:
    """The clinic on a Wednesday afternoon."""
    return make_clinic()


@pytest.fixture
def clinic_on_both(engine: Engine) -> Clinic:
    """The same clinic on SQLite and on PostgreSQL."""
    clinic = Clinic(engine, AccessRules())
    _fill(clinic)
    return clinic
