"""`plumbline gateway`: run the gateway, and ask what it is doing."""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from gateway import config as configuration
from gateway import messages
from gateway.app import FACE, OWNER
from gateway.app import run as run_gateway
from gateway.config import ConfigError, GatewayConfig
from gateway.enrol_commands import DEFAULT_CONFIG, ConfigOption, enrol, pair
from gateway.outbox import OutboxError
from gateway.updating import ReleaseError, Shelf

EXAMPLE: Final = """{
  "gateway": "16 hexadecimal digits, this gateway's id",
  "broker": "mqtts://broker.example.org:8883",
  "password": "this gateway's password at the broker",
  "data_dir": "/var/lib/plumbline",
  "clips": [{"serial": "16 hexadecimal digits", "key": "64 hexadecimal digits"}]
}"""

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The patient's side: from the clip to the server.")
app.command()(enrol)
app.command()(pair)


@app.command()
def run(
    config: ConfigOption = DEFAULT_CONFIG,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell more.")] = False,
) -> None:
    """Run the gateway until Ctrl-C."""
    settings = _load(config)
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    clips = "1 clip" if len(settings.clips) == 1 else f"{len(settings.clips)} clips"
    typer.echo(f"gateway {settings.gateway}: {clips}, broker {settings.broker}. Ctrl-C stops it.")
    try:
        asyncio.run(_until_signal(settings))
    except OutboxError as error:
        _fail(str(error))


@app.command()
def status(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what the gateway last knew of itself and its clips, running or not."""
    settings = _load(config)
    known = _last_status(settings.database)
    if known is None:
        _fail(f"this gateway has not run yet, or not with the data in {settings.data_dir}")
    if as_json:
        typer.echo(known.model_dump_json(by_alias=True))
        return
    typer.echo(f"gateway {settings.gateway}, {_ago(known.utc_ms)}")
    typer.echo(f"  waiting for the server: {known.outbox_rows} records; rejected by it: {known.rejected_rows}")
    for problem in filter(None, (known.broker_problem, known.storage_problem)):
        typer.echo(f"  problem: {problem}")
    for clip in known.clips:
        typer.echo(
            f"  clip {clip.clip}: {clip.link}, battery {_or_unknown(clip.battery_pct, ' %')}, plan "
            f"{_or_unknown(clip.plan_version)}, calibration {_or_unknown(clip.calibration_version)}, firmware "
            f"{_or_unknown(clip.firmware)}{f'; {clip.update}' if clip.update else ''}"
        )


@app.command()
def update(
    release: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A signed release.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Check a release of the clip's firmware and keep it for every clip whose own is older, running or not."""
    settings = _load(config)
    try:
        taken = Shelf(settings.data_dir, settings.publisher).put(release)
    except (ReleaseError, OSError) as error:
        _fail(f"{release}: {error}" if isinstance(error, ReleaseError) else str(error))
    typer.echo(
        f"firmware {taken.name}: clips with an older one get it within minutes of being in reach, and install it when "
        "their button is pressed"
    )


def _fail(message: str) -> NoReturn:
    typer.echo(f"plumbline gateway: {message}", err=True)
    raise typer.Exit(1)


def _load(path: Path) -> GatewayConfig:
    try:
        return configuration.load(path)
    except ConfigError as error:
        typer.echo(f"plumbline gateway: {error}\n\nA configuration looks like this:\n{EXAMPLE}", err=True)
        raise typer.Exit(2) from error


async def _until_signal(settings: GatewayConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C cancels the task instead
            loop.add_signal_handler(number, stop.set)
    await run_gateway(settings, utc_ms=_utc_ms, stop=stop)


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000


def _last_status(database: Path) -> messages.Status | None:
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT value FROM state WHERE owner = ? AND name = ?", (OWNER, FACE)).fetchone()
    except sqlite3.DatabaseError as error:
        _fail(f"cannot read {database}: {error}")
    return messages.Status.model_validate_json(row[0]) if row else None


def _ago(utc_ms: int) -> str:
    minutes = max(0, _utc_ms() - utc_ms) // 60_000
    return "just now" if minutes < 2 else f"{minutes} minutes ago"


def _or_unknown(value: int | str | None, unit: str = "") -> str:
    return "unknown" if value is None else f"{value}{unit}"
