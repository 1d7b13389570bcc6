"""The `plumbline` command: a small loader of sub-commands.

Each sub-command comes through the entry-point group `plumbline.commands` and is imported only when it is called or
described, so that the command works with any subset of extras.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points, version
from typing import Annotated, Final

import typer
import typer.core
import typer.main
from rich.markup import escape

GROUP: Final = "plumbline.commands"
EXTRA_OF: Final = {
    "clip": "virtual",
    "demo": "gateway,server,virtual",
    "evaluate": "evaluate",
    "prove": "gateway,server,virtual",
    "server": "server",
}
OWN: Final = ("firmware", "gateway", "server")
"""Packages that no extra brings: one of their modules that is missing is a fault."""


class _Loader(typer.core.TyperGroup):
    """A command group whose commands are entry points."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Names of all sub-commands, installed extras or not."""
        del ctx
        return sorted({point.name for point in entry_points(group=GROUP)})

    def get_command(self, ctx: typer.Context, cmd_name: str) -> typer.core.TyperCommand | None:  # type: ignore[override]
        """The sub-command, or one that says which extra it needs."""
        del ctx
        for point in entry_points(group=GROUP):
            if point.name == cmd_name:
                try:
                    return _as_command(point.load(), cmd_name)
                except ModuleNotFoundError as error:
                    if error.name is None or error.name.partition(".")[0] in OWN:
                        raise
                    return _unavailable(cmd_name, error.name)
        return None


def _as_command(loaded: object, name: str) -> typer.core.TyperCommand:
    if not isinstance(loaded, typer.Typer):
        if not callable(loaded):
            raise TypeError(f"entry point {name} is neither a Typer application nor a function")
        loaded = _single(loaded)
    command = typer.main.get_command(loaded)
    command.name = name
    return command  # type: ignore[return-value]


def _single(function: Callable[..., object]) -> typer.Typer:
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return app


def _unavailable(name: str, missing: str) -> typer.core.TyperCommand:
    """A command that takes whatever is asked of the real one, and says how to get that."""
    extra = EXTRA_OF.get(name, "gateway")

    def explain() -> None:
        typer.echo(
            f"'plumbline {name}' needs the module {missing}; install it with: pip install 'plumbline[{extra}]'",
            err=True,
        )
        raise typer.Exit(2)

    command = _as_command(explain, name)
    command.help = command.short_help = escape(f"Not installed; get it with: pip install 'plumbline[{extra}]'")
    command.add_help_option = False
    command.context_settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return command


main = typer.Typer(
    cls=_Loader,
    name="plumbline",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"plumbline {version('plumbline')}")
        raise typer.Exit


@main.callback()
def _main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Plumbline: posture at work, from the clip on the back to the therapist's page."""
    del show_version
