"""`plumbline gateway export` and `forget`: the patient's own data, out of this computer or off it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gateway import config as configuration
from gateway import private_files
from gateway.alone import Alone, InUseError
from gateway.face import export as exporting
from gateway.face import forget as forgetting
from gateway.face import own_data, tables
from gateway.face.commands.shared import DEFAULT_CONFIG, ClipOption, ConfigOption, clip_of, fail, load
from gateway.face.own_data import DataError
from gateway.face.tables import TableError
from gateway.face.view import counted
from gateway.outbox import Outbox, OutboxError


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to put the files; made when it is missing.")],
    form: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="Kind of file.")] = "csv",
    clip: Annotated[str, typer.Option("--clip", help="Only of this clip, by the last digits of its serial.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Your own data as tables: minutes, episodes, reminders, events. The gateway may run meanwhile."""
    settings = load(config)
    serial = clip_of(settings, clip) if clip else None
    write = tables.write_csv if form == "csv" else tables.write_parquet
    try:
        private_files.make_folder(folder)
        with own_data.reading(settings.database) as db:
            for table, columns in exporting.COLUMNS.items():
                path = folder / f"{table}.{form}"
                count = write(path, columns, exporting.rows(db, table, serial))
                typer.echo(f"{path}: {counted(count, 'row')}")
    except (DataError, TableError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot write to {folder}: {error.strerror}")
    typer.echo("Only you can read these files. What the columns mean: gateway/README.md.")


def forget(
    clip: ClipOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    even_unsent: Annotated[
        bool, typer.Option("--even-unsent", help="Also what the server has not got yet; nobody will have it then.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a clip from this computer, and all data of it here. What the server has stays there."""
    settings = load(config)
    serial = clip_of(settings, clip)
    try:
        with Alone(settings.data_dir):
            if settings.database.exists():
                Outbox(settings.database, lambda: 0, settings.limits).close()  # in the form that is known here
            found = forgetting.held(settings.database, serial)
            if found.waiting and not even_unsent:
                fail(
                    f"{counted(found.waiting, 'record')} of clip {serial} would be lost, because the server does not "
                    "have them yet. Let the gateway run until nothing waits, or add --even-unsent"
                )
            lost = f"; the server does not have {found.waiting:,} of them" if found.waiting else ""
            if not yes:
                typer.echo(f"Clip {serial}: its key and {counted(found.total, 'record')} go from this computer{lost}.")
                typer.echo("To keep a copy first: plumbline gateway export FOLDER")
                typer.confirm("Remove them?", abort=True)
            forgetting.forget(settings.database, serial)
            configuration.save(config, settings.without_clip(serial))
    except InUseError:
        fail("the gateway runs: stop it first (Ctrl-C where it runs, or plumbline gateway uninstall-service)")
    except OutboxError as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot write {config}: {error.strerror}")
    typer.echo(f"Clip {serial} is forgotten here; {counted(found.total, 'record')} removed.")
    typer.echo("What the server has stays there; your therapist can say more. To use the clip here again: pair it.")
