"""One check from an empty folder to a report."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from sqlalchemy import inspect, make_url
from sqlalchemy.exc import OperationalError

from firmware.virtual import station
from gateway.lab.presets import check_script, workday_script
from gateway.lab.script import Script, Segment
from gateway.lab.truth import truth
from server.broker.run import Kind, free_port
from server.demo import setup
from server.demo.stations import Name, Stations
from server.demo.world import THERAPIST_EMAIL, THERAPIST_PASSWORD, World
from server.store import open_engine

from . import disturb, ordeal
from .client import Client
from .director import CheckError, Director, Meddle, Schedule, Wearer
from .evidence import Evidence
from .verdict import differences, judgement_delays

START: Final = datetime(2026, 3, 25, 9, 0, tzinfo=UTC)
"""A Wednesday that has passed, so that the whole day is over for the server."""
AFTER_S: Final = 100
"""How long the run goes on after the script's end, so that the last minute and the last response come in."""
AWAY_S: Final = 10.0
QUIET_S: Final = 45.0
"""So long before the plan is changed nothing is disturbed any more: the clip must be there to confirm it."""
DWELL_S: Final = {1: 60, 2: 30}
ScriptKind = Literal["brief", "slouches", "short", "workday"]


@dataclass(frozen=True)
class Options:
    """What to check. `broker` None: mosquitto when there is one; `crash`: the station to end and start again;
    `disturb`: what else goes wrong; `drop_link_s`: so long the clip is out of range in the middle of the run;
    `ordeal`: two wearers, and all that can go wrong, in an order that the seed draws (see `ordeal`), for which there is
    a script of its own;
    `speed` None: simulated time goes as fast as it can. `database`: an empty one to use instead of a SQLite file; its
    address may hold a password, and the report names its kind only."""

    seed: int = 0
    broker: Kind | None = None
    crash: Name | None = None
    disturb: disturb.Kind | None = None
    drop_link_s: float | None = None
    ordeal: bool = False
    speed: float | None = None
    script: ScriptKind = "short"
    interpreter: Literal["auto", "micropython", "cpython"] = "auto"
    database: str | None = field(default=None, repr=False)


def run(options: Options, folder: Path, say: Callable[[str], None], meddle: Meddle | None = None) -> dict[str, Any]:
    """Run a check in the empty `folder` and return its report; `passed` says whether everything holds.

    Raises StationError, CheckError, ApiError or BrokerError when the run cannot be brought to an end.
    """
    started = time.monotonic()
    if options.database is not None:
        _require_empty(options.database)
    scripts, schedule = _play(options)
    world = World(
        folder=folder,
        start_utc_ms=int(START.timestamp() * 1000),
        wall_start_s=time.time(),
        speed=options.speed,
        zone="UTC",
        http_port=free_port(),
        mqtt_url=f"mqtt://127.0.0.1:{free_port()}",
        radio_port=free_port(),
        directed=True,
        interpreter=options.interpreter,
        more_clips=tuple((secrets.token_hex(8), secrets.token_hex(32)) for _ in scripts[1:]),
        database=options.database,
    )
    world.save()
    for worn, script in zip(world.worn, scripts, strict=True):
        script.save(worn.script)
    window_s = 60 * -(-int(max(script.duration_s or 0 for script in scripts)) // 60)
    enrolled = setup.prepare(world, live_name="Check", plan=_plan(window_s))
    patients = (enrolled.live_patient, *enrolled.others)
    client = Client(world.http_url)
    with Stations(world, options.broker) as stations:
        stations.start("broker")
        stations.start("server")
        stations.wait(client.healthy, "starting the server", limit_s=30)
        client.sign_in(THERAPIST_EMAIL, THERAPIST_PASSWORD)
        stations.start("radio")
        stations.wait_for_radio()
        stations.start("gateway")
        director = Director(
            stations,
            client,
            [Wearer(*wearer) for wearer in zip(world.worn, scripts, patients, strict=True)],
            schedule,
            window_ms=(0, 1000 * window_s),
            date=START.date().isoformat(),
            say=say,
            meddle=meddle,
        )
        evidence = station.run(
            director.direct, address=f"127.0.0.1:{world.radio_port}", name="director", bluetooth=False
        )
    return _report(options, evidence, time.monotonic() - started)


def _play(options: Options) -> tuple[tuple[Script, ...], Schedule]:
    """What each wearer does, and what happens meanwhile."""
    if not options.ordeal:
        script = script_of(options)
        return (script,), _schedule(options, script)
    drawn = ordeal.draw(options.seed)
    schedule = Schedule(
        change_plan_s=drawn.over_s,
        end_s=max(script.duration_s or 0 for script in drawn.scripts) + AFTER_S,
        disturbance=drawn.disturbance,
        second_plan={"dwell_s": DWELL_S[2]},
    )
    return drawn.scripts, schedule


def script_of(options: Options) -> Script:
    """What is played."""
    opening = check_script(options.seed)
    if options.script == "short":
        return opening
    if options.script == "brief":
        return Script(_brief(opening), opening.body, options.seed)
    if options.script == "slouches":
        return Script(_slouches(opening), opening.body, options.seed)
    day = workday_script(options.seed, "steady", 0)
    return Script((*opening.segments, *_apart(day.segments)), opening.body, options.seed)


def _apart(segments: Sequence[Segment]) -> Iterator[Segment]:
    """The segments with a moment upright after each lift: whether a slouch that begins in the second in which a lift
    ends begins there or on the way up is a matter of definition."""
    for segment in segments:
        yield segment
        if segment.activity == "lift":
            yield Segment(6.0, "sit", 0.0)


def _brief(opening: Script) -> tuple[Segment, ...]:
    """Three minutes with many changes of posture, for measuring delays at speed 1."""
    upright = replace(opening.segments[2], seconds=9.0)
    slouch = replace(opening.segments[3], seconds=9.0)
    return (
        *opening.segments[:2],
        *(upright, slouch) * 6,
        replace(upright, seconds=30.0),
    )


def _slouches(opening: Script) -> tuple[Segment, ...]:
    """Twelve minutes of slouches that call for a reminder each, for disturbances in and between them."""
    upright = replace(opening.segments[2], seconds=75.0)
    slouch = replace(opening.segments[3], seconds=90.0)
    walk = replace(opening.segments[5], seconds=30.0)
    return (
        *opening.segments[:2],
        *(upright, slouch) * 2,
        upright,
        walk,
        upright,
        slouch,
        upright,
    )


def _schedule(options: Options, script: Script) -> Schedule:
    """Crash in the middle of the first slouch; change the plan while the clip lies on the desk, or at the end."""
    starts = script.starts_s
    slouch = next(k for k, segment in enumerate(script.segments) if segment.activity == "sit" and segment.sagittal > 15)
    last = len(script.segments) - 1
    desk = next((k for k, segment in enumerate(script.segments) if segment.activity == "off"), last)
    change_plan_s = float(starts[desk]) + 5
    disturbance = None
    slouches, until_s = truth(script).slouches, change_plan_s - QUIET_S
    if options.disturb is not None:
        disturbance = disturb.plan(options.disturb, slouches, options.seed, DWELL_S[1], until_s)
    elif options.drop_link_s is not None:
        disturbance = disturb.away(slouches, options.seed, options.drop_link_s, until_s)
        if disturbance is None:
            raise CheckError(
                f"the script {options.script!r} is too short to drop the link for {options.drop_link_s:g} s"
            )
    crash_s = float(starts[slouch]) + script.segments[slouch].seconds / 3
    return Schedule(
        change_plan_s=change_plan_s,
        end_s=(script.duration_s or 0) + AFTER_S,
        crash=None if options.crash is None else (options.crash, crash_s, AWAY_S),
        disturbance=disturbance,
        second_plan={"dwell_s": DWELL_S[2]},
    )


def _plan(window_s: int) -> dict[str, Any]:
    end_min = 9 * 60 + window_s // 60
    return {
        "mode": "train",
        "angle_deg": 10,
        "dwell_s": DWELL_S[1],
        "cap_per_hour": 30,
        "repeat_s": 3600,  # one reminder a slouch, however long it lasts
        "back_off": False,
        "days": tuple(range(7)),
        "start": "09:00",
        "end": f"{end_min // 60:02d}:{end_min % 60:02d}",
    }


def _report(options: Options, evidence: Sequence[Evidence], wall_s: float) -> dict[str, Any]:
    found = [
        {**asdict(difference), "wearer": wearer}
        for wearer, one in enumerate(evidence, start=1)
        for difference in differences(one)
    ]
    figures, *others = (_figures(one) for one in evidence)
    return {
        "passed": not found,
        "differences": found,
        "options": {**asdict(options), "database": _kind(options.database)},
        "wall_s": round(wall_s, 1),
        "figures": figures,
        "others": others,
    }


def _kind(database: str | None) -> str:
    return "sqlite" if database is None else make_url(database).get_backend_name()


def _require_empty(database: str) -> None:
    engine = open_engine(database)
    try:
        if inspect(engine).get_table_names():
            raise CheckError("the database of --database holds tables already; name an empty one")
    except OperationalError as error:
        raise CheckError(f"the database of --database cannot be used: {error.orig}") from error
    finally:
        engine.dispose()


def _figures(evidence: Evidence) -> dict[str, Any]:
    return {
        "script_s": evidence.script.duration_s,
        "clip_records": len(evidence.journal),
        "server_records": len(evidence.identities),
        "reminders_given": sum(reminder["given"] for reminder in evidence.reminders),
        "motor_starts": len(evidence.motor),
        "episodes": len(evidence.episodes),
        "seconds": evidence.summary["seconds"],
        "plan_confirmed_s": {str(k): v / 1000 for k, v in evidence.plan_confirmed_ms.items()},
        "judgement_delay_s": _spread(judgement_delays(evidence, truth(evidence.script).slouches)),
        "episode_delay_s": _spread(evidence.episode_delay_s),
        "outages": [asdict(outage) for outage in evidence.outages],
        "clock_errors": [asdict(error) for error in evidence.clock_errors],
    }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {
        "n": len(values),
        "p50": round(float(np.percentile(values, 50)), 3),
        "p95": round(float(np.percentile(values, 95)), 3),
        "max": round(max(values), 3),
    }
