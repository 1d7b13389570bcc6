"""`plumbline gateway install-service` and `uninstall-service`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.face import caller, service
from gateway.face.commands.shared import DEFAULT_CONFIG, ConfigOption, fail, load
from gateway.face.service import Service, ServiceError

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def install_service(config: ConfigOption = DEFAULT_CONFIG, dry_run: DryRun = False) -> None:
    """Have the gateway start by itself whenever you sign in, and now."""
    settings = load(config)
    found = _here(config)
    if dry_run:
        encoding = "utf-16" if found.system == "windows" else "utf-8"
        typer.echo(f"would write {found.file}:\n\n{found.text.decode(encoding)}\nand run:")
        for command in found.enable:
            typer.echo(f"  {' '.join(command)}")
        return
    if not service.installed(found) and caller.in_use(settings.data_dir):
        fail("a gateway runs already: stop it first, with Ctrl-C where it runs; then install-service starts it anew")
    try:
        service.install(found)
    except ServiceError as error:
        fail(str(error))
    typer.echo(f"The gateway runs now, and whenever you sign in ({found.file}).")
    typer.echo(f"  how it is   plumbline gateway status\n  its log     {found.logs}")
    if found.system == "systemd":
        typer.echo('  to run it also while nobody is signed in (a Raspberry Pi): sudo loginctl enable-linger "$USER"')


def uninstall_service(config: ConfigOption = DEFAULT_CONFIG, dry_run: DryRun = False) -> None:
    """Stop the gateway, and start it by itself no more. Data and configuration stay."""
    load(config)
    found = _here(config)
    if not service.installed(found):
        fail(f"no such service is installed: there is no {found.file}")
    if dry_run:
        typer.echo(f"would run:\n  {' '.join(found.disable[0])}\nand remove {found.file}")
        return
    try:
        service.remove(found)
    except ServiceError as error:
        fail(str(error))
    typer.echo("The gateway is stopped, and starts by itself no more. Data and configuration stay.")


def _here(config: Path) -> Service:
    found = service.here(config, load(config))
    if found is None:
        fail("no kind of service is known for this system; have it run `plumbline gateway run --plain` at login")
    return found
