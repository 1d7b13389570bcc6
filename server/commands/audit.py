"""`plumbline server audit`: the trail of who read or wrote whose data, held against its own chain."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Engine, inspect

from server.audit import trail, verifying
from server.audit.chain import Link
from server.commands.common import fail, found, in_words
from server.settings import Settings
from server.store import reading
from server.store.tables import audit_entry

app = typer.Typer(no_args_is_help=True, help="The trail of who read or wrote whose data.")


def _as_it_is(settings: Settings) -> Engine:
    """The database without bringing it to another schema: whoever examines it changes nothing."""
    engine = found(settings)
    if not inspect(engine).has_table(audit_entry.name):
        fail("this database has no trail yet; `plumbline server migrate` begins one")
    return engine


@app.command()
def head() -> None:
    """Print the newest entry's number and hash. Kept elsewhere, they show later whether the trail was made anew."""
    with in_words() as settings, reading(_as_it_is(settings)) as db:
        newest = trail.head(db)
        typer.echo(f"{newest.number} {newest.hash}")


@app.command()
def verify(
    from_number: Annotated[
        int | None, typer.Option(min=1, help="Begin with this entry, of which `head` told the hash.")
    ] = None,
    hash_: Annotated[str | None, typer.Option("--hash", help="The hash that `head` told of that entry.")] = None,
) -> None:
    """Check that no entry was changed, taken out, put in or moved. Exit status 1 where one was, and which."""
    if (from_number is None) != (hash_ is None):
        fail("--from-number and --hash belong together: both are what `plumbline server audit head` printed")
    anchor = None if from_number is None or hash_ is None else Link(from_number, hash_.strip().lower())
    with in_words() as settings, reading(_as_it_is(settings)) as db:
        verdict = verifying.verify(db, anchor)
    if verdict.fault is not None:
        fail(f"the trail does not hold at entry {verdict.fault.number}: {verdict.fault.words}")
    typer.echo(f"the trail holds: {verdict.checked} entries checked, the newest is {verdict.last.number}")
