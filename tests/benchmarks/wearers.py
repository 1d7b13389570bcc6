"""What a clip and its gateway tell of a simulated workday, for as many patients as wanted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from firmware.clip import protocol
from gateway import messages, plans
from gateway.lab.history import make_day
from gateway.lab.presets import PEOPLE, workday_script
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient

ZONE: Final = ZoneInfo("Europe/Berlin")
DAY: Final = datetime(2026, 3, 23, tzinfo=ZONE).date()
START_MS: Final = int(datetime(2026, 3, 23, 9, tzinfo=ZONE).timestamp() * 1000)
NOW_MS: Final = START_MS + 30 * 86_400_000
GATEWAY: Final = "aa" * 8
CLIP: Final = "c" * 16


@cache
def workday() -> tuple[messages.Epoch | messages.Episode | messages.Reminder, ...]:
    """A steady person's day through the core, as the demonstration's history is made."""
    plan = protocol.plan.parse_plan(plans.for_clip(messages.Plan(version=1)))
    script = workday_script(1, PEOPLE["steady"], 0)
    told = make_day(script, CLIP, CLIP, START_MS, plan, zone=ZONE.key, boot_counter=1)
    return tuple(record for record in told if not isinstance(record, messages.Event))


def enrol(engine: Engine, patients: int) -> list[int]:
    """So many patients, the first with the clip `0...1` and so on, and one gateway for all."""
    enrol_gateway(engine, GATEWAY, name="Ward", now_ms=0)
    made = []
    for number in range(1, patients + 1):
        made.append(enrol_patient(engine, name=f"Patient {number}", zone=ZONE.key, now_ms=0))
        assign_clip(engine, f"{number:016x}", made[-1], start_ms=0, now_ms=0, gateway_id=GATEWAY)
    return made


def payloads(patients: int, rows_a_message: int) -> Iterator[bytes]:
    """The messages of everybody's day, as they come from the broker."""
    day: list[dict[str, Any]] = [record.model_dump(mode="json") for record in workday()]
    for number in range(1, patients + 1):
        own = {"clip": f"{number:016x}", "boot": f"{number:016x}"}
        rows = [messages.Row(n=n, record={**record, **own}) for n, record in enumerate(day, start=1)]
        for at in range(0, len(rows), rows_a_message):
            part = tuple(rows[at : at + rows_a_message])
            message = messages.Records(
                schema="records/1", spool=f"{number:032x}", first=part[0].n, last=part[-1].n, rows=part
            )
            yield messages.encode(message)
