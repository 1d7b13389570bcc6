"""Being told to stop: Ctrl-C, SIGTERM and a closed terminal end the demonstration in the same way."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final, ParamSpec, TypeVar

_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP
P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class _State:
    held: int = 0
    told: bool = False


_STATE: Final = _State()


def _not_again(_number: int, _frame: FrameType | None) -> None:
    """Do nothing. Not SIG_IGN, which a child that is being started would inherit and then could not be ended."""


@contextmanager
def interruptible() -> Iterator[None]:
    """The first signal raises KeyboardInterrupt in the body; later ones do not disturb the cleaning up.

    For the main thread. A signal that this process was started to ignore (nohup) stays ignored.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    mine = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in mine:
            signal.signal(number, _not_again)
        _STATE.told = True
        if not _STATE.held:
            raise KeyboardInterrupt

    _STATE.told = False
    for number in mine:
        signal.signal(number, end)
    try:
        yield
    finally:
        _STATE.told = False
        for number in mine:
            signal.signal(number, before[number])


def uninterrupted(function: Callable[P, R]) -> Callable[P, R]:
    """Holds the interrupt back until the end of `function`, at which it is raised.

    For what starts a child: Python drops an exception that comes while it forks, and one that comes a little later
    would lose the child.
    """

    @functools.wraps(function)
    def held(*args: P.args, **kwargs: P.kwargs) -> R:
        _STATE.held += 1
        try:
            result = function(*args, **kwargs)
        finally:
            _STATE.held -= 1
        if _STATE.told:
            raise KeyboardInterrupt
        return result

    return held
