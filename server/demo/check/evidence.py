"""What a run leaves behind to be judged: the script on one side, what the server and the motor say on the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.lab.script import Script
from server.demo.lease_log import Lease

Identity = tuple[str, str, str, str, int]
"""(clip, boot, judge, kind, start_ms)."""


@dataclass(frozen=True)
class Outage:
    """Someone who was away, in simulated milliseconds: a station by its name, "clip" while it had no power, "watchdog"
    while it hung, "link" while the gateway could not hear the clip, "sleep" while the gateway's computer slept.
    `wearer`: whose clip it was, by its place in the world; None where it concerns all."""

    station: str
    start_ms: int
    end_ms: int
    wearer: int | None = None


@dataclass(frozen=True)
class ClockError:
    """The gateway's computer's clock was set wrong by `by_ms`, and right again, in simulated milliseconds."""

    start_ms: int
    end_ms: int
    by_ms: int


@dataclass(frozen=True)
class MotorStart:
    """A write to the motor's GO register, in simulated milliseconds, and the waveform's number."""

    t_ms: int
    waveform: int


@dataclass(frozen=True)
class Evidence:
    """One run. Identities are (clip, boot, judge, kind, start_ms) -> rev; `journal` has what the clip wrote."""

    script: Script
    start_utc_ms: int
    window_ms: tuple[int, int]
    dwell_s: dict[int, int]
    """Dwell of each plan version."""
    plan_confirmed_ms: dict[int, int]
    """When the server said that the clip had confirmed each version, simulated."""
    motor: tuple[MotorStart, ...]
    journal: dict[Identity, int]
    summary: dict[str, Any]
    episodes: list[dict[str, Any]]
    reminders: list[dict[str, Any]]
    identities: dict[Identity, int]
    identity_plans: dict[Identity, int]
    identity_utc_ms: dict[Identity, int]
    """Where the server places the start of each record."""
    boots_ms: dict[str, int]
    """When each boot began, simulated."""
    plan: dict[str, Any]
    leases: tuple[Lease, ...] = ()
    episode_delay_s: tuple[float, ...] = ()
    """From the end of each slouch to its episode in the API, simulated; empty unless it was watched."""
    unanswered: dict[str, int] = field(default_factory=dict)
    """Rows that were left: in the gateway's outbox, in the clip's journal, rejected, quarantined."""
    outages: tuple[Outage, ...] = ()
    clock_errors: tuple[ClockError, ...] = ()

    def sim_ms(self, utc_ms: int) -> int:
        """Simulated milliseconds of a time that the server says."""
        return utc_ms - self.start_utc_ms
