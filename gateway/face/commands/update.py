"""`plumbline gateway update`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.face.commands.shared import DEFAULT_CONFIG, ConfigOption, fail, load
from gateway.updating import ReleaseError, Shelf


def update(
    release: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A signed release.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Check a release of the clip's firmware and keep it for every clip whose own is older, running or not."""
    settings = load(config)
    try:
        taken = Shelf(settings.data_dir, settings.publisher).put(release)
    except (ReleaseError, OSError) as error:
        fail(f"{release}: {error}" if isinstance(error, ReleaseError) else str(error))
    typer.echo(
        f"firmware {taken.name}: clips with an older one get it within minutes of being in reach, and install it when "
        "their button is pressed"
    )
