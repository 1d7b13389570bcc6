"""`plumbline gateway status`."""

from __future__ import annotations

import json
from typing import Annotated, Final

import typer

from gateway.config import GatewayConfig
from gateway.face import caller, own_data
from gateway.face.asking import Answer, Ask, AskError
from gateway.face.caller import NotRunningError
from gateway.face.commands.shared import DEFAULT_CONFIG, ConfigOption, fail, load, utc_ms
from gateway.face.live_view import Days
from gateway.face.own_data import DataError
from gateway.face.today import SoFar
from gateway.face.view import Line, lines

MARKS: Final = {"good": "  ", "waits": "  ", "none": "  ", "problem": "! "}
NOW_ONLY: Final = frozenset({"link", "now", "broker", "next", "clock", "fetching"})
"""Labels of what is only true of a gateway that runs."""


def status(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how the gateway and its clips are; when it does not run, how they were last."""
    settings = load(config)
    now, running = _now(settings)
    if as_json:
        typer.echo(_as_json(now, running=running))
        return
    last = now.status
    assert last is not None  # noqa: S101  (see _now)
    state = "runs" if running else f"{_not_answering(settings)}; as it was {ago(last.utc_ms)}"
    typer.echo(f"gateway {settings.gateway}: {state}")
    shown = lines(now, _days(settings), settings.broker, ())
    for line in shown:
        if running or line.label not in NOW_ONLY:
            _print(line)
    if not running and not caller.in_use(settings.data_dir):
        typer.echo("start it: plumbline gateway run, or once and for all: plumbline gateway install-service")


def _not_answering(settings: GatewayConfig) -> str:
    return "does not answer, though its data are in use" if caller.in_use(settings.data_dir) else "does not run"


def _now(settings: GatewayConfig) -> tuple[Answer, bool]:
    try:
        answer = caller.ask(settings.data_dir, Ask(schema="ask/1", kind="status"))
        if answer.status is not None:
            return answer, True
        fail(answer.problem)
    except AskError as error:
        fail(str(error))
    except NotRunningError:
        pass
    try:
        known = own_data.last_status(settings.database)
    except DataError as error:
        fail(str(error))
    if known is None:
        fail(f"this gateway has not run yet, or not with the data in {settings.data_dir}: plumbline gateway run")
    return Answer(schema="answer/1", status=known), False


def _days(settings: GatewayConfig) -> dict[str, SoFar]:
    try:
        return Days(settings.database, [clip.serial for clip in settings.clips]).so_far(utc_ms())
    except DataError as error:
        fail(str(error))


def _as_json(now: Answer, *, running: bool) -> str:
    told = now.model_dump(mode="json", by_alias=True)
    return json.dumps(
        told["status"] | {"running": running, "broker_connected": now.broker_connected, "now": told["clips"]}
    )


def _print(line: Line) -> None:
    typer.echo(line.text if line.title else f"  {line.label:<9} {MARKS[line.mark]}{line.text}")


def ago(utc: int) -> str:
    """How long ago, in words."""
    minutes = max(0, utc_ms() - utc) // 60_000
    if minutes < 2:
        return "just now"
    if minutes < 120:
        return f"{minutes} minutes ago"
    hours = minutes // 60
    return f"{hours} hours ago" if hours < 48 else f"{hours // 24} days ago"
