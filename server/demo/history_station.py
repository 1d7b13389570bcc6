"""Two weeks of workdays for the demonstration's patients, through the same core and the same ingest as live data.

`python -m server.demo.history_station WORLD` prints a line of JSON for each day made: {"done": 3, "of": 60}.
"""

from __future__ import annotations

import itertools
import json
import secrets
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from firmware.clip import protocol
from gateway import messages, plans
from gateway.lab.history import make_day
from gateway.lab.presets import PEOPLE as HABITS
from gateway.lab.presets import wears, workday_script
from server.ingest.enrolment import enrol_gateway
from server.ingest.service import settle
from server.mqtt.downlink import take_status
from server.plans.service import newest_plan
from server.store import open_engine, writing
from server.store.tables import patient, user_account
from server.summaries.service import rebuild_stale

from .people import HISTORY_DAYS, LIVE, OTHERS, PLAN, SEED, Someone
from .setup import DAY_MS, ENROLLED_DAYS_AGO, add_patient, random_id
from .world import World, load

BATCH: Final = 500
WORKDAY_STARTS: Final = "09:00"
LIVE_GAP_MS: Final = 120_000
"""The live patient's earlier records of today end this long before the live clip is switched on."""
_SATURDAY: Final = 5


@dataclass(frozen=True)
class Wearer:
    """A patient with history to be made."""

    someone: Someone
    clip: str
    gateway: str
    patient: int
    until_ms: int


def days_to_make(world: World) -> list[date]:
    """Workdays of the last two weeks, the newest first; today is made as far as it has come."""
    today = datetime.fromtimestamp(world.start_utc_ms / 1000, ZoneInfo(world.zone)).date()
    past = [today - timedelta(days=back) for back in range(1, HISTORY_DAYS + 1)]
    return [today, *(day for day in past if day.weekday() < _SATURDAY)]


def make(world: World) -> Iterator[tuple[int, int]]:
    """Make everything; yields (days done, days in all). Safe to run beside the server."""
    engine = open_engine(world.database_url)
    wearers = list(_wearers(engine, world))
    days = days_to_make(world)
    jobs = [(wearer, day) for day in days for wearer in wearers]
    spool = secrets.token_hex(16)
    numbers = itertools.count(1)
    for done, (wearer, day) in enumerate(jobs, start=1):
        records = _records(engine, world, wearer, day)
        for batch in _batched(records, BATCH):
            rows = tuple(messages.Row(n=next(numbers), record=record.model_dump(mode="json")) for record in batch)
            message = messages.Records(schema="records/1", spool=spool, first=rows[0].n, last=rows[-1].n, rows=rows)
            settle(engine, wearer.gateway, message, world.start_utc_ms)
        rebuild_stale(engine, world.start_utc_ms)
        yield done, len(jobs)


def _batched(records: Iterable[messages.Model], size: int) -> Iterator[tuple[messages.Model, ...]]:
    source = iter(records)
    while batch := tuple(itertools.islice(source, size)):
        yield batch


def _wearers(engine: Engine, world: World) -> Iterator[Wearer]:
    with writing(engine) as connection:
        therapist = connection.scalar(select(user_account.c.id))
        live = connection.scalar(select(patient.c.id).where(patient.c.name == LIVE.name))
    if therapist is None or live is None:
        raise LookupError("the store has not been prepared")
    began_ms = world.start_utc_ms - ENROLLED_DAYS_AGO * DAY_MS
    yield Wearer(LIVE, world.clip, world.gateway, live, world.start_utc_ms - LIVE_GAP_MS)
    for place, someone in enumerate(OTHERS, start=1):
        clip, gateway = random_id(), random_id()
        enrol_gateway(engine, gateway, name=f"Demonstration, home {place}", now_ms=began_ms)
        number = add_patient(
            engine,
            name=someone.name,
            zone=world.zone,
            therapist=therapist,
            clip=clip,
            gateway=gateway,
            plan=PLAN,
            began_ms=began_ms,
            confirmed=True,
        )
        _last_word(engine, clip, gateway, world.start_utc_ms, battery_pct=97 - 13 * place)
        yield Wearer(someone, clip, gateway, number, world.start_utc_ms)


def _last_word(engine: Engine, clip: str, gateway: str, now_ms: int, *, battery_pct: int) -> None:
    """What a gateway says when it is switched off: the wearers of the history have none that runs."""
    told = messages.ClipStatus(
        clip=clip, link="live", plan_version=1, calibration_version=1, battery_pct=battery_pct, simulated=True
    )
    status = messages.Status(schema="status/1", online=False, utc_ms=now_ms, clips=(told,))
    with writing(engine) as connection:
        take_status(connection, gateway, status, now_ms)


def _records(engine: Engine, world: World, wearer: Wearer, day: date) -> Iterator[messages.Model]:
    habits = HABITS[wearer.someone.habits]
    number = HISTORY_DAYS - (days_to_make(world)[0] - day).days
    if not wears(habits, SEED, number):
        return
    with writing(engine) as connection:
        newest = newest_plan(connection, wearer.patient)
    if newest is None:
        raise LookupError("the patient has no plan")
    start = datetime.fromisoformat(f"{day.isoformat()}T{WORKDAY_STARTS}").replace(tzinfo=ZoneInfo(world.zone))
    start_ms = int(start.timestamp() * 1000)
    script = workday_script(SEED, habits, number)
    plan = protocol.plan.parse_plan(plans.for_clip(newest.model_copy(update={"version": 1})))
    for record in make_day(
        script, wearer.clip, secrets.token_hex(8), start_ms, plan, zone=world.zone, boot_counter=number + 1
    ):
        if record.utc_ms is not None and record.utc_ms + 60_000 <= wearer.until_ms:
            yield record


if __name__ == "__main__":
    for done, of in make(load(Path(sys.argv[1]))):
        sys.stdout.write(json.dumps({"done": done, "of": of}) + "\n")
        sys.stdout.flush()
