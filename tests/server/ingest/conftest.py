"""A small clinic to ingest for: two patients, two gateways, one clip each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway import messages
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient

T0 = 1_790_000_000_000 // 3_600_000 * 3_600_000
BOOT = "b0b0b0b0b0b0b0b0"


@dataclass(frozen=True)
class Clinic:
    engine: Engine
    anna: int
    bert: int
    gateways: tuple[str, str] = ("1" * 16, "2" * 16)
    clips: tuple[str, str] = ("a" * 16, "b" * 16)
    t0: int = T0


@pytest.fixture
def clinic(engine: Engine) -> Clinic:
    return make_clinic(engine)


def make_clinic(engine: Engine) -> Clinic:
    anna = enrol_patient(engine, name="Anna", zone="Europe/Berlin", now_ms=0)
    bert = enrol_patient(engine, name="Bert", zone="Asia/Kolkata", now_ms=0)
    clinic = Clinic(engine, anna, bert)
    for gateway_id, clip, patient_id in zip(clinic.gateways, clinic.clips, (anna, bert), strict=True):
        enrol_gateway(engine, gateway_id, name="home", now_ms=0)
        assign_clip(engine, clip, patient_id, start_ms=T0 - 86_400_000, now_ms=0, gateway_id=gateway_id)
    return clinic


Rows = Callable[..., messages.Records]


@pytest.fixture
def batch() -> Rows:
    """Makes a message of records given as dicts."""
    return make_batch


def make_batch(*records: dict[str, Any], first: int = 1) -> messages.Records:
    rows = [{"n": first + i, "record": record} for i, record in enumerate(records)]
    return messages.Records.model_validate(
        {"schema": "records/1", "spool": "5" * 32, "first": first, "last": first + len(rows) - 1, "rows": rows}
    )


Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make() -> Make:
    """Makes a record of a kind, with defaults that `changes` replace."""
    return make_record


def make_record(kind: str, minute: int = 0, **changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "kind": kind,
        "clip": "a" * 16,
        "boot": BOOT,
        "judge": "gateway",
        "start_ms": minute * 60_000,
        "rev": 1,
        "utc_ms": T0 + minute * 60_000,
        "utc_error_ms": 20,
        "plan": 1,
        "calibration": 1,
    }
    if kind == "epoch":
        record |= {"codes": "a" * 60, "sagittal": [3] * 30, "low": 1, "high": 6, "lateral": 0, "shifts": 1}
    elif kind == "episode":
        record |= {"duration_ms": 65_000, "peak_deg": 22.5, "mean_deg": 17.25, "end_reason": "recovered"}
    elif kind == "reminder":
        record |= {"since_ms": record["start_ms"], "angle_deg": 14.5, "reason": "given", "response": "open"}
        record |= {"response_ms": 0, "judge": "clip"}
    elif kind == "unreadable":
        record = {"kind": kind, "clip": "a" * 16, "journal_id": minute}
    else:
        record |= {"value": 7, "judge": "clip"}
    return record | changes
