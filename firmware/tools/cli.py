"""The command `plumbline clip`."""

from __future__ import annotations

import json
import logging
import os
import shlex
import subprocess
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Column, Table

from . import partitions
from .build import LIMIT, MARCH, BuildError, Built, build, firmware_version
from .flash import HOW_TO_GET, commands, find_mpremote, may_fail
from .printing import show
from .report import make

app = typer.Typer(help="Build the clip's firmware, put it onto a board, report its budgets.", no_args_is_help=True)

UNTRIED: Final = "This has not been tried on a board."
_OUT: Final = Path("build/firmware")
_FETCHED: Final = Path("build/micropython32/micropython")

console = Console()
Board = Annotated[str, typer.Option(help=f"One of: {', '.join(MARCH)}.")]


def _stop(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(2)


def _make(out: Path, board: str) -> Built:
    if board not in MARCH:
        raise _stop(f"no board {board}; there are: {', '.join(MARCH)}")
    try:
        return build(out, board)
    except (BuildError, OSError) as error:
        raise _stop(_why(error)) from None


def _why(error: Exception) -> str:
    """A file by its name and what is the matter with it; else what the error says."""
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)


@app.command("build")
def build_command(
    out: Annotated[Path, typer.Option(help="Folder to write into, one folder below it for each board.")] = _OUT,
) -> None:
    """Compile the firmware for both boards; exit code 1 when it is too large."""
    made = [_make(out, board) for board in MARCH]
    table = Table(Column("file", overflow="fold"), *(f"{built.board} ({MARCH[built.board]})" for built in made))
    for path in sorted({path for built in made for path in built.files}):
        table.add_row(path, *(f"{built.files[path]:,}" for built in made))
    table.add_section()
    table.add_row(f"all .mpy, at most {LIMIT:,}", *(f"{built.compiled:,}" for built in made))
    table.add_section()
    table.add_row(f"image, at most {partitions.SLOT_SIZE:,}", *(f"{built.image.stat().st_size:,}" for built in made))
    console.print(table)
    console.print(f"in {out}, with SHA-256 digests in each manifest.json; BOARD.romfs is the package as an image")
    if len({built.image.read_bytes() for built in made}) > 1:
        raise _stop("the images of the boards differ, and a release is one for all")
    if any(built.compiled > LIMIT for built in made):
        raise typer.Exit(1)


@app.command("flash")
def flash_command(
    board: Board = "esp32c3",
    port: Annotated[str | None, typer.Option(help="Serial port; the first board found without it.")] = None,
    keys: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File of trusted gateways, copied as keys.bin.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the build.")] = _OUT,
    no_slots: Annotated[
        bool, typer.Option("--no-slots", help="For a board without the partition: runs from files, takes no updates.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands, run none.")] = False,
) -> None:
    """Build for one board and copy everything onto it over USB with mpremote. Not tried on a board."""
    built = _make(out, board)
    mpremote = find_mpremote()
    if mpremote is None and not dry_run:
        raise _stop(HOW_TO_GET)
    typer.echo(UNTRIED, err=True)
    if not no_slots:
        typer.echo("Once for each board, before all else, so that it has room for two firmwares (its files are lost):")
        for step in partitions.how_to_install(board, str(out / "partitions.bin"), port):
            typer.echo(f"  {shlex.join(step)}")
    for step in commands(built, mpremote or ["mpremote"], port, keys, in_slots=not no_slots):
        typer.echo(shlex.join(step))
        if not dry_run and subprocess.run(step, check=False).returncode and not may_fail(step):  # noqa: S603 - ours
            if "romfs" in step:
                typer.echo("Does the board have the partition, as above? Without it: --no-slots", err=True)
            raise typer.Exit(1)


@app.command("keygen")
def keygen_command(key: Annotated[Path, typer.Argument(help="File for the new private key.")]) -> None:
    """Make a publisher's key for signing releases, and print the public half, which gateways check them with."""
    from . import release  # noqa: PLC0415 - the other commands do without its library

    try:
        public = release.make_key(key)
    except OSError as error:
        raise _stop(_why(error)) from None
    typer.echo(f'"publisher": "{public}"')
    typer.echo(
        f"goes into the configuration of each gateway; {key} stays with you, and is readable by you alone", err=True
    )


@app.command("release")
def release_command(
    release_file: Annotated[Path, typer.Argument(metavar="OUT", help="File to write.")],
    key: Annotated[Path, typer.Option(help="The publisher's private key, as `keygen` makes it.")],
    version: Annotated[
        str | None, typer.Option(help="Three numbers; must be the firmware's own.", show_default="the firmware's")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the build.")] = _OUT,
) -> None:
    """Build the firmware and sign it for clips to take over the air."""
    from . import release  # noqa: PLC0415 - the other commands do without its library

    images = {_make(out, board).image.read_bytes() for board in MARCH}
    own = firmware_version()
    if len(images) > 1:
        raise _stop("the images of the boards differ, and a release is one for all")
    if version is not None and version != own:
        raise _stop(f"the firmware calls itself {own} (FIRMWARE in app.py), not {version}")
    try:
        made = release.pack(release.load_key(key), own, images.pop())
        release_file.write_bytes(made)
    except (release.WrongKeyError, ValueError, OSError) as error:
        raise _stop(_why(error)) from None
    typer.echo(f"{release_file}: version {own}, {len(made):,} bytes")


@app.command("report")
def report_command(
    hours: Annotated[float, typer.Option(min=0.25, help="Length of the simulated day, in hours.")] = 10.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for everything that was measured.")] = None,
    micropython: Annotated[
        str | None, typer.Option(envvar="MICROPYTHON_32BIT", help="A 32-bit MicroPython.", show_default=False)
    ] = None,
) -> None:
    """Live through a scripted day in the 32-bit interpreter and print the budgets; exit code 1 when a bar is missed."""
    if json_file is not None and not json_file.parent.is_dir():
        raise _stop(f"{json_file}: there is no folder {json_file.parent} to write it into")
    program = micropython or (str(_FETCHED) if os.access(_FETCHED, os.X_OK) else None)
    if program is None:
        raise _stop("it needs a 32-bit MicroPython: .ci/micropython32 build/micropython32 fetches one")
    logging.getLogger("firmware.virtual").setLevel(logging.CRITICAL)  # a heap that is too small is no news here
    told = [0]

    def progress(share: float) -> None:
        if share >= (told[0] + 1) / 20:
            told[0] = int(share * 20)
            typer.echo(f"{told[0] * 5} %", err=True)

    try:
        report = make(hours, program, lambda text: typer.echo(text, err=True), progress)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        raise _stop(_why(error)) from None
    show(console, report)
    if json_file is not None:
        json_file.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    if not report.passed:
        raise typer.Exit(1)
