"""Looking after a server."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from server.commands.common import setting_in_words, settings, utc_now_ms
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
    try:
        return list(findings(settings(), utc_now_ms()))
    except ValidationError as error:
        return [problem("settings", setting_in_words(error), "correct it")]
    except SettingsError as error:
        return [problem("settings", str(error), "correct it")]
