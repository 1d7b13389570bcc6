"""Weeks of workdays for the demonstration's patients, through the same core and the same ingest as live data.

`python -m server.demo.history_station WORLD` prints a line of JSON for each day made: {"done": 3, "of": 70}.
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
from gateway.lab.presets import wears, workday_script
from server.diary.pain import add_pain
from server.ingest.enrolment import enrol_gateway
from server.ingest.service import settle
from server.mqtt.downlink import take_status
from server.plans.service import create_plan, plan_state
from server.store import open_engine, writing
from server.store.tables import patient, user_account
from server.summaries.service import rebuild_stale

from .people import LIVE, OTHERS, SEED, WORKDAYS, Someone, slipping
from .setup import DAY_MS, add_patient, random_id
from .world import THERAPIST_EMAIL, World, load

BATCH: Final = 500
WORKDAY_STARTS: Final = "09:00"
LIVE_GAP_MS: Final = 120_000
"""The live patient's earlier records of today end this long before the live clip is switched on."""
_SATURDAY: Final = 5
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class Wearer:
    """A patient with history to be made."""

    someone: Someone
    clip: str
    gateway: str
    patient: int
    until_ms: int


def days_to_make(today: date, someone: Someone) -> list[date]:
    """The days that somebody wore the clip, the newest first; today is made as far as it has come. The live wearer
    has a plan for weekends, too."""
    past = [today - timedelta(days=back) for back in range(someone.days + 1)]
    worn = [day for day in past if day == today or someone is LIVE or day.weekday() < _SATURDAY]
    stops = [day for day in worn if day < today][: someone.stopped]
    return [day for day in worn if day not in stops and not (someone.stopped and day == today)]


def make(world: World) -> Iterator[tuple[int, int]]:
    """Make everything; yields (days done, days in all). Safe to run beside the server."""
    engine = open_engine(world.database_url)
    today = datetime.fromtimestamp(world.start_utc_ms / 1000, ZoneInfo(world.zone)).date()
    wearers = list(_wearers(engine, world))
    jobs = [(wearer, day) for wearer in wearers for day in days_to_make(today, wearer.someone)]
    jobs.sort(key=lambda job: job[1], reverse=True)
    spool = secrets.token_hex(16)
    numbers = itertools.count(1)
    for done, (wearer, day) in enumerate(jobs, start=1):
        records = _records(engine, world, wearer, day, today)
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
        therapist = connection.scalar(select(user_account.c.id).where(user_account.c.email == THERAPIST_EMAIL))
        live = connection.scalar(select(patient.c.id).where(patient.c.name == LIVE.name))
    if therapist is None or live is None:
        raise LookupError("the store has not been prepared")
    now_ms, zone = world.start_utc_ms, ZoneInfo(world.zone)
    _tell(engine, LIVE, live, therapist, now_ms)
    yield Wearer(LIVE, world.clip, world.gateway, live, now_ms - LIVE_GAP_MS)
    for place, someone in enumerate(OTHERS, start=1):
        clip, gateway = random_id(), random_id()
        first = datetime.fromtimestamp(now_ms / 1000, zone).date() - timedelta(days=someone.days)
        began_ms = int(datetime.combine(first, datetime.min.time(), zone).timestamp() * 1000)
        enrol_gateway(engine, gateway, name=f"Demonstration, home {place}", now_ms=began_ms)
        number = add_patient(
            engine,
            name=someone.name,
            zone=world.zone,
            therapist=therapist,
            clip=clip,
            gateway=gateway,
            plan=WORKDAYS,
            began_ms=began_ms,
            confirmed=True,
        )
        _last_word(engine, clip, gateway, now_ms, battery_pct=97 - 11 * place)
        _tell(engine, someone, number, therapist, now_ms)
        yield Wearer(someone, clip, gateway, number, now_ms)


def _tell(engine: Engine, someone: Someone, number: int, therapist: int, now_ms: int) -> None:
    """What there is of somebody besides wearing."""
    with writing(engine) as connection:
        for days_ago, level in someone.pain:
            add_pain(connection, number, level=level, now_ms=now_ms - days_ago * DAY_MS)
    if someone.waits_h:
        made_ms = now_ms - someone.waits_h * _HOUR_MS
        reason = "Calmer: fewer reminders at the desk"
        create_plan(engine, number, {**WORKDAYS, "dwell_s": 120}, author_id=therapist, reason=reason, now_ms=made_ms)


def _last_word(engine: Engine, clip: str, gateway: str, now_ms: int, *, battery_pct: int) -> None:
    """What a gateway says when it is switched off: the wearers of the history have none that runs."""
    told = messages.ClipStatus(
        clip=clip, link="live", plan_version=1, calibration_version=1, battery_pct=battery_pct, simulated=True
    )
    status = messages.Status(schema="status/1", online=False, utc_ms=now_ms, clips=(told,))
    with writing(engine) as connection:
        take_status(connection, gateway, status, now_ms)


def _records(engine: Engine, world: World, wearer: Wearer, day: date, today: date) -> Iterator[messages.Model]:
    someone, days_ago = wearer.someone, (today - day).days
    habits, number = someone.on(days_ago), someone.days - days_ago
    if not wears(habits, SEED, number):
        return
    worn_with = plan_state(engine, wearer.patient).in_force
    if worn_with is None:
        raise LookupError("the patient has no plan")
    start = datetime.fromisoformat(f"{day.isoformat()}T{WORKDAY_STARTS}").replace(tzinfo=ZoneInfo(world.zone))
    start_ms = int(start.timestamp() * 1000)
    script = workday_script(SEED, habits, number)
    before = [one for one in days_to_make(today, someone) if one < today]
    if someone.slips and day == before[0]:
        script = slipping(script)
    plan = protocol.plan.parse_plan(plans.for_clip(worn_with.plan))
    for record in make_day(
        script,
        wearer.clip,
        secrets.token_hex(8),
        start_ms,
        plan,
        zone=world.zone,
        boot_counter=number + 1,
        slipped=someone.slips and day == today,
    ):
        if record.utc_ms is not None and record.utc_ms + 60_000 <= wearer.until_ms:
            yield record


if __name__ == "__main__":
    for done, of in make(load(Path(sys.argv[1]))):
        sys.stdout.write(json.dumps({"done": done, "of": of}) + "\n")
        sys.stdout.flush()
