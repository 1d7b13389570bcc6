"""How far something has come: a bar in a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINE_EVERY_S: Final = 5.0
Tell = Callable[[int, int], None]
"""Takes how many are done, and of how many."""


@contextmanager
def progress(console: Console, what: str, now_s: Callable[[], float] = time.monotonic) -> Iterator[Tell]:
    """Shows `what` until the end of the context."""
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as display:
            bar = display.add_task(what, total=None)
            yield lambda done, of: display.update(bar, completed=done, total=of)
    else:
        yield _lines(console, what, now_s)


def _lines(console: Console, what: str, now_s: Callable[[], float]) -> Tell:
    told_s = now_s()

    def tell(done: int, of: int) -> None:
        nonlocal told_s
        if done == of or now_s() - told_s >= LINE_EVERY_S:
            told_s = now_s()
            console.print(f"{what}: {done} of {of}", highlight=False)

    return tell
