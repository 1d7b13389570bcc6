"""`plumbline evaluate`: what can be measured on recordings of real sensors and real people, and on simulated workdays.

Exit codes: 0 when every bar that could be judged holds, 1 when one is missed, 2 for an input that cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .evaluate_gate import gate_report
from .evaluate_orientation import orientation_report
from .evaluate_report import EvaluationError, Json, Report, emit
from .evaluate_sitting import sitting_report
from .evaluate_triggers import triggers
from .evaluate_workdays import workdays
from .orientation import RecordingError
from .progress import Step, progress

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Measure how well posture is judged, on recordings of real movement and on simulated workdays.",
)


@app.command()
def orientation(
    trials: Annotated[list[Path], typer.Argument(help="Folders or .mat files of BROAD.")],
    *,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also at other rates and ranges, turned, and played backwards.")
    ] = False,
    json_to: Json = None,
) -> None:
    """How exact the clip's angles are, beside vqf and imufusion, on trials with an optical reference (BROAD)."""
    _run(lambda step: orientation_report(trials, step, thorough=thorough), json_to)


@app.command()
def gate(
    folder: Annotated[Path, typer.Argument(help="Folder with mobgap's recordings.")], *, json_to: Json = None
) -> None:
    """How well walking is told from rest, beside scikit-digital-health, on timed walking bouts (mobgap)."""
    _run(lambda step: gate_report(folder, step), json_to)


@app.command()
def sitting(folder: Annotated[Path, typer.Argument(help="Folder with gravity.csv.")], *, json_to: Json = None) -> None:
    """Which angle tells slouched from upright, on held postures of real people: static, posed."""
    _run(lambda _step: sitting_report(folder), json_to)


app.command()(workdays)
app.command()(triggers)


def _run(make: Callable[[Step], Report], json_to: Path | None) -> None:
    errors = Console(stderr=True)
    with _said(errors):
        with progress(errors) as step:
            report = make(step)
        emit(report, json_to)


@contextmanager
def _said(errors: Console) -> Iterator[None]:
    """Tell of an input that cannot be used in one line, and exit with 2."""
    text: Any
    try:
        yield
    except (EvaluationError, RecordingError) as error:
        text = error
    except OSError as error:
        text = f"{error.filename}: {error.strerror}" if error.filename else error
    else:
        return
    errors.print(f"error: {text}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2)
