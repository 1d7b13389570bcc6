"""Looking after a server."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from server.commands.common import bury, in_words, setting_in_words, settings, utc_now_ms
from server.operation.backup import back_up
from server.operation.backup import restore as put_back
from server.operation.checks import findings
from server.operation.findings import Finding, problem
from server.settings import SettingsError

_STYLES: Final = {"ok": "green", "note": "yellow", "problem": "red"}


def check(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Look at settings, database, files, broker, TLS, address, disk and clock, and say what to do. Changes nothing.

    Exit status 1 where there is a problem."""
    found = _found()
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        console = Console()
        for finding in found:
            style = _STYLES[finding.state]
            console.print(
                f"[{style}]{finding.state:8}[/]{finding.topic:10}{escape(finding.words)}",
                highlight=False,
                soft_wrap=True,
            )
            if finding.advice:
                console.print(f"{'':18}{escape(finding.advice)}", highlight=False, soft_wrap=True)
    raise typer.Exit(int(any(finding.state == "problem" for finding in found)))


def _found() -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(findings(settings(), utc_now_ms()))
    except ValidationError as error:
        found.append(problem("settings", setting_in_words(error), "correct it"))
    except SettingsError as error:
        found.append(problem("settings", str(error), "correct it"))
    except OSError as error:
        advice = "run this as the user that the server runs as, or see to the owner and the permissions"
        found.append(problem("files", f"{error.filename or 'a file'} cannot be looked at: {error.strerror}", advice))
    return found


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; must not exist yet.")],
) -> None:
    """Back the store up, also while the server runs. The file holds names and health data: keep it as the store itself.

    Settings, keys and the tombstones of who was erased are not in it; keep them apart from it.
    """
    with in_words() as settings:
        made = back_up(settings.database, file, utc_now_ms())
        typer.echo(f"{file}: {made.database} at revision {made.revision}, {made.total} rows, {made.size} bytes")


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `backup` wrote.")],
) -> None:
    """Put a backup into the empty store that the settings name, verified and brought to this version.

    Who was erased since is erased again, and everybody is signed out, before anybody can be served.
    """
    with in_words() as settings:
        made, gone = put_back(settings.database, file, partial(bury, settings))
        typer.echo(
            f"{made.total} rows of revision {made.revision} are restored and verified, {gone} patients erased again"
        )
        if not settings.tombstones.exists():
            typer.echo(
                f"There are no tombstones at {settings.tombstones}: whoever was erased or withdrew consent since the "
                "backup is back. If anybody was, put that file there before you start the server."
            )
        typer.echo(
            "Everybody is signed out. Passwords, tokens, computers and who cares for whom are as they were when the "
            "backup was made: end again what has been ended since."
        )
