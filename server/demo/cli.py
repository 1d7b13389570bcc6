"""The command `plumbline demo`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from server.broker import BrokerError
from server.broker.run import Kind
from server.demo.check.client import ApiError
from server.demo.check.director import CheckError
from server.demo.check.disturb import Kind as Disturb
from server.demo.check.run import Options, ScriptKind, run
from server.demo.ending import interruptible
from server.demo.show import show
from server.demo.stations import StationError
from server.mqtt.address import BrokerUrlError
from server.serving import AddressError
from server.store import DatabaseUrlError

console = Console(stderr=True)
Crash = Literal["broker", "gateway", "server"]


def demo(
    check: Annotated[
        bool,
        typer.Option("--check", help="Headless: a scripted wearing, held against its truth."),
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    speed: Annotated[
        float | None, typer.Option(min=0.1, help="Simulated per wall time, at most. Default 1; --check: no limit.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the pages; 0: any free one.", min=0, max=65535)] = 8080,
    broker: Annotated[Kind | None, typer.Option(help="Which broker to start; default mosquitto if installed.")] = None,
    mqtt: Annotated[str | None, typer.Option(help="Use this broker instead: mqtt://host:port")] = None,
    seed: Annotated[int, typer.Option(help="Of the check's script.", min=0)] = 0,
    script: Annotated[ScriptKind, typer.Option(help="What the check plays.")] = "short",
    kill: Annotated[Crash | None, typer.Option(help="Crash this station in mid-check, for 10 s.")] = None,
    disturb: Annotated[Disturb | None, typer.Option(help="What else goes wrong in the check.")] = None,
    drop_link: Annotated[
        float | None, typer.Option(min=1, help="Simulated seconds out of range in the middle of the check.")
    ] = None,
    ordeal: Annotated[
        bool, typer.Option("--ordeal", help="Two wearers, and all that can go wrong, in an order that the seed draws.")
    ] = False,
    database: Annotated[
        str | None, typer.Option(help="An empty database for the check, postgresql://user@host/name; SQLite without.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="File for the check's JSON report instead of the output.")] = None,
) -> None:
    """Show Plumbline without hardware: a live virtual clip, and patients with weeks behind them."""
    if mqtt is not None and check:
        raise typer.BadParameter("the check starts a broker of its own; --mqtt is for showing")
    if not check and (kill or disturb or drop_link or ordeal or database or report):
        options_of_check = "--kill, --disturb, --drop-link, --ordeal, --database and --report"
        raise typer.BadParameter(f"{options_of_check} are options of the check; add --check")
    if disturb and drop_link:
        raise typer.BadParameter("the check takes --disturb or --drop-link, not both")
    if ordeal and (kill or disturb or drop_link or script != "short"):
        raise typer.BadParameter("the ordeal has everything of its own: a script, crashes, disturbances")
    with interruptible(), tempfile.TemporaryDirectory(prefix="plumbline-") as folder:
        try:
            if check:
                options = Options(
                    seed=seed,
                    broker=broker,
                    crash=kill,
                    disturb=disturb,
                    drop_link_s=drop_link,
                    ordeal=ordeal,
                    speed=speed,
                    script=script,
                    database=database,
                )
                _check(options, Path(folder), report)
            else:
                show(
                    Path(folder),
                    console=console,
                    broker=broker,
                    mqtt=mqtt,
                    speed=speed or 1.0,
                    port=port,
                    browser=not no_browser,
                )
        except KeyboardInterrupt:
            console.print("Stopped.")
            raise typer.Exit(130 if check else 0) from None
        except (
            AddressError,
            BrokerError,
            BrokerUrlError,
            DatabaseUrlError,
            StationError,
            CheckError,
            ApiError,
        ) as error:
            console.print(f"[red]plumbline demo:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error


def _check(options: Options, folder: Path, report: Path | None) -> None:
    result = run(options, folder, lambda words: console.print(words, highlight=False))
    text = json.dumps(result, indent=2)
    if report is None:
        typer.echo(text)
    else:
        report.write_text(text + "\n")
    for difference in result["differences"]:
        console.print(f"[red]{difference['rule']}[/] {escape(str(difference['detail']))}", highlight=False)
    console.print("[green]Everything holds.[/]" if result["passed"] else "[red]The invariant does not hold.[/]")
    raise typer.Exit(0 if result["passed"] else 1)
