"""`plumbline gateway doctor`."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway import config as configuration
from gateway import messages
from gateway.config import ConfigError, GatewayConfig
from gateway.face import caller, doctor, own_data, probes, service
from gateway.face.asking import Answer, Ask, AskError
from gateway.face.caller import NotRunningError
from gateway.face.commands.shared import DEFAULT_CONFIG, ConfigOption, utc_ms
from gateway.face.doctor import Finding
from gateway.face.own_data import DataError

MARKS: Final = {"ok": "ok     ", "warning": "look   ", "problem": "PROBLEM"}
SUMMARY: Final = {
    "ok": "All in order.",
    "warning": "Nothing is broken; the lines with `look` say what could be better.",
    "problem": "The lines with PROBLEM say what to do first.",
}
WIDTH: Final = 100
IN_USE: Final = "another program uses the data (is it `plumbline gateway pair`?), so that the broker was not tried"


def diagnose(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at everything that must work, and say what to do about what does not."""
    findings = []
    for finding in _look(config):
        findings.append(finding)
        if not as_json:
            _print(finding)
    worst = doctor.worst(findings)
    if as_json:
        typer.echo(json.dumps({"worst": worst, "findings": [asdict(finding) for finding in findings]}))
    else:
        typer.echo(SUMMARY[worst])
    raise typer.Exit(1 if worst == "problem" else 0)


def _print(finding: Finding) -> None:
    lines = textwrap.wrap(finding.told, WIDTH - 24)
    typer.echo(f"{MARKS[finding.level]}  {finding.thing:<12} {lines[0]}")
    for line in lines[1:]:
        typer.echo(" " * 22 + line)
    if finding.do:
        for i, line in enumerate(textwrap.wrap(finding.do, WIDTH - 27, break_on_hyphens=False)):
            typer.echo(" " * 22 + ("-> " if not i else "   ") + line)


def _look(path: Path) -> Iterator[Finding]:
    try:
        settings = configuration.load(path)
    except ConfigError as error:
        yield doctor.version(sys.version_info[:3], version("plumbline"), None)
        yield doctor.bluetooth(*asyncio.run(probes.bluetooth()), sys.platform)
        yield Finding("settings", "problem", str(error), "connect this computer: plumbline gateway enrol")
        return
    now = _running(settings)
    status = now.status if now is not None else None
    yield doctor.version(sys.version_info[:3], version("plumbline"), status.version if status else None)
    yield Finding("settings", "ok", f"gateway {settings.gateway}, {path}")
    try:
        known = status or own_data.last_status(settings.database)
    except DataError as error:
        yield Finding("data", "problem", str(error), "move the file away, and keep it: the clips still have their part")
        known = None
    yield _service(path, settings, running=now is not None, last_utc_ms=known.utc_ms if known else None)
    if status is not None and any(clip.link == "live" for clip in status.clips):
        yield doctor.bluetooth("works", "in use by the gateway", sys.platform)
    else:
        yield doctor.bluetooth(*asyncio.run(probes.bluetooth()), sys.platform)
    yield from _clips(settings, now, known.clips if known else ())
    yield doctor.clock(utc_ms(), probes.synchronised(), sys.platform)
    yield _broker(settings, now)
    wide, fixed = probes.modes((path, settings.data_dir, settings.database))
    yield doctor.permissions(wide, fixed)
    yield from doctor.disk(*probes.room(settings), settings.outbox_mb * 1_000_000, known)


def _running(settings: GatewayConfig) -> Answer | None:
    try:
        return caller.ask(settings.data_dir, Ask(schema="ask/1", kind="status"))
    except (NotRunningError, AskError):
        return None


def _service(path: Path, settings: GatewayConfig, *, running: bool, last_utc_ms: int | None) -> Finding:
    kind = service.here(path, settings)
    return doctor.gateway(
        running=running,
        last_utc_ms=last_utc_ms,
        utc_ms=utc_ms(),
        installed=kind is not None and service.installed(kind),
        active=None if kind is None else service.active(kind),
    )


def _clips(settings: GatewayConfig, now: Answer | None, known: tuple[messages.ClipStatus, ...]) -> Iterator[Finding]:
    if not settings.clips:
        yield Finding("clip", "warning", "no clip is paired with this computer", "plumbline gateway pair")
    told = {clip.clip: clip for clip in known}
    more = {clip.clip: clip for clip in now.clips} if now is not None else {}
    for clip in settings.clips:
        yield from doctor.clip(
            told.get(clip.serial),
            more.get(clip.serial),
            clip.serial,
            running=now is not None,
            silent_ms=_silent_ms(settings, clip.serial),
        )


def _silent_ms(settings: GatewayConfig, clip: str) -> int | None:
    try:
        with own_data.reading(settings.database) as db:
            heard = own_data.last_heard(db, clip)
    except DataError:  # told of already
        return None
    return None if heard is None else max(0, utc_ms() - heard)


def _broker(settings: GatewayConfig, now: Answer | None) -> Finding:
    if now is not None and now.status is not None:
        problem = now.status.broker_problem or ("" if now.broker_connected else "not connected yet")
    elif caller.in_use(settings.data_dir):
        return Finding("broker", "warning", IN_USE, "stop that program, and try again")
    else:
        problem = asyncio.run(probes.broker(settings))
    return doctor.broker(settings.broker, problem, tls=settings.tls, running=now is not None)
