"""What is looked at when something does not work, and what to do about it. Pure: what was found out is an argument."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from gateway import messages
from gateway.face import today
from gateway.face.asking import ClipNow
from gateway.face.view import LOW_BATTERY_PCT, counted
from gateway.first_steps import LINK_WORDS
from gateway.thinning import SET_UTC_MS

Level = Literal["ok", "warning", "problem"]
Bluetooth = Literal["works", "no bluez", "no adapter", "off", "denied", "other"]

ROOM_BYTES: Final = 200_000_000
"""Less free disk than this is told early."""
CLOCK_MS: Final = 50.0
"""A clip's seconds should lie within this of UTC."""
AWAY_MS: Final = 3_600_000
OLDEST_PYTHON: Final = (3, 11)


@dataclass(frozen=True)
class Finding:
    """What was found of a thing, and what to do about it; nothing to do when it is in order."""

    thing: str
    level: Level
    told: str
    do: str = ""


def worst(findings: Sequence[Finding]) -> Level:
    """The worst level there is."""
    order: tuple[Level, ...] = ("problem", "warning", "ok")
    return next((level for level in order if any(one.level == level for one in findings)), "ok")


def version(python: tuple[int, ...], plumbline: str, running: str | None) -> Finding:
    """The program's version, and that of the gateway that runs (None: none does)."""
    if python[:2] < OLDEST_PYTHON:
        return Finding("version", "problem", f"Python {python[0]}.{python[1]}", "install Python 3.11 or newer")
    told = f"plumbline {plumbline}, Python {'.'.join(map(str, python[:3]))}"
    if running is not None and running != plumbline:
        return Finding(
            "version", "warning", f"{told}; the gateway that runs is {running}", "restart the gateway to use the new"
        )
    return Finding("version", "ok", told)


def bluetooth(found: Bluetooth, detail: str, system: str) -> Finding:
    """Whether this computer's Bluetooth can be used. `system` as `sys.platform`; `detail`: what the system said."""
    if found == "works":
        return Finding("bluetooth", "ok", detail or "there, and listens")
    said = f" ({detail})" if detail else ""
    told, do = {
        "no bluez": (
            f"the system's Bluetooth service does not answer{said}",
            "install and start it: sudo apt install bluez && sudo systemctl enable --now bluetooth",
        ),
        "no adapter": (
            f"no Bluetooth adapter that can reach clips{said}",
            "plug one in that knows Bluetooth Low Energy (4.0 or newer)",
        ),
        "off": (f"Bluetooth is switched off{said}", _switch_on(system)),
        "denied": (f"the system does not let this program use Bluetooth{said}", _allow(system)),
    }.get(found, (f"Bluetooth cannot be used{said}", "switch Bluetooth off and on again, then restart the computer"))
    return Finding("bluetooth", "problem", told, do)


def _switch_on(system: str) -> str:
    return {
        "linux": "switch it on: rfkill unblock bluetooth && bluetoothctl power on",
        "darwin": "switch it on in System Settings, Bluetooth",
    }.get(system, "switch it on in Settings, Bluetooth & devices")


def _allow(system: str) -> str:
    return {
        "linux": 'add yourself to the group: sudo usermod -aG bluetooth "$USER", then sign out and in again',
        "darwin": "allow it in System Settings, Privacy & Security, Bluetooth, for the terminal that you use",
    }.get(system, "allow it in Settings, Privacy & security, Radios")


def clip(
    known: messages.ClipStatus | None,
    now: ClipNow | None,
    serial: str,
    *,
    running: bool,
    silent_ms: int | None = None,
) -> list[Finding]:
    """A clip: whether it is reached, its battery, versions and clock. `known`: as last told, None when it never was;
    `silent_ms`: for how long no record has come of it, None when none ever has."""
    thing = f"clip {serial[-4:]}"
    if known is None or known.battery_pct is None:
        problem = now.problem if now is not None else ""
        do = "bring it near and charge it" if running else "start the gateway: plumbline gateway run"
        told = "not met since the gateway started" if running else "not met yet"
        if silent_ms is not None:
            told = f"not met since the gateway started; last heard of {today.duration(silent_ms // 1000)} ago"
        return [Finding(thing, "warning", f"{told}{f' ({problem})' if problem else ''}", do)]
    found = [_link(thing, known, now, running=running), _battery(thing, known.battery_pct)]
    if not known.calibration_version:
        found.append(Finding(thing, "warning", "not calibrated", "wear it, then: plumbline gateway calibrate"))
    if not known.plan_version:
        found.append(
            Finding(thing, "warning", "no plan yet", "your therapist sets it; it comes by itself once the broker works")
        )
    if known.update:
        found.append(Finding(thing, "ok", known.update))
    if now is not None and now.clock_error_ms is not None:
        good = now.clock_error_ms <= CLOCK_MS
        told = f"its clock is known within {max(1, round(now.clock_error_ms))} ms"
        do = "" if good else "leave it connected for a few minutes"
        found.append(Finding(thing, "ok" if good else "warning", told, do))
    return found


def _link(thing: str, known: messages.ClipStatus, now: ClipNow | None, *, running: bool) -> Finding:
    versions = f"firmware {known.firmware or 'unknown'}, plan {known.plan_version or 'none'}"
    if not running:
        return Finding(thing, "ok", f"met before; {versions}")
    if known.link in {"live", "draining"}:
        return Finding(thing, "ok", f"connected; {versions}")
    why = f" ({now.problem})" if now is not None and now.problem else ""
    return Finding(
        thing,
        "warning",
        f"{LINK_WORDS[known.link]}{why}",
        "bring it near; if that does not help, press its button, and pair it again: plumbline gateway pair",
    )


def _battery(thing: str, percent: int) -> Finding:
    if percent <= LOW_BATTERY_PCT:
        return Finding(thing, "warning", f"battery {percent} %", "charge it today")
    return Finding(thing, "ok", f"battery {percent} %")


def clock(utc_ms: int, synchronised: bool | None, system: str) -> Finding:
    """The computer's clock. `synchronised`: whether the system says that it is; None when it does not say."""
    do = {
        "linux": "set it by network: sudo timedatectl set-ntp true",
        "darwin": "set it by network: System Settings, General, Date & Time",
    }.get(system, "set it by network: Settings, Time & language")
    if utc_ms < SET_UTC_MS:
        return Finding("clock", "problem", "this computer's clock is years behind", do)
    if synchronised is False:
        return Finding("clock", "warning", "this computer's clock is not set by network", do)
    if synchronised is None:
        return Finding("clock", "ok", "the date is plausible; the system does not say whether it is set by network")
    return Finding("clock", "ok", "set by network")


def broker(address: str, problem: str, *, tls: bool, running: bool) -> Finding:
    """The broker: reached, trusted and let in, or why not. `running`: by the gateway's word, not by an attempt."""
    if problem:
        return Finding("broker", "problem", problem, "records wait here meanwhile; if it stays so, tell the clinic")
    how = "the gateway is connected" if running else "reached, and lets this gateway in"
    if tls:
        return Finding("broker", "ok", f"{how}; its certificate is good ({address})")
    return Finding("broker", "ok", f"{how}, without TLS ({address})")


def permissions(wide: Sequence[tuple[Path, int]], missing: Sequence[Path] = ()) -> Finding:
    """Files that others can read, with their modes; and those that this user cannot write."""
    if missing:
        names = ", ".join(str(path) for path in missing)
        return Finding("permissions", "problem", f"you cannot write {names}", "make them yours: sudo chown -R you PATH")
    if wide:
        names = ", ".join(f"{path} ({stat.S_IMODE(mode):o})" for path, mode in wide)
        paths = " ".join(str(path) for path, _ in wide)
        return Finding("permissions", "problem", f"others can read {names}", f"chmod go= {paths}")
    return Finding("permissions", "ok", "configuration and data are readable by you only")


def disk(free: int, used: int, bound: int, status: messages.Status | None) -> list[Finding]:
    """Room: bytes free on the disk, bytes that the database takes, and the bound it keeps to."""
    found = []
    told = f"{_mb(free)} free; the database takes {_mb(used)} of at most {_mb(bound)}"
    if status is not None and status.storage_problem:
        found.append(Finding("disk", "problem", status.storage_problem, "free some room; nothing is lost meanwhile"))
    elif free < ROOM_BYTES:
        found.append(Finding("disk", "warning", told, "free some room, or lower outbox_mb in the configuration"))
    else:
        found.append(Finding("disk", "ok", told))
    if status is not None and status.thinned_rows:
        given_up = f"{counted(status.thinned_rows, 'record')} given up before the server had them"
        found.append(Finding("disk", "warning", given_up, "raise outbox_mb, and see that the broker is reached"))
    if status is not None and status.rejected_rows:
        rejected = f"the server rejected {counted(status.rejected_rows, 'record')}; they are kept here"
        found.append(Finding("outbox", "warning", rejected, "tell the clinic"))
    return found


def _mb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def gateway(*, running: bool, last_utc_ms: int | None, utc_ms: int, installed: bool, active: bool | None) -> Finding:
    """Whether the gateway runs, and starts by itself. `active`: what the system says of its service, None: nothing."""
    if running and installed:
        return Finding("gateway", "ok", "runs, and starts by itself")
    if running:
        return Finding(
            "gateway", "warning", "runs, but not by itself after a restart", "plumbline gateway install-service"
        )
    last = "" if last_utc_ms is None else f"; it ran {today.duration(max(0, utc_ms - last_utc_ms) // 1000)} ago"
    if installed:
        why = "its service is active, yet it does not answer" if active else "installed, but does not run"
        return Finding("gateway", "problem", why + last, "see why: plumbline gateway run --plain")
    return Finding(
        "gateway", "warning", f"does not run{last}", "plumbline gateway run, or once and for all: install-service"
    )
