"""`plumbline gateway enrol` and `pair`: from a therapist's code and a clip in the hand to live numbers."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Final, NoReturn

import platformdirs
import typer
from rich.console import Console
from rich.status import Status

from gateway import config as configuration
from gateway import enrolling, first_steps
from gateway.alone import Alone
from gateway.config import ConfigError, GatewayConfig
from gateway.enrolling import EnrolError, KeepIn
from gateway.first_steps import StepError, Wishes
from gateway.outbox import OutboxError
from gateway.pairing import PairingError
from gateway.radio import RadioError

DEFAULT_CONFIG: Final = Path(platformdirs.user_config_dir("plumbline")) / "gateway.json"
DATA_DIR: Final = Path(platformdirs.user_data_dir("plumbline")) / "gateway"

ConfigOption = Annotated[Path, typer.Option("--config", help="The gateway's configuration file.", show_default=True)]


def enrol(
    code: Annotated[
        str, typer.Argument(help="The code from your therapist, like 4F7KQ-M2XPN; asked for without.")
    ] = "",
    server: Annotated[str, typer.Option(prompt="The server's address", help="Like https://clinic.example.org.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    data_dir: Annotated[
        Path | None, typer.Option(help=f"Where records wait for the server; {DATA_DIR}, or beside --config, without.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="In place of an enrolment that is there.")] = False,
    keep_in: Annotated[
        KeepIn, typer.Option(help="Where the password is kept; auto: in the system's keyring where there is one.")
    ] = "auto",
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificates to trust at the server, where the clinic has its own authority.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow http to a private test server.")] = False,
) -> None:
    """Connect this computer to your therapist's server, with the code that you were given."""
    code = code or typer.prompt("The code from your therapist")
    try:
        made = enrolling.enrol(
            code,
            server,
            config,
            data_dir or _data_dir(config),
            replace=replace,
            insecure=insecure,
            ca_file=ca_file,
            keep_in=keep_in,
        )
    except EnrolError as error:
        _fail(str(error))
    place = f"the system's keyring ({made.keyring})" if made.keyring else "the configuration, which only you can read"
    typer.echo(
        f"This computer is connected, as gateway {made.config.gateway}.\n"
        f"  configuration  {config}\n"
        f"  password       in {place}\n"
        f"  broker         {made.config.broker}\n"
        f"Next, with the clip at hand: {_line('pair', config)}"
    )


def pair(
    config: ConfigOption = DEFAULT_CONFIG,
    wait_s: Annotated[float, typer.Option(min=1, help="How long to look for the clip.")] = 60.0,
    watch_s: Annotated[float, typer.Option(min=0, help="How long to show live numbers at the end.")] = 30.0,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Calibrate also a clip that is already.")] = False,
    simulated: Annotated[bool, typer.Option("--simulated", help="Label its records: it is a virtual clip.")] = False,
    only_pair: Annotated[bool, typer.Option("--only-pair", help="Stop once the clip is paired.")] = False,
) -> None:
    """Pair a clip, put it on, calibrate it, and see live numbers. The gateway must not run meanwhile."""
    try:
        settings = configuration.load(config)
    except ConfigError as error:
        typer.echo(f"plumbline gateway: {error}\n\nConnect this computer first: plumbline gateway enrol", err=True)
        raise typer.Exit(2) from error
    wishes = Wishes(look_s=wait_s, watch_s=watch_s, calibrate=calibrate, simulated=simulated)
    try:
        with _Terminal() as teller:
            asyncio.run(_first_steps(settings, config, teller, wishes, only_pair=only_pair))
    except (PairingError, RadioError, StepError, OutboxError) as error:
        _fail(str(error))
    typer.echo(f"All set. Start it with: {_line('run', config)}")


async def _first_steps(
    settings: GatewayConfig, path: Path, teller: first_steps.Teller, wishes: Wishes, *, only_pair: bool
) -> None:
    with Alone(settings.data_dir):
        clip = await first_steps.pair_clip(settings, path, teller, wishes, utc_ms=_utc_ms)
        if not only_pair:
            await first_steps.walk(settings, clip, teller, wishes, utc_ms=_utc_ms)


class _Terminal:
    """Tells a person at a terminal with one line that changes, and anybody else line by line."""

    def __init__(self) -> None:
        self._console = Console()
        self._status = Status("", console=self._console) if self._console.is_terminal else None
        self._shown = ""

    def __enter__(self) -> _Terminal:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def say(self, line: str) -> None:
        """See Teller."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(self, line: str) -> None:
        """See Teller."""
        if self._status is not None:
            self._status.update(line)
        elif line != self._shown:
            self._console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        self._shown = line


def _data_dir(config: Path) -> Path:
    """Each configuration has data of its own."""
    return DATA_DIR if config == DEFAULT_CONFIG else config.with_name(f"{config.stem}-data")


def _line(command: str, config: Path) -> str:
    return f"plumbline gateway {command}" + ("" if config == DEFAULT_CONFIG else f" --config {config}")


def _fail(message: str) -> NoReturn:
    typer.echo(f"plumbline gateway: {message}", err=True)
    raise typer.Exit(1)


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000
