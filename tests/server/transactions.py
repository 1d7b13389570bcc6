"""What the server does inside a transaction of its caller, in one of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine

from server.store import writing

P = ParamSpec("P")
R = TypeVar("R")


def committed(function: Callable[Concatenate[Connection, P], R]) -> Callable[Concatenate[Engine, P], R]:
    """The function as it is called with an engine: what it does is committed when it returns."""

    def called(engine: Engine, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with writing(engine) as db:
            return function(db, *args, **kwargs)

    return called
