"""Fill an empty store with the people of the demonstration: one therapist, simulated patients, one gateway and clip."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine

from gateway import config
from gateway.config import ClipConfig, GatewayConfig
from server.access.accounts import begin_care, create_account
from server.access.acts import Role
from server.access.passwords import Passwords
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient
from server.plans.delivery import note_delivery
from server.plans.service import confirm, create_plan
from server.store import migrate, open_engine, writing

from .people import LIVE
from .world import ADMINISTRATOR_EMAIL, PATIENT_EMAIL, THERAPIST_EMAIL, THERAPIST_PASSWORD, World

DAY_MS: Final = 86_400_000
ENROLLED_DAYS_AGO: Final = 15


@dataclass(frozen=True)
class Enrolled:
    """Who is in the store: ids of the therapist, of the live patient, and of those who wear the further clips."""

    therapist: int
    live_patient: int
    others: tuple[int, ...] = ()


def prepare(world: World, *, live_name: str, plan: dict[str, Any], confirmed: bool = False) -> Enrolled:
    """Make the store, the accounts, a patient with `plan` for each clip, and the gateway's configuration."""
    engine = open_engine(world.database_url)
    migrate(engine)
    began_ms = world.start_utc_ms - ENROLLED_DAYS_AGO * DAY_MS
    therapist = create_account(
        engine,
        Passwords(),
        email=THERAPIST_EMAIL,
        name="Dana Therapist",
        password=THERAPIST_PASSWORD,
        now_ms=began_ms,
    )
    enrol_gateway(engine, world.gateway, name="Demonstration", now_ms=began_ms)
    patient, *others = (
        add_patient(
            engine,
            name=live_name if number == 1 else f"{live_name} {number}",
            zone=world.zone,
            therapist=therapist,
            clip=worn.clip,
            gateway=world.gateway,
            plan=plan,
            began_ms=began_ms,
            confirmed=confirmed,
        )
        for number, worn in enumerate(world.worn, start=1)
    )
    config.save(
        world.gateway_config,
        GatewayConfig(
            gateway=world.gateway,
            broker=world.mqtt_url,
            password=world.gateway_password,
            data_dir=world.gateway_config.parent,
            clips=tuple(ClipConfig(serial=worn.clip, key=worn.key, simulated=True) for worn in world.worn),
        ),
    )
    engine.dispose()
    return Enrolled(therapist, patient, tuple(others))


def add_accounts(world: World, patient: int) -> None:
    """An administrator, and an account of the patient's own."""
    engine = open_engine(world.database_url)
    began_ms = world.start_utc_ms - ENROLLED_DAYS_AGO * DAY_MS
    for email, name, role, of in (
        (ADMINISTRATOR_EMAIL, "Robin Administrator", Role.ADMINISTRATOR, None),
        (PATIENT_EMAIL, LIVE.name, Role.PATIENT, patient),
    ):
        create_account(
            engine,
            Passwords(),
            email=email,
            name=name,
            password=THERAPIST_PASSWORD,
            now_ms=began_ms,
            role=role,
            patient_id=of,
        )
    engine.dispose()


def add_patient(
    engine: Engine,
    *,
    name: str,
    zone: str,
    therapist: int,
    clip: str,
    gateway: str,
    plan: dict[str, Any],
    began_ms: int,
    confirmed: bool,
) -> int:
    """A simulated patient in the therapist's care who wears `clip` under `plan`; returns the id.

    `confirmed`: the plan has been in force since the patient was enrolled.
    """
    patient = enrol_patient(engine, name=name, zone=zone, now_ms=began_ms, simulated=True)
    begin_care(engine, therapist, patient, began_ms)
    assign_clip(engine, clip, patient, start_ms=began_ms, now_ms=began_ms, gateway_id=gateway)
    create_plan(engine, patient, plan, author_id=therapist, reason="First plan", now_ms=began_ms)
    if confirmed:
        with writing(engine) as connection:
            note_delivery(connection, [(clip, patient, 1)], began_ms)
            confirm(connection, patient, 1, began_ms)
    return patient


def random_id() -> str:
    """Of a clip or a gateway that nobody has."""
    return os.urandom(8).hex()
