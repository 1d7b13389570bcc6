"""`plumbline server erase` and `consent`: what became of erasures, and the text that is agreed to."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from server.commands.common import fail, found_store, in_words, store, utc_now_ms
from server.rights import texts
from server.rights.reports import Report, reports
from server.rights.texts import ConsentText, ConsentTextError
from server.store import reading, writing

erase = typer.Typer(no_args_is_help=True, help="Patients who were erased.")
consent = typer.Typer(no_args_is_help=True, help="What patients agree to.")


@erase.command()
def status(
    pseudonym: Annotated[str | None, typer.Argument(help="Of one patient only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say what is gone, by kind, and which computers have not erased what they hold. Status 1 where rows are left."""
    with in_words() as settings, reading(found_store(settings)) as db:
        found = [one for one in reports(db) if pseudonym in (None, one.pseudonym)]
    if pseudonym is not None and not found:
        fail(f"nobody called {pseudonym} was erased")
    if as_json:
        typer.echo(json.dumps([asdict(one) | {"state": one.state} for one in found], indent=2))
    elif found:
        for one in found:
            typer.echo("\n".join(_lines(one)))
    else:
        typer.echo("nobody was erased")
    raise typer.Exit(int(any(one.left for one in found)))


def _lines(one: Report) -> list[str]:
    gone = ", ".join(f"{name} {count}" for name, count in one.gone.items()) or "nothing was held any more"
    lines = [f"{one.pseudonym}  {one.state}, erased {_when(one.at_ms)} by {one.actor}", f"  gone: {gone}"]
    if one.counted_ms is None:
        lines.append("  not counted again yet")
    else:
        left = ", ".join(f"{name} {count}" for name, count in (one.left or {}).items()) or "nothing"
        lines.append(f"  left when counted again {_when(one.counted_ms)}: {left}")
    lines += [
        f"  outstanding since {_when(item.since_ms)}: computer {item.gateway}, clip {item.clip}"
        + (", which somebody else wears there by now" if item.held_back else f", {item.told}" if item.told else "")
        for item in one.outstanding
    ]
    if one.completed_ms is not None:
        lines.append(f"  complete since {_when(one.completed_ms)}")
    return lines


def _when(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


@consent.command()
def publish(
    file: Annotated[Path, typer.Argument(help="The text, UTF-8; paragraphs apart by empty lines.", dir_okay=False)],
    version: Annotated[str, typer.Option(help="What this text is called, like 2026-11. It never changes.")],
    purpose: Annotated[str, typer.Option(help="What for, in one line.")],
) -> None:
    """From now on ask for consent to this text. Who agreed to an earlier one is asked anew; nothing is refused."""
    with in_words() as settings:
        try:
            text = ConsentText(version, purpose, file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            fail(f"{file}: not UTF-8")
        with writing(store(settings)) as db:
            try:
                texts.publish(db, text, utc_now_ms())
            except ConsentTextError as error:
                fail(str(error))
        typer.echo(f"text {version} is asked for from now on")


@consent.command()
def show() -> None:
    """Print the text that is asked for now."""
    with in_words() as settings, reading(store(settings)) as db:
        text = texts.newest(db)
    typer.echo(f"{text.version}: {text.purpose}\n\n{text.body}")
