"""Directs a run: a station on the radio's time that waits for moments of the script and acts at them.

While it waits for the server (blocking), simulated time stands still; nothing races.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from firmware.virtual import Station
from gateway.lab.script import Script
from gateway.lab.truth import truth
from server.demo import lease_log
from server.demo.stations import Name, Stations
from server.demo.world import Worn

from . import journal_truth
from .client import Client
from .disturb import Disturbance
from .evidence import Evidence, Identity, MotorStart, Outage

SLOW: Final = 2.0
"""Simulated per wall time while something crosses the broker that must arrive at a certain moment of the script."""
AWAY_SPEED: Final = 10.0
"""While a station is away, so that what it misses is a part of the script and not most of it."""
CONFIRM_LIMIT_S: Final = 60.0
SETTLE_LIMIT_WALL_S: Final = 90.0
EPISODE_LIMIT_S: Final = 10.0
"""So long a missing episode is waited for."""


Meddle = Callable[["Director", Station], Coroutine[Any, Any, None]]
"""What else is done to the line while it runs; it is over before the plan is changed."""


Settled = tuple[dict[Identity, int], list[dict[str, Any]]]
"""What a clip wrote, and the rows that the server has."""


class CheckError(RuntimeError):
    """The run could not go on; the message says at which point."""


@dataclass(frozen=True)
class Schedule:
    """What happens when, in seconds of the script. `crash` is (station, from, wall seconds away)."""

    change_plan_s: float
    end_s: float
    crash: tuple[Name, float, float] | None = None
    disturbance: Disturbance | None = None
    second_plan: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wearer:
    """A clip, what its wearer does, and the id by which the server knows them."""

    worn: Worn
    script: Script
    patient: int


@dataclass
class Director:
    """One run. `date` is the day by which the server knows the wearing."""

    stations: Stations
    client: Client
    wearers: Sequence[Wearer]
    schedule: Schedule
    window_ms: tuple[int, int]
    date: str
    say: Callable[[str], None]
    meddle: Meddle | None = None

    @property
    def patient(self) -> int:
        """The first wearer."""
        return self.wearers[0].patient

    async def direct(self, place: Station) -> list[Evidence]:
        """Run the scripts to their end and bring back the evidence of each wearer.

        Raises CheckError, StationError, ApiError.
        """
        world = self.stations.world
        await place.control("speed", speed=SLOW)
        confirmed = [{1: await self._confirmed(place, wearer, 1)} for wearer in self.wearers]
        await place.control("speed", speed=world.speed)
        watching = asyncio.create_task(self._watch_episodes(place)) if world.speed == 1 else None
        disturbance = self.schedule.disturbance or Disturbance((), ())
        disturbing = asyncio.create_task(self._disturb(place, disturbance))
        crashed = await self._crash(place) if self.schedule.crash else ()
        if self.meddle is not None:
            await self.meddle(self, place)
        await self.until(place, self.schedule.change_plan_s)
        self.say("changing the plan")
        for wearer in self.wearers:
            self.client.post(f"/patients/{wearer.patient}/plan", {"plan": self.schedule.second_plan, "reason": "check"})
        await place.control("speed", speed=SLOW)
        for wearer, versions in zip(self.wearers, confirmed, strict=True):
            versions[2] = await self._confirmed(place, wearer, 2)
        await place.control("speed", speed=world.speed)
        await self.until(place, self.schedule.end_s)
        await disturbing
        delays = await watching if watching else []
        self.say("waiting until everything has arrived")
        evidence = []
        for number, wearer in enumerate(self.wearers):
            settled = await self._settled(wearer)
            found = await self._evidence(place, wearer, settled)
            outages = (*crashed, *(outage for outage in disturbance.outages if outage.wearer in {None, number}))
            evidence.append(
                replace(
                    found,
                    plan_confirmed_ms=confirmed[number],
                    outages=outages,
                    clock_errors=disturbance.clock_errors,
                    episode_delay_s=tuple(delays),
                )
            )
        return evidence

    async def _evidence(self, place: Station, wearer: Wearer, settled: Settled) -> Evidence:
        """What the server, the clip's flash and its motor say of a wearer."""
        world = self.stations.world
        journal, told = settled
        serial = wearer.worn.clip
        day = f"/patients/{wearer.patient}/days/{self.date}"
        motor = await place.control("motor_log", serial=serial)
        boots = dict.fromkeys(key[1] for key in journal)
        began = (await place.control("status", serial=serial))["boots_ms"]
        plan = self._plan(wearer)
        return Evidence(
            script=wearer.script,
            start_utc_ms=world.start_utc_ms,
            window_ms=self.window_ms,
            dwell_s={entry["plan"]["version"]: entry["plan"]["dwell_s"] for entry in plan["history"]},
            plan_confirmed_ms={},
            motor=tuple(MotorStart(start["t_ms"], start["waveform"]) for start in motor),
            journal=journal,
            summary=self.client.get(day),
            episodes=self.client.get(f"{day}/episodes"),
            reminders=self.client.get(f"{day}/reminders"),
            identities={_identity(row): row["rev"] for row in told},
            identity_plans={_identity(row): row["plan"] for row in told},
            identity_utc_ms={_identity(row): row["utc_ms"] for row in told},
            boots_ms=dict(zip(boots, began, strict=True)),
            plan=plan,
            leases=tuple(lease for lease in lease_log.read(world.folder) if lease.clip == serial),
        )

    async def _confirmed(self, place: Station, wearer: Wearer, version: int) -> int:
        """Simulated ms at which the server says that the clip has confirmed the version."""
        limit = place.now_ms + CONFIRM_LIMIT_S * 1000
        while True:
            in_force = self._plan(wearer)["in_force"]
            if in_force is not None and in_force["plan"]["version"] == version:
                return place.now_ms
            if place.now_ms > limit:
                raise CheckError(f"the clip did not confirm plan {version} within {CONFIRM_LIMIT_S:.0f} s")
            await asyncio.sleep(0.25)

    def _plan(self, wearer: Wearer) -> Any:
        return self.client.get(f"/patients/{wearer.patient}/plan")

    async def _disturb(self, place: Station, disturbance: Disturbance) -> None:
        for step in disturbance.steps:
            await self.until(place, step.at_s)
            self.say(f"{step.at_s:.1f} s: {step.request} {step.arguments or ''}")
            if "name" in step.arguments:
                await self._do(place, step.request, **step.arguments)
            else:
                about = {} if step.request == "air" else {"serial": self.wearers[step.wearer].worn.clip}
                await place.control(step.request, **about, **step.arguments)

    async def _do(self, place: Station, request: str, name: Name, **arguments: Any) -> None:
        """What is asked of a station."""
        if request == "crash":
            self.stations.crash(name)
        elif request == "start":
            self.stations.start(name)
            if name == "gateway":
                await self._arrived(place, name)
            elif name == "server":
                self._wait_for_server()  # simulated time stands still
        else:
            await place.control(request, name=name, **arguments)
            if request in {"suspend", "wake"}:
                getattr(self.stations, request)(name)

    async def _crash(self, place: Station) -> tuple[Outage]:
        assert self.schedule.crash is not None  # noqa: S101 - the caller has asked
        name, at_s, away_s = self.schedule.crash
        await self.until(place, at_s)
        self.say(f"ending the {name} for {away_s:.0f} s")
        await place.control("speed", speed=AWAY_SPEED)
        start_ms = place.now_ms
        self.stations.crash(name)
        await asyncio.to_thread(time.sleep, away_s)
        self.stations.start(name)
        if name == "gateway":
            await self._arrived(place, name)
        end_ms = place.now_ms
        if name == "server":
            await asyncio.to_thread(self._wait_for_server)
        await place.control("speed", speed=self.stations.world.speed)
        return (Outage(name, start_ms, end_ms),)

    async def _arrived(self, place: Station, name: Name) -> None:
        """Hold simulated time until the station is on the radio: how long a process takes to start is not its."""
        there = asyncio.create_task(place.control("wait_for", name=name))
        while not there.done():
            self.stations.ensure_alive()
            await asyncio.to_thread(time.sleep, 0.05)
        await there

    def _wait_for_server(self) -> None:
        limit = time.monotonic() + 30
        while not self.client.healthy():
            if time.monotonic() > limit:
                raise CheckError("the server did not come back")
            time.sleep(0.05)

    async def until(self, place: Station, script_s: float) -> None:
        """Sleep until that moment of the script, looking every simulated minute whether all stations live."""
        target_ms = math.ceil(1000 * script_s)
        while place.now_ms < target_ms:
            await asyncio.sleep(min(target_ms - place.now_ms, 60_000) / 1000)
            self.stations.ensure_alive()

    async def _watch_episodes(self, place: Station) -> list[float]:
        """Simulated seconds from the end of each slouch until the API has its episode; at speed 1 those are wall."""
        delays: list[float] = []
        day = f"/patients/{self.patient}/days/{self.date}/episodes"
        for number, slouch in enumerate(truth(self.wearers[0].script).slouches, start=1):
            for at_s in np.arange(slouch.end_s, slouch.end_s + EPISODE_LIMIT_S, 0.1):
                await self.until(place, at_s)
                if len(await asyncio.to_thread(self.client.get, day)) >= number:
                    break
            delays.append(round(place.now_ms / 1000 - slouch.end_s, 2))
        return delays

    async def _settled(self, wearer: Wearer) -> Settled:
        """What the clip wrote and what the server has, once the server has it all or after SETTLE_LIMIT_WALL_S."""
        limit = time.monotonic() + SETTLE_LIMIT_WALL_S
        while True:
            self.stations.ensure_alive()
            wrote = journal_truth.identities(wearer.worn.flash, wearer.worn.clip)
            rows = self.client.get(f"/patients/{wearer.patient}/days/{self.date}/identities")
            stored = {_identity(row): row["rev"] for row in rows}
            if all(stored.get(key) == rev for key, rev in wrote.items()) or time.monotonic() > limit:
                return wrote, rows
            await asyncio.sleep(1.0)
            time.sleep(0.05)  # noqa: ASYNC251 - holds simulated time while the broker and the server work


def _identity(row: dict[str, Any]) -> Identity:
    return row["clip"], row["boot"], row["judge"], row["kind"], row["start_ms"]
