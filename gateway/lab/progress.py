"""How far something has come: a bar in a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

LINE_EVERY_S: Final = 10.0
Step = Callable[[str, float], None]
"""Takes what is being done, and the share of it that is done, 0 to 1."""


@contextmanager
def progress(console: Console, now_s: Callable[[], float] = time.monotonic) -> Iterator[Step]:
    """Shows each step until the end of the context. `now_s` is any clock."""
    if not console.is_terminal:
        yield _lines(console, now_s)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as display:
        task = display.add_task("", total=1.0)
        yield lambda what, share: display.update(task, description=what, completed=share)


def _lines(console: Console, now_s: Callable[[], float]) -> Step:
    told_s = now_s()

    def step(what: str, share: float) -> None:
        nonlocal told_s
        if now_s() - told_s >= LINE_EVERY_S:
            told_s = now_s()
            console.print(f"{what}: {share:.0%}", highlight=False, markup=False)

    return step
