"""`plumbline evaluate workdays`: simulated workdays through the clip's fusion, the core and the reminder policy."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from gateway import messages

from .corpus import bars
from .corpus.judging import judge, judged_plan
from .corpus.score import Score, score
from .corpus.store import kept_stream
from .corpus.workday import workday
from .evaluate_report import Json, Report, emit, figures_table, number
from .progress import Step, progress

SEEDS: Final = 20
HOURS: Final = 8.0

CANNOT_JUDGE: Final = [
    "people: every day is simulated; nobody wore a clip",
    "how natural slouches come and go: sizes, rates and lengths follow published figures, all else is made up",
    "how often a clip slips or is put on askew, and how a shirt lets it move",
    "whether a reminder is felt or heeded: the wearers of the corpus do not know of them",
    "the clip judging by itself: here the gateway's core judges all the time, and what the link loses is lost",
]


def workdays(
    *,
    seeds: Annotated[int, typer.Option(min=1, help="How many days, each of its own wearer and clip.")] = SEEDS,
    first: Annotated[int, typer.Option(min=0, metavar="SEED", help="The first of the seeds.")] = 0,
    hours: Annotated[float, typer.Option(min=0.3, max=24, help="How long a day is worn.")] = HOURS,
    json_to: Json = None,
    streams: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep what comes out of the fusion there, and use it the next time."),
    ] = None,
    cases: Annotated[bool, typer.Option("--cases", help="List what went wrong, with seeds and times.")] = False,
) -> None:
    """Simulated workdays with known truth: reminders, onsets, shifts, wearing, categories."""
    errors = Console(stderr=True)
    try:
        with progress(errors) as step:
            report = workdays_report(range(first, first + seeds), hours, streams, step, cases=cases)
        emit(report, json_to)
    except OSError as error:
        errors.print(f"error: {error.filename}: {error.strerror}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


def workdays_report(seeds: range, hours: float, streams: Path | None, step: Step, *, cases: bool = False) -> Report:
    """Judge the days of `seeds`, each `hours` long."""
    begun = time.monotonic()
    total = Score()
    for done, (_seed, part) in enumerate(_scores(seeds, hours, streams), start=1):
        total += part
        step(f"workdays ({done} of {len(seeds)})", done / len(seeds))
    figures: dict[str, Any] = {
        "simulated": True,
        "seeds": [seeds.start, seeds.stop - 1],
        "hours": hours,
        "took_s": round(time.monotonic() - begun, 1),
        **bars.figures(total),
        "cases": sorted(total.cases),
    }
    report = Report("workdays", figures, [_slouches(total), _told(total)], bars=bars.bars(total))
    report.notes += bars.notes(total, len(seeds))
    if cases:
        report.notes += sorted(total.cases)
    elif total.cases:
        report.notes.append(f"{len(total.cases)} cases to look at: --cases lists them, --json has them")
    report.cannot_judge += CANNOT_JUDGE
    return report


def score_seed(seed: int, hours: float, streams: Path | None) -> Score:
    """One day from its seed to its score."""
    day = workday(seed, hours)
    plan = judged_plan()
    return score(day, judge(day, kept_stream(streams, day), plan), plan)


def _scores(seeds: range, hours: float, streams: Path | None) -> Iterator[tuple[int, Score]]:
    workers = min(os.cpu_count() or 1, len(seeds))
    if workers == 1:
        yield from ((seed, score_seed(seed, hours, streams)) for seed in seeds)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(score_seed, seed, hours, streams): seed for seed in seeds}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def _slouches(total: Score) -> Table:
    table = figures_table(
        "Simulated workdays: slouches kept for dwell + 10 s", "true angle", "slouches", "reminded", "share"
    )
    for band, (count, reminded) in [*total.reported.items(), ("13 and more, scored", (total.scored, total.reminded))]:
        table.add_row(band, str(count), str(reminded), number(reminded / count if count else None))
    return table


def _told(total: Score) -> Table:
    shown = [k for k in range(len(messages.CATEGORIES)) if any(row[k] for row in total.told.values())]
    names = [messages.CATEGORIES[k].replace("_", " ") for k in shown]
    table = figures_table("What the seconds of each activity were told as, in percent", "activity", "seconds", *names)
    for activity, row in sorted(total.told.items()):
        count = sum(row)
        table.add_row(activity, str(count), *(number(100 * row[k] / count if count else None, 1) for k in shown))
    return table
