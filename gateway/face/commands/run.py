"""`plumbline gateway run`."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.app import run as run_gateway
from gateway.config import GatewayConfig
from gateway.face import door, live_view, logs, metrics
from gateway.face.commands.shared import DEFAULT_CONFIG, ConfigOption, fail, load, utc_ms
from gateway.inside import Face
from gateway.outbox import OutboxError


def run(
    config: ConfigOption = DEFAULT_CONFIG,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log lines, and more of them.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines instead of the view.")] = False,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log lines as JSON, one object each.")] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option("--metrics", metavar="PORT", min=1, max=65535, help="Figures for Prometheus at 127.0.0.1:PORT."),
    ] = None,
) -> None:
    """Run the gateway until Ctrl-C. At a terminal it shows how everything is, otherwise log lines."""
    settings = load(config)
    console = Console()
    shown = console.is_terminal and not console.is_dumb_terminal and not (verbose or plain or json_logs)
    faces: list[Face] = [door.serve]
    if metrics_port is not None:
        try:
            faces.append(metrics.at(metrics.bind(metrics_port)))
        except OSError as error:
            fail(f"--metrics {metrics_port}: {error.strerror or error}; another port may do")
    secrets = logs.secrets_of(settings)
    if shown:
        recent = logs.Recent(secrets)
        logs.use(recent, verbose=False)
        faces.append(live_view.on(console, recent.lines))
    else:
        logs.use(logs.to_stream(sys.stderr, secrets, as_json=json_logs), verbose=verbose)
    if not json_logs and not shown:
        clips = "1 clip" if len(settings.clips) == 1 else f"{len(settings.clips)} clips"
        typer.echo(f"gateway {settings.gateway}: {clips}, broker {settings.broker}. Ctrl-C stops it.")
    try:
        asyncio.run(_until_signal(settings, config, faces))
    except OutboxError as error:
        fail(str(error))
    if shown:
        typer.echo("The gateway has stopped. The clip goes on by itself and keeps what it measures.")


async def _until_signal(settings: GatewayConfig, path: Path, faces: list[Face]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C cancels the task instead
            loop.add_signal_handler(number, stop.set)
    await run_gateway(settings, utc_ms=utc_ms, stop=stop, faces=faces, config_file=path)
