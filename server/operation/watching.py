"""Around the whole application: an id for each request, a line in the log, and its share of the metrics."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.operation.logs import request_id
from server.operation.metrics import Metrics

log: Final = logging.getLogger(__name__)

HEADER: Final = "x-request-id"
NO_ROUTE: Final = "none"
"""Stands for the route where nothing was found; addresses that people make up do not become labels."""
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics", "/static"})


class Watching:
    """Routes are told by their template: an address may hold a number, or a link that is a secret."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and look at its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number, status, began_s = secrets.token_hex(8), 500, time.monotonic()
        before = request_id.set(number)

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = number
            await send(message)

        try:
            await self._app(scope, receive, numbered)
        finally:
            route, took_s = template(scope), time.monotonic() - began_s
            self._metrics.answered(scope["method"], route, status, took_s)
            level = logging.DEBUG if route in _QUIET else logging.INFO
            told = {"method": scope["method"], "route": route, "status": status, "ms": round(1000 * took_s)}
            log.log(level, "%(method)s %(route)s %(status)d in %(ms)d ms", told, extra=told)
            request_id.reset(before)


def template(scope: Scope) -> str:
    """The template of the route that took the request, like /patients/{patient_id}."""
    path: str | None = getattr(scope.get("route"), "path_format", None) or getattr(scope.get("route"), "path", None)
    return path or NO_ROUTE
