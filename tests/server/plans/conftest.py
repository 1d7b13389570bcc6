"""A patient with a gateway and a clip, for whom plans are made."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, insert

from gateway import messages
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient
from server.mqtt.downlink import note_sending, note_sent, take_status, waiting
from server.store import reading, writing
from server.store.tables import user_account

GATEWAY, OFFICE, CLIP, OTHER_CLIP = "1" * 16, "2" * 16, "a" * 16, "b" * 16


@pytest.fixture
def anna(engine: Engine) -> int:
    made = enrol_patient(engine, name="Anna", zone="Europe/Berlin", now_ms=0)
    enrol_gateway(engine, GATEWAY, name="home", now_ms=0)
    enrol_gateway(engine, OFFICE, name="office", now_ms=0)
    assign_clip(engine, CLIP, made, start_ms=0, now_ms=0)
    return made


@pytest.fixture
def author(engine: Engine) -> int:
    return make_author(engine, "Mara")


def make_author(engine: Engine, name: str) -> int:
    values = {"email": f"{name}@x", "name": name, "role": "therapist", "password_hash": "-", "created_ms": 0}
    with writing(engine) as db:
        made: int = db.execute(insert(user_account).values(**values).returning(user_account.c.id)).scalar_one()
    return made


class Line:
    """What the worker does with the broker, without one."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def status(
        self,
        version: int | None,
        now_ms: int,
        *,
        clip: str = CLIP,
        gateway: str = GATEWAY,
        online: bool = True,
        **more: Any,
    ) -> list[int]:
        """A gateway tells of a clip; the versions that it is sent."""
        told = messages.ClipStatus(clip=clip, plan_version=version, **{"link": "live", **more})
        status = messages.Status(schema="status/1", online=online, utc_ms=now_ms, clips=(told,))
        with writing(self.engine) as db:
            outgoing, _ = take_status(db, gateway, status, now_ms)
            note_sending(db, outgoing, now_ms)
            note_sent(db, outgoing, now_ms)
        return [item.message.plan.version for item in outgoing if isinstance(item.message, messages.PlanMessage)]

    def look(self, now_ms: int) -> list[tuple[str, str, int]]:
        """Send what nobody has been sent yet: (gateway, clip, version)."""
        with reading(self.engine) as db:
            outgoing = waiting(db, now_ms)
        with writing(self.engine) as db:
            note_sending(db, outgoing, now_ms)
            note_sent(db, outgoing, now_ms)
        return [
            (item.gateway, item.message.clip, item.message.plan.version)
            for item in outgoing
            if isinstance(item.message, messages.PlanMessage)
        ]


@pytest.fixture
def line(engine: Engine) -> Line:
    return Line(engine)
