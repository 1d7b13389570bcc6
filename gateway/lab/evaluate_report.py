"""What every evaluation gives back: figures, tables of them, bars, and what it cannot judge."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Column, Table

WIDTH: Final = 120
"""Columns of the tables where neither a terminal nor COLUMNS says how many there are."""


class EvaluationError(Exception):
    """Something that the user can put right: a wrong folder, a file of another kind."""


class MissingError(Exception):
    """A peer that is not installed, or that this machine cannot load. The text says which."""


@dataclass(frozen=True)
class Bar:
    """A figure and what it may be at most (or, with `at_least`, at least). Without a limit nothing is judged, and
    `why` says so."""

    what: str
    value: float | None
    limit: float | None
    at_least: bool = False
    why: str = ""

    @property
    def holds(self) -> bool | None:
        """None where it could not be judged."""
        if self.value is None or self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_json(self) -> dict[str, Any]:
        """With its verdict."""
        return {
            "what": self.what,
            "value": self.value,
            "at_least" if self.at_least else "at_most": self.limit,
            "holds": self.holds,
            **({"why": self.why} if self.why else {}),
        }


@dataclass
class Report:
    """One evaluation. `figures` is its JSON but for bars and limits; `notes` are sentences under the tables."""

    name: str
    figures: dict[str, Any]
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    cannot_judge: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether no bar was missed."""
        return all(bar.holds is not False for bar in self.bars)

    def as_json(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return {
            "evaluation": self.name,
            **self.figures,
            "bars": [bar.as_json() for bar in self.bars],
            "holds": self.holds,
            "notes": self.notes,
            "cannot_judge": self.cannot_judge,
        }

    def show(self, console: Console) -> None:
        """Print it for people."""
        for table in self.tables:
            console.print(table)
        for note in self.notes:
            console.print(note, highlight=False, markup=False)
        if self.bars:
            console.print(_bars(self.bars))
        for line in self.cannot_judge:
            console.print(f"Cannot judge: {line}", highlight=False, markup=False)


def _writable(path: Path | None) -> Path | None:
    """Whether the figures will have somewhere to go is asked before the long work, not after it."""
    if path is not None and str(path) != "-" and (path.is_dir() or not path.parent.is_dir()):
        raise typer.BadParameter(f"{path}: {'this is a folder' if path.is_dir() else f'no folder {path.parent}'}")
    return path


Json = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Write the figures as JSON; - prints them instead.", callback=_writable
    ),
]


def emit(report: Report, json_to: Path | None) -> None:
    """Print the report, write its JSON to a file (or, for `-`, print that alone); exit with 1 when a bar is missed."""
    if json_to is not None:
        text = json.dumps(report.as_json(), indent=1)
        if str(json_to) == "-":
            typer.echo(text)
        else:
            json_to.write_text(text + "\n", encoding="utf-8")
    if str(json_to) != "-":
        console = Console()
        report.show(console if console.is_terminal or "COLUMNS" in os.environ else Console(width=WIDTH))
    if not report.holds:
        raise typer.Exit(1)


def figures_table(title: str, first: str, *others: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    return Table(Column(first, no_wrap=True), *(Column(name, justify="right") for name in others), title=title)


def number(value: float | None, digits: int = 2) -> str:
    """A figure in a table; a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def peer(module: str, package: str) -> Any:
    """The module of a peer. Raises MissingError."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingError(f"{package} is not installed (pip install 'plumbline[evaluate]')") from error
    except OSError as error:  # one of its shared libraries
        raise MissingError(f"{package} cannot be loaded here: {error}") from error


def needed(module: str) -> Any:
    """A module that the evaluation cannot do without. Raises EvaluationError."""
    try:
        return import_module(module)
    except ImportError as error:
        raise EvaluationError(f"this needs {module}: pip install 'plumbline[evaluate]'") from error


def or_missing(run: Callable[[], Any], missing: dict[str, str], name: str) -> Any:
    """What `run` gives; None, with the reason noted once in `missing`, where its peer is not there."""
    if name in missing:
        return None
    try:
        return run()
    except MissingError as error:
        missing[name] = str(error)
        return None


def _bars(bars: list[Bar]) -> Table:
    table = Table(Column("bar"), Column("measured", justify="right"), Column("limit", justify="right"), Column(""))
    for bar in bars:
        sign = "at least" if bar.at_least else "at most"
        limit = "-" if bar.limit is None else f"{sign} {bar.limit:.3f}"
        verdict = {True: "holds", False: "MISSED", None: bar.why or "not judged"}[bar.holds]
        table.add_row(bar.what, number(bar.value, 3), limit, verdict)
    return table
