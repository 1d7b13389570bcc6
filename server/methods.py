"""Which methods an address takes, over all routes there: what `Allow` says with a refusal (RFC 9110, 15.5.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute


def methods_at(app: Any, path: str) -> str:
    """The value of `Allow` for an address; "" where there is nothing."""
    found = (route.methods or set() for route in _routes(app) if route.path_regex.match(path))
    return ", ".join(sorted(set[str]().union(*found)))


def _routes(holder: Any) -> Iterator[APIRoute]:
    for route in holder.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router)
